"""On which day an invoice is in Xero, and as what, where its own day is locked or the plan approves no more.

The choice is made once per location (`preferences.lock_policy`, `drafts_at_limit`); what was done is said with the
invoice. Xero takes nothing dated in a locked period, drafts neither (developer.xero.com, Invoices).
"""

from datetime import date

from portal.models import Invoice, Link
from portal.services import preflight
from portal.services.preferences import LockPolicy
from portal.services.preflight import Organisation

AT_LIMIT = "Sent as a draft: the approvals of this month's Xero plan are used up."
LOCKED_DRAFT = "Sent as a draft. "


def day_of(invoice: Invoice, organisation: Organisation, link: Link | None = None) -> date:
    """The day for Xero: the invoice's own, else the one it was given before, else the first open one."""
    own = own_day(invoice)
    if organisation.lock_policy == LockPolicy.STOP or organisation.lock_of(own) is None:
        return own
    given = preflight.day_of((link.content or {}).get("Date")) if link is not None else None
    return given if given and organisation.lock_of(given) is None else organisation.open_day(own)


def own_day(invoice: Invoice) -> date:
    """The day that HoopAI gives it."""
    return invoice.issue_date or invoice.created_at.date()


def as_draft(invoice: Invoice, organisation: Organisation) -> bool:
    """Whether it goes as a draft because of the lock date or the plan's limit."""
    locked = organisation.lock_of(own_day(invoice)) is not None
    at_limit = organisation.approvals_used and organisation.drafts_at_limit
    return at_limit or (locked and organisation.lock_policy == LockPolicy.DRAFT)


def note(invoice: Invoice, organisation: Organisation) -> str | None:
    """What was done about a new invoice, for its history; None where it goes as it is."""
    moved = preflight.moved(own_day(invoice), day_of(invoice, organisation), organisation)
    if moved and organisation.lock_policy == LockPolicy.DRAFT:
        return LOCKED_DRAFT + moved
    return moved or (AT_LIMIT if as_draft(invoice, organisation) else None)
