"""HoopAI's document beside Xero's, field by field, with every difference in words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from portal import words
from portal.models import (
    Attempt,
    Contact,
    Document,
    Invoice,
    InvoiceStatus,
    LedgerAccount,
    Link,
    Payment,
    Push,
    Refund,
)
from portal.services import matching, rounding, seen
from portal.services.mapping_history import method_name
from portal.services.seen import GONE
from portal.words import ENDED

Told = dict[str, Any]
EXPECTED = {
    InvoiceStatus.DRAFT: ("DRAFT", "SUBMITTED"),
    InvoiceStatus.SENT: ("AUTHORISED", "DRAFT", "SUBMITTED"),
    InvoiceStatus.PAYMENT_PROCESSING: ("AUTHORISED", "DRAFT", "SUBMITTED"),
    InvoiceStatus.PARTIALLY_PAID: ("AUTHORISED", "DRAFT", "SUBMITTED"),
    InvoiceStatus.PAID: ("PAID",),
    InvoiceStatus.VOID: ENDED,
    InvoiceStatus.DELETE: ENDED,
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field on both sides, as texts, amounts or days. `differs` says in words how they differ, empty where not.

    `theirs` is None where Xero has not been asked for it; `note` is what else is to be said of Xero's side.
    """

    name: str
    ours: str | Decimal | date | None
    theirs: str | Decimal | date | None
    differs: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """Xero's side as last told, and when that was."""

    told: Told
    at: datetime | None

    @property
    def gone(self) -> bool:
        """Whether Xero had no such document any more when it was looked at."""
        return self.told.get("status") == GONE

    @classmethod
    def of(cls, link: Link | None) -> "View":
        """What was read back and is kept on a link; nothing where that never was."""
        kept = (link.seen or {}) if link is not None else {}
        at = datetime.fromisoformat(str(kept["at"])) if kept.get("at") else None
        return cls(kept, at)

    @classmethod
    def newest(cls, link: Link | None, pushes: Iterable[Push]) -> "View":
        """The same, or Xero's answer to what was sent last where that is newer.

        What is paid is left out where money was sent since: then only a look can tell it.
        """
        kept = cls.of(link)
        if link is None:
            return kept
        sent = [each for push in pushes for each in push.attempts if each.outcome == "sent"]
        own = [each for each in sent if each.answer and _about(each, link)]
        last = max(own, key=lambda each: each.at, default=None)
        if last is not None and (kept.at is None or kept.at < last.at):
            kept = cls(seen.of(Document(link.document), last.answer), last.at)
        later = any(kept.at is None or each.at > kept.at for each in sent if not _about(each, link))
        unsure = ("paid", "credited") if later else ()
        return cls({name: value for name, value in kept.told.items() if name not in unsure}, kept.at)


def _about(attempt: Attempt, link: Link) -> bool:
    """Whether an attempt was about the linked document itself."""
    push = attempt.push
    return (push.document, push.document_id) == (link.document, link.document_id)


def invoice(
    ours: Invoice,
    link: Link | None,
    view: View,
    contact_link: Link | None = None,
    known: Decimal | None = None,
) -> list[Field]:
    """An invoice beside Xero's. `known` is what is paid there as far as our own payments tell."""
    told = view.told
    mine = contact_link is not None and not contact_link.ours
    status = link.xero_status if link else None
    number = (
        told.get("number") or (link.xero_number if link else None) or (ours.number_sent if link else None)
    )
    total = link.xero_total if link else None
    paid = _sum(told["paid"], told.get("credited")) if "paid" in told else known if link else None
    called = _names(ours.contact, told.get("contact"))
    sent_as = f"Sent as {ours.number_sent}." if ours.number_sent != ours.number else ""
    return [
        Field("Number", ours.number or None, number, _other(ours.number_sent, number), sent_as),
        Field("Customer", ours.contact.display_name if ours.contact else None, told.get("contact"),
              "" if mine else called,
              "Linked to a contact that the portal did not make." if mine and called else ""),
        Field("Status", words.IN_HOOPAI.get(ours.status, ours.status), _in_xero(status), _status(ours, status)),
        Field("Currency", ours.currency, told.get("currency"), _other(ours.currency, told.get("currency"))),
        Field("Total", ours.total, total, _more(ours.total, total)),
        Field("Paid", ours.amount_paid, paid, _more(ours.amount_paid, paid)),
        Field("Issued", ours.issue_date, _day(told.get("date")), _later(ours.issue_date, _day(told.get("date")))),
        Field("Due", ours.due_date, _day(told.get("due")), _later(ours.due_date, _day(told.get("due")))),
    ]  # fmt: skip


def payment(ours: Payment, link: Link | None, view: View) -> list[Field]:
    """Money received beside Xero's payment."""
    told, total = view.told, link.xero_total if link else None
    gone = ours.taken_back_at is not None
    status = "Taken back" if gone else "Received"
    wrong = "deleted in Xero" if not gone and link and link.xero_status == "DELETED" else ""
    wrong = "still in Xero" if gone and link and link.xero_status != "DELETED" else wrong
    return [
        Field("Invoice", ours.invoice.number, told.get("number"), _other(ours.invoice.number_sent, told.get("number"))),
        Field("Amount", ours.amount, total, _more(ours.amount, total)),
        Field("Date", ours.paid_on, _day(told.get("date")), _later(ours.paid_on, _day(told.get("date")))),
        Field("Method", None if ours.method == "default" else method_name(ours.method), _account(told)),
        Field("Status", status, _of_payment(link), wrong, "Reconciled there." if told.get("reconciled") else ""),
        Field("Reference", ours.hoop_id, told.get("reference")),
    ]  # fmt: skip


def credit_note(ours: Refund, link: Link | None, view: View) -> list[Field]:
    """Money given back beside Xero's credit note."""
    told, total = view.told, link.xero_total if link else None
    status = link.xero_status if link else None
    return [
        Field("Number", f"Refund of invoice {ours.invoice.number}", link.xero_number if link else None),
        Field("Amount", ours.amount, total, _more(ours.amount, total)),
        Field(
            "Date", ours.refunded_on, _day(told.get("date")), _later(ours.refunded_on, _day(told.get("date")))
        ),
        Field("Status", "Given back", _in_xero(status), "ended in Xero" if status in ENDED else ""),
        Field("Reference", ours.hoop_id, told.get("reference")),
    ]


def refund(ours: Refund, link: Link | None, view: View) -> list[Field]:
    """The money that went back beside the payment on the credit note."""
    told, total = view.told, link.xero_total if link else None
    wrong = "deleted in Xero" if link and link.xero_status == "DELETED" else ""
    return [
        Field("Amount", ours.amount, total, _more(ours.amount, total)),
        Field(
            "Date", ours.refunded_on, _day(told.get("date")), _later(ours.refunded_on, _day(told.get("date")))
        ),
        Field("Method", None if ours.method == "default" else method_name(ours.method), _account(told)),
        Field("Status", "Given back", _of_payment(link), wrong),
    ]


def contact(ours: Contact, link: Link | None, view: View) -> list[Field]:
    """A customer beside Xero's contact."""
    told = view.told
    email = (ours.email or "").casefold() != (told.get("email") or "").casefold()
    archived = "archived in Xero" if told.get("status") == "ARCHIVED" else ""
    return [
        Field("Name", ours.display_name, told.get("name"), _names(ours, told.get("name"))),
        Field("E-mail", ours.email, told.get("email"), "not the same" if told and email else ""),
        Field("Number", ours.hoop_id, told.get("number") or (link.xero_number if link else None)),
        Field("Status", "Known", str(told["status"]).capitalize() if told.get("status") else None, archived),
    ]


def of(
    kind: Document, row: Contact | Invoice | Payment | Refund, link: Link | None, view: View
) -> list[Field]:
    """The fields of any document."""
    if isinstance(row, Invoice):
        return invoice(row, link, view)
    if isinstance(row, Contact):
        return contact(row, link, view)
    if isinstance(row, Payment):
        return payment(row, link, view)
    return credit_note(row, link, view) if kind == Document.CREDIT_NOTE else refund(row, link, view)


def lines_there(ours: Invoice, view: View) -> list[Told | None]:
    """Xero's line for each of ours as last told, in our order; None where none fits or nothing is known."""
    rows = rounding.without(view.told.get("lines") or [], len(ours.lines))
    if len(rows) == len(ours.lines):
        return list(rows)
    found: list[Told | None] = []
    for line in ours.lines:
        text = (line.description or line.name).strip()
        row = next((row for row in rows if str(row.get("Description") or "").strip() == text), None)
        found.append(row)
        if row is not None:
            rows.remove(row)
    return found


def account_differs(there: Told | None, wanted: LedgerAccount | None, known: Sequence[LedgerAccount]) -> str:
    """How the account of a line in Xero differs from the one that today's mapping gives, in words."""
    code = (there or {}).get("AccountCode")
    if not code or wanted is None or wanted.code == code:
        return ""
    label = next((account.label for account in known if account.code == code), code)
    return f"in {label} in Xero"


def _names(ours: Contact | None, theirs: str | None) -> str:
    if ours is None or theirs is None or matching.folded(ours.name_sent) == matching.folded(theirs):
        return ""
    return "called otherwise in Xero"


def _status(ours: Invoice, status: str | None) -> str:
    if status is None or status in EXPECTED[InvoiceStatus(ours.status)]:
        return ""
    theirs = words.IN_XERO.get(status, status)
    return f"{words.IN_HOOPAI[ours.status].lower()} in HoopAI, {theirs.lower()} in Xero"


def _in_xero(status: str | None) -> str | None:
    return words.IN_XERO.get(status, status) if status else None


def _of_payment(link: Link | None) -> str | None:
    if link is None:
        return None
    return "Deleted" if link.xero_status == "DELETED" else "Recorded"


def _account(told: Told) -> str | None:
    return f"Account {told['account']}" if told.get("account") else None


def _other(ours: str | None, theirs: str | None) -> str:
    return "not the same" if theirs is not None and (ours or "") != theirs else ""


def _more(ours: Decimal, theirs: Decimal | None) -> str:
    if theirs is None or Decimal(theirs) == ours:
        return ""
    gap = Decimal(theirs) - ours
    return f"{abs(gap):,.2f} {'more' if gap > 0 else 'less'} in Xero"


def _later(ours: date | None, theirs: date | None) -> str:
    if ours is None or theirs is None or ours == theirs:
        return ""
    days = (theirs - ours).days
    return f"{abs(days)} day{'' if abs(days) == 1 else 's'} {'later' if days > 0 else 'earlier'} in Xero"


def _sum(*amounts: Any) -> Decimal:
    return sum((Decimal(str(amount or 0)) for amount in amounts), Decimal(0))


def _day(text: Any) -> date | None:
    return date.fromisoformat(str(text)[:10]) if text else None
