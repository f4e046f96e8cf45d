"""What a program may read: status, invoices, payments, pushes, problems."""

from flask import url_for

from portal.api import shapes, telling
from portal.api.routes import route
from portal.models import Connection
from portal.security import here
from portal.services import calling, connections, feeds, outbox, reconciliation, troubleshooting
from portal.services.troubleshooting import Group

MOST_IDS = 500


@route("GET", "/status", answer=shapes.StatusShape)
def status() -> shapes.StatusShape:
    """How the location stands: connection, pushes by state, Xero's quota, whether the books agree."""
    connection = connections.of(here().id)
    counts = {str(state): count for state, count in outbox.counts(here().id).items()}
    return shapes.StatusShape(
        location_id=here().hoop_id,
        connection=_connection(connection),
        cut_off=connection.cut_off if connection else None,
        pushes=shapes.CountsShape(**{name: counts[name] for name in shapes.CountsShape.model_fields}),
        quota=_quota(connection),
        books_agree_as_of=reconciliation.agreed_at(here().id),
    )


@route("GET", "/invoices", answer=shapes.Invoices, query=shapes.InvoiceQuery)
def invoices(query: shapes.InvoiceQuery) -> shapes.Invoices:
    """Invoices, the newest first. `state` is that of `sync`."""
    page = feeds.invoice_feed(here(), query.state, query.q, query.cursor, query.limit)
    return shapes.Invoices(items=[telling.invoice(row) for row in page.items], next_cursor=page.next)


@route("GET", "/invoices/<hoop_id>", answer=shapes.WholeInvoiceShape, fails=(404,))
def invoice(hoop_id: str) -> shapes.WholeInvoiceShape:
    """One invoice with its payments, and every push with its attempts."""
    return telling.whole_invoice(feeds.invoice(here().id, hoop_id))


@route("GET", "/payments", answer=shapes.Payments, query=shapes.PageQuery)
def payments(query: shapes.PageQuery) -> shapes.Payments:
    """Payments, the newest first."""
    page = feeds.payment_feed(here().id, query.cursor, query.limit)
    return shapes.Payments(items=[telling.payment(row) for row in page.items], next_cursor=page.next)


@route("GET", "/pushes", answer=shapes.Pushes, query=shapes.PushQuery)
def pushes(query: shapes.PushQuery) -> shapes.Pushes:
    """What is or was to be carried to Xero, the newest first."""
    page = feeds.push_feed(here().id, query.state, query.kind, query.cursor, query.limit)
    return shapes.Pushes(items=[telling.push(row) for row in page.items], next_cursor=page.next)


@route("GET", "/problems", answer=shapes.Problems)
def problems() -> shapes.Problems:
    """What needs a person, grouped by cause, the largest group first."""
    ids = troubleshooting.members(here(), MOST_IDS)
    return shapes.Problems(
        items=[_problem(group, ids.get(group.key, [])) for group in troubleshooting.groups(here())],
        next_cursor=None,
    )


def _connection(connection: Connection | None) -> shapes.ConnectionShape:
    if connection is None:
        never = shapes.LinkState.NEVER
        return shapes.ConnectionShape(state=never, since=None, reason=None, organisation=None)
    known = {
        name: str(connection.organisation.get(name) or "")
        for name in ("name", "short_code", "country", "base_currency")
    }
    return shapes.ConnectionShape(
        state=shapes.LinkState(str(connection.state)), since=connection.since, reason=connection.reason,
        organisation=shapes.OrganisationShape(tenant_id=connection.tenant_id, **known),
    )  # fmt: skip


def _quota(connection: Connection | None) -> shapes.QuotaShape:
    left = calling.left(connection.tenant_id) if connection else None
    if left is None:
        return shapes.QuotaShape(minute_left=None, day_left=None, day_limit=None, resets_at=None)
    return shapes.QuotaShape(
        minute_left=left.minute, day_left=left.day, day_limit=left.day_limit, resets_at=left.resets_at
    )


def _problem(group: Group, push_ids: list[int]) -> shapes.ProblemShape:
    advice = group.advice
    return shapes.ProblemShape(
        kind=group.failure, cause=group.cause, title=advice.title, subject=group.subject, message=group.message,
        meaning=advice.meaning, owner=advice.owner.name.lower(), count=group.count,
        money=[
            shapes.MoneyShape(currency=currency, amount=telling.amount(value, currency))
            for currency, value in group.money.items()
        ],
        oldest=group.oldest, push_ids=push_ids,
        page=telling.address(url_for(advice.endpoint)) if advice.endpoint else None,
    )  # fmt: skip
