"""Rows for pages to show: a connected location with accounts, invoices in every state, payments, problems."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.models import (
    Attempt,
    Authorisation,
    Connection,
    ConnectionState,
    Contact,
    Document,
    Failure,
    Invoice,
    InvoiceStatus,
    LedgerAccount,
    Line,
    Link,
    Location,
    Mapping,
    MappingKind,
    Operation,
    Payment,
    Push,
    PushState,
    TaxRate,
    TrackingOption,
)
from portal.services import mappings
from portal.services.unit import release, transaction
from tests.support.portal import KAURI

TENANT = "9d1b6a52-0000-4000-8000-00000000a001"
SALES, ARCHIVED, OTHER, BANK = "acc-sales", "acc-archived", "acc-other", "acc-bank"
SCOPES = ["accounting.invoices", "accounting.payments", "accounting.contacts", "accounting.settings.read"]


@dataclass(frozen=True)
class Plan:
    """One invoice to build: its HoopAI status, its push's state and why."""

    number: str
    status: InvoiceStatus = InvoiceStatus.SENT
    state: PushState = PushState.QUEUED
    failure: Failure | None = None
    cause: str | None = None
    message: str | None = None
    paid: bool = False


PLANS = (
    Plan("HS-1", InvoiceStatus.PAID, PushState.SENT, paid=True),
    Plan("HS-2", state=PushState.QUEUED),
    Plan("HS-3", state=PushState.SENDING),
    Plan("HS-4", state=PushState.WAITING, failure=Failure.UNSURE, message="No answer came."),
    Plan(
        "HS-5",
        state=PushState.BLOCKED,
        failure=Failure.MAPPING,
        cause="category:product:workshop",
        message="No account is chosen for Workshops.",
    ),
    Plan(
        "HS-6",
        state=PushState.BLOCKED,
        failure=Failure.MAPPING,
        cause=f"account:{ARCHIVED}",
        message="Account 215 was archived.",
    ),
    Plan(
        "HS-7",
        state=PushState.BLOCKED,
        failure=Failure.REFUSED,
        cause="lock",
        message="The books are locked.",
    ),
    Plan("HS-8", InvoiceStatus.DRAFT, PushState.SKIPPED, message="A test-mode invoice."),
)


def connect(hoop_id: str) -> int:
    """Connect this location to an organisation with a small chart; the location's own id."""
    with transaction() as session:
        location = session.scalars(select(Location).where(Location.hoop_id == hoop_id)).one()
        location_id = location.id
        connection = _connection(session, location_id)
        _chart(session, connection.id)
        mappings.learn(
            session,
            location_id,
            {"product:retainer": "Retainers", "product:workshop": "Workshops"},
            {"gst": ("GST", Decimal(10))},
        )
        choose(session, location_id, MappingKind.CATEGORY, "product:retainer", account_id=ARCHIVED)
        choose(session, location_id, MappingKind.TAX, "gst", tax_type="OUTPUT")
        choose(session, location_id, MappingKind.PAYMENT, "default", account_id=BANK)
    release()
    return location_id


def connect_second() -> int:
    """Connect the demo agency's other location as well."""
    return connect(KAURI)


def choose(session: Session, location_id: int, kind: MappingKind, key: str, **to: str) -> None:
    """Write one mapping as it would have been saved."""
    session.add(Mapping(location_id=location_id, tenant_id=TENANT, kind=kind, key=key, **to))


def track(location_id: int, tracking_id: str, name: str, *options: str) -> None:
    """Give the organisation a tracking category with these options."""
    with transaction() as session:
        connection_id = session.scalars(
            select(Connection.id).where(Connection.location_id == location_id)
        ).one()
        session.add_all(
            TrackingOption(
                connection_id=connection_id, option_id=f"{tracking_id}-{each}", name=each, status="ACTIVE",
                tracking_id=tracking_id, tracking_name=name, tracking_status="ACTIVE", fetched_at=clock.now(),
            )
            for each in options
        )  # fmt: skip
    release()


def fill(location_id: int, plans: tuple[Plan, ...] = PLANS) -> None:
    """Build the invoices of these plans with lines, pushes, links, attempts and payments."""
    with transaction() as session:
        contact = Contact(location_id=location_id, hoop_id="con1", name="Mo Reyes", company="Lantern Foods")
        session.add(contact)
        session.flush()
        for index, plan in enumerate(plans):
            _invoice(session, location_id, contact, index, plan)
    release()


def _connection(session: Session, location_id: int) -> Connection:
    now = clock.now()
    permit = Authorisation(
        xero_user_id=f"user-{location_id}",
        tokens_sealed="",
        scopes=SCOPES,
        expires_at=now + timedelta(minutes=20),
        refreshed_at=now,
    )
    session.add(permit)
    session.flush()
    connection = Connection(
        location_id=location_id,
        authorisation_id=permit.id,
        xero_connection_id="xc",
        tenant_id=TENANT,
        state=ConnectionState.CONNECTED,
        cut_off=now - timedelta(days=10),
        organisation={
            "name": "Harbour Studio Pty Ltd",
            "short_code": "!H4rb1",
            "base_currency": "AUD",
            "country": "AU",
        },
    )
    session.add(connection)
    session.flush()
    return connection


def _chart(session: Session, connection_id: int) -> None:
    chart = (
        (SALES, "200", "Sales", "REVENUE", "ACTIVE"),
        (ARCHIVED, "215", "Retainers", "REVENUE", "ARCHIVED"),
        (OTHER, "260", "Workshops and other", "OTHERINCOME", "ACTIVE"),
        (BANK, "090", "Business Bank Account", "BANK", "ACTIVE"),
    )
    for account_id, code, name, kind, status in chart:
        session.add(account(connection_id, account_id, code, name, kind, status))
    for tax_type, name, rate in (("OUTPUT", "GST on Income", 10), ("EXEMPTOUTPUT", "GST Free Income", 0)):
        session.add(
            TaxRate(
                connection_id=connection_id,
                tax_type=tax_type,
                name=name,
                rate=Decimal(rate),
                status="ACTIVE",
                fetched_at=clock.now(),
            )
        )


def account(
    connection_id: int, account_id: str, code: str, name: str, kind: str = "REVENUE", status: str = "ACTIVE"
) -> LedgerAccount:
    """One ledger account."""
    return LedgerAccount(
        connection_id=connection_id,
        account_id=account_id,
        code=code,
        name=name,
        type=kind,
        class_="ASSET" if kind == "BANK" else "REVENUE",
        status=status,
        fetched_at=clock.now(),
    )


def _invoice(session: Session, location_id: int, contact: Contact, index: int, plan: Plan) -> None:
    total, now = Decimal(1300 + index), clock.now()
    invoice = Invoice(
        location_id=location_id,
        hoop_id=f"inv{index}",
        contact_id=contact.id,
        number=plan.number,
        status=plan.status,
        currency="AUD",
        total=total,
        amount_paid=total if plan.paid else Decimal(0),
        amount_due=Decimal(0) if plan.paid else total,
        issue_date=date(2026, 11, 2),
        due_date=date(2026, 11, 16),
        created_at=now - timedelta(days=3, minutes=-index),
        updated_at=now,
        content_hash="h",
    )
    invoice.lines = [
        Line(
            position=0,
            name="Retainer",
            quantity=Decimal(1),
            unit_amount=Decimal(1000),
            category_key="product:retainer",
            taxes=[{"key": "gst", "name": "GST", "rate": Decimal(10)}],
            tax_key="gst",
        ),
        Line(
            position=1,
            name="Workshop <b>day</b>",
            quantity=Decimal("1.5"),
            unit_amount=Decimal("133.33"),
            category_key="product:workshop",
        ),
    ]
    session.add(invoice)
    session.flush()
    _push(session, invoice, plan)
    if plan.paid:
        _payment(session, invoice)


def _push(session: Session, invoice: Invoice, plan: Plan) -> None:
    now = clock.now()
    push = Push(
        location_id=invoice.location_id,
        document=Document.INVOICE,
        document_id=invoice.id,
        operation=Operation.CREATE,
        parent_document=Document.CONTACT,
        parent_id=invoice.contact_id,
        state=plan.state,
        failure=plan.failure,
        cause=plan.cause,
        message=plan.message,
        amount=invoice.total,
        currency="AUD",
        settled_at=now if plan.state == PushState.SENT else None,
        next_try_at=now + timedelta(minutes=3) if plan.state == PushState.WAITING else None,
    )
    session.add(push)
    session.flush()
    if plan.state == PushState.SENT:
        _link(session, invoice.location_id, Document.INVOICE, invoice.id, invoice.number, invoice.total)
        session.add(
            Attempt(
                push_id=push.id,
                outcome="sent",
                http_status=200,
                duration_ms=812,
                idempotency_key="k" * 32,
                request={"Total": invoice.total},
                answer={"InvoiceID": f"xero-{invoice.id}"},
            )
        )


def _payment(session: Session, invoice: Invoice) -> None:
    payment = Payment(
        location_id=invoice.location_id,
        invoice_id=invoice.id,
        amount=invoice.total,
        paid_to=invoice.total,
        paid_on=date(2026, 11, 12),
        method="stripe",
    )
    session.add(payment)
    session.flush()
    session.add(
        Push(
            location_id=invoice.location_id,
            document=Document.PAYMENT,
            document_id=payment.id,
            operation=Operation.CREATE,
            parent_document=Document.INVOICE,
            parent_id=invoice.id,
            state=PushState.SENT,
            settled_at=clock.now(),
            amount=payment.amount,
            currency="AUD",
        )
    )
    _link(session, invoice.location_id, Document.PAYMENT, payment.id, None, None)


def _link(
    session: Session,
    location_id: int,
    document: Document,
    document_id: int,
    number: str | None,
    total: Decimal | None,
) -> None:
    session.add(
        Link(
            location_id=location_id,
            tenant_id=TENANT,
            document=document,
            document_id=document_id,
            xero_id=f"xero-{document_id}",
            xero_number=number,
            xero_status="PAID" if total else None,
            xero_total=total,
        )
    )
