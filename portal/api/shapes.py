"""The shapes of API v1 that programs rely on. Amounts are text with the currency's decimals; moments are UTC."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from portal.models import Failure, InvoiceStatus, PushState
from portal.services import feeds

T = TypeVar("T")
Amount = Annotated[str, Field(pattern=r"^-?\d+(\.\d+)?$", examples=["1250.00"])]


class Shape(BaseModel):
    """A shape of an answer."""

    model_config = ConfigDict(extra="forbid")


class Listed(Shape, Generic[T]):
    """One page of a list. Ask for the next one with `cursor=next_cursor`; null after the last."""

    items: list[T]
    next_cursor: str | None


class Standing(StrEnum):
    """Where a document stands: a push's state, or `none` while nothing was asked for."""

    NONE = "none"
    QUEUED = "queued"
    SENDING = "sending"
    WAITING = "waiting"
    BLOCKED = "blocked"
    SENT = "sent"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


class LinkState(StrEnum):
    """Where the connection to Xero stands."""

    CONNECTED = "connected"
    PAUSED = "paused"
    ATTENTION = "attention"
    DISCONNECTED = "disconnected"
    NEVER = "never"


class OrganisationShape(Shape):
    """The Xero organisation."""

    tenant_id: str
    name: str
    short_code: str
    country: str
    base_currency: str


class ConnectionShape(Shape):
    """The connection to Xero, since when it stands so, and why."""

    state: LinkState
    since: datetime | None
    reason: str | None
    organisation: OrganisationShape | None


class CountsShape(Shape):
    """How many pushes stand in each state."""

    queued: int
    sending: int
    waiting: int
    blocked: int
    sent: int
    skipped: int


class QuotaShape(Shape):
    """What is left of Xero's limits; null while Xero has not told."""

    minute_left: int | None
    day_left: int | None
    day_limit: int | None
    resets_at: datetime | None


class StatusShape(Shape):
    """How the location stands. `books_agree_as_of` is when the last reconciliation found nothing amiss, else null."""

    location_id: str
    connection: ConnectionShape
    cut_off: datetime | None
    pushes: CountsShape
    quota: QuotaShape
    books_agree_as_of: datetime | None


class SyncShape(Shape):
    """How a document stands on its way to Xero: `kind` of failure, and `message` where there is more to say of it.

    The message is what the pages say, with times in the location's zone: why it waits, is blocked or was left out.
    """

    state: Standing
    kind: Failure | None
    message: str | None
    next_try_at: datetime | None


class ContactShape(Shape):
    """The customer."""

    hoop_id: str
    name: str
    xero_id: str | None


class XeroShape(Shape):
    """The invoice in Xero, as it was last seen."""

    id: str
    number: str | None
    status: str | None
    total: Amount | None
    url: str | None


class PaymentShape(Shape):
    """One payment of an invoice."""

    id: int
    amount: Amount
    date: date
    method: str
    xero_id: str | None
    sync: SyncShape


class AttemptShape(Shape):
    """One exchange with Xero about a push."""

    at: datetime
    status: int | None
    duration_ms: int | None
    idempotency_key: str | None
    correlation_id: str | None


class InvoicePushShape(Shape):
    """A push of an invoice, its customer, its payments or its refunds."""

    id: int
    document: str
    operation: str
    state: PushState
    kind: Failure | None
    message: str | None
    tries: int
    attempts: list[AttemptShape]


class InvoiceShape(Shape):
    """An invoice of HoopAI and where it stands."""

    hoop_id: str
    number: str
    status: InvoiceStatus
    currency: str
    total: Amount
    tax: Amount
    paid: Amount
    contact: ContactShape | None
    xero: XeroShape | None
    sync: SyncShape


class WholeInvoiceShape(InvoiceShape):
    """The same with its payments, and every push with its attempts."""

    payments: list[PaymentShape]
    pushes: list[InvoicePushShape]


class InvoiceNameShape(Shape):
    """Which invoice is meant."""

    hoop_id: str
    number: str


class ListedPaymentShape(PaymentShape):
    """A payment with its invoice."""

    currency: str
    invoice: InvoiceNameShape


class PushShape(Shape):
    """One document on its way to Xero. `what` and `who` say in words what it is about."""

    id: int
    document: str
    operation: str
    state: PushState
    kind: Failure | None
    cause: str | None
    message: str | None
    tries: int
    next_try_at: datetime | None
    amount: Amount | None
    currency: str | None
    what: str
    who: str
    invoice_hoop_id: str | None
    created_at: datetime
    updated_at: datetime


class MoneyShape(Shape):
    """An amount in its currency."""

    currency: str
    amount: Amount


class ProblemShape(Shape):
    """Documents that one act mends. `page` is where a person does it, `owner` who."""

    kind: Failure
    cause: str
    title: str
    subject: str
    message: str
    meaning: str
    owner: str
    count: int
    money: list[MoneyShape]
    oldest: datetime
    push_ids: list[int]
    page: str | None


class Invoices(Listed[InvoiceShape]):
    """A page of invoices."""


class Payments(Listed[ListedPaymentShape]):
    """A page of payments."""


class Pushes(Listed[PushShape]):
    """A page of pushes."""


class Problems(Listed[ProblemShape]):
    """What needs a person, grouped by cause. It is one page."""


class Asked(BaseModel):
    """A query; a parameter that is not known is refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


Text = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]
Cursor = Annotated[
    str, Field(max_length=200, pattern=r"^[A-Za-z0-9_-]*$", description="`next_cursor` of a page")
]
Limit = Annotated[int, Field(ge=1, le=feeds.MOST, description="How many a page")]


class PageQuery(Asked):
    """A page of a list."""

    cursor: Cursor = ""
    limit: Limit = feeds.SIZE


class InvoiceQuery(PageQuery):
    """Invoices by where they stand, and by number, customer or HoopAI's id."""

    state: PushState | None = None
    q: Text = ""


class PushQuery(PageQuery):
    """Pushes by state and by kind of failure."""

    state: PushState | None = None
    kind: Failure | None = None


class ItemError(Shape):
    """What is wrong with one item: a `pointer` into the body (RFC 6901) or a `parameter` of the query."""

    detail: str
    pointer: str | None = None
    parameter: str | None = None


class Problem(Shape):
    """A refusal (RFC 9457). `type` is stable; `instance` ends with the number of the request."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[ItemError] | None = None
