"""Nouns: tables and what a row knows of itself. No commits, no calls."""

from portal.models.api import ApiKey, ApiRequest
from portal.models.base import Base, ExactJSON, Moment, Money
from portal.models.books import DirectoryContact, LedgerAccount, TaxRate, TrackingOption
from portal.models.connections import (
    Authorisation,
    AuthorisationState,
    Connection,
    ConnectionEvent,
    ConnectionState,
    ConsentRun,
    Withdrawal,
)
from portal.models.documents import Contact, Ending, Invoice, InvoiceStatus, Line, Payment, Refund
from portal.models.letters_of_entry import Invitation, PasswordReset
from portal.models.mails import Mail, MailState
from portal.models.mapping_history import MappingChange, MappingSave
from portal.models.mappings import Category, HoopTax, Mapping, MappingKind
from portal.models.notices import Notice, NoticeKind, Rhythm, Telling, Watcher
from portal.models.people import Agency, AuditEntry, Location, Role, Session, User, UserLocation
from portal.models.products import Collection, Product
from portal.models.pushes import (
    UNSETTLED,
    Attempt,
    Batch,
    BatchState,
    Document,
    Failure,
    Heartbeat,
    Link,
    Operation,
    Push,
    PushState,
)
from portal.models.recodings import RecodedInvoice, Recoding
from portal.models.reconciliation import (
    Difference,
    DifferenceKind,
    Reconciliation,
    RunStage,
    RunState,
    XeroSeen,
)
from portal.models.runs import Run, RunKind
from portal.models.second_factors import RecoveryCode, SecondFactor
from portal.models.settings import LocationSetting
from portal.models.sources import CatchUp, CatchUpState, EventState, InboundEvent, Source, Stage
from portal.models.webhooks import DeliveryState, WebhookDelivery, WebhookEndpoint

__all__ = [
    "UNSETTLED",
    "Agency",
    "ApiKey",
    "ApiRequest",
    "Attempt",
    "AuditEntry",
    "Authorisation",
    "AuthorisationState",
    "Base",
    "Batch",
    "BatchState",
    "CatchUp",
    "CatchUpState",
    "Category",
    "Collection",
    "Connection",
    "ConnectionEvent",
    "ConnectionState",
    "ConsentRun",
    "Contact",
    "DeliveryState",
    "Difference",
    "DifferenceKind",
    "DirectoryContact",
    "Document",
    "Ending",
    "EventState",
    "ExactJSON",
    "Failure",
    "Heartbeat",
    "HoopTax",
    "InboundEvent",
    "Invitation",
    "Invoice",
    "InvoiceStatus",
    "LedgerAccount",
    "Line",
    "Link",
    "Location",
    "LocationSetting",
    "Mail",
    "MailState",
    "Mapping",
    "MappingChange",
    "MappingKind",
    "MappingSave",
    "Moment",
    "Money",
    "Notice",
    "NoticeKind",
    "Operation",
    "PasswordReset",
    "Payment",
    "Product",
    "Push",
    "PushState",
    "RecodedInvoice",
    "Recoding",
    "Reconciliation",
    "RecoveryCode",
    "Refund",
    "Rhythm",
    "Role",
    "Run",
    "RunKind",
    "RunStage",
    "RunState",
    "SecondFactor",
    "Session",
    "Source",
    "Stage",
    "TaxRate",
    "Telling",
    "TrackingOption",
    "User",
    "UserLocation",
    "Watcher",
    "WebhookDelivery",
    "WebhookEndpoint",
    "Withdrawal",
    "XeroSeen",
]
