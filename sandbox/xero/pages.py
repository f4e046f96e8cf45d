"""The page for people: look at the books of an organisation and do what a person does in Xero itself."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from sandbox.xero import people
from sandbox.xero.books import Book, Doc
from sandbox.xero.books_shown import invoice as whole_invoice
from sandbox.xero.books_shown import payment as whole_payment
from sandbox.xero.faults import KINDS
from sandbox.xero.here import here

blueprint = Blueprint("pages", __name__)
SHOWN = 200
SAID = {
    "archived": "The account is archived.", "restored": "The account is active again.",
    "locks": "The lock dates are saved.", "removed": "The app is removed: its connection is gone.",
    "saved": "The invoice is saved.", "voided": "The invoice is void.", "unpaid": "The payment is removed.",
    "contact": "The contact is saved.", "tracked": "The tracking option is archived.",
    "untracked": "The tracking option is active again.", "fault": "The fault is on.", "mended": "All faults are off.",
}  # fmt: skip
WORDS = {
    "DRAFT": "Draft", "SUBMITTED": "Awaiting approval", "AUTHORISED": "Awaiting payment", "PAID": "Paid",
    "VOIDED": "Voided", "DELETED": "Deleted",
}  # fmt: skip
_POLICY = (
    "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


@blueprint.after_request
def _closed(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = _POLICY
    return response


@blueprint.app_template_filter("sum")
def money(value: Decimal | None, currency: str = "") -> str:
    """An amount with its currency: `1,250.00 AUD`."""
    return "" if value is None else f"{value:,.2f} {currency}".strip()


@blueprint.app_template_filter("figure")
def figure(value: Decimal, least: int) -> str:
    """A number without needless zeros, but with `least` decimals."""
    short = value.normalize()
    return f"{value:,.{max(least, -int(short.as_tuple().exponent))}f}"


@blueprint.get("/")
def index() -> ResponseReturnValue:
    """The organisations, the faults, the last calls."""
    connected = {row["tenant"] for row in here().books.connections.all()}
    rows = [(_book(row["OrganisationID"]), row["OrganisationID"] in connected) for row in _organisations()]
    calls = here().calls.since(0)[-20:][::-1]
    return render_template(
        "xero/index.html", rows=rows, kinds=KINDS, faults=here().faults.all(), calls=calls, said=_said(),
        problem=request.args.get("problem") == "fault" and "That fault needs a kind, times and seconds.",
    )  # fmt: skip


@blueprint.get("/organisationlogin/default.aspx")
def deep_link() -> ResponseReturnValue:
    """Xero's own deep links (developer.xero.com, Deep linking): the page that the link names, in the books here."""
    code, inner = request.args.get("shortcode"), request.args.get("redirecturl", "")
    tenant = next((row["OrganisationID"] for row in _organisations() if row["ShortCode"] == code), None)
    if tenant is None:
        abort(404)
    found = re.search(r"[?&]InvoiceID=([0-9a-fA-F-]{36})", inner)
    if found:
        return redirect(url_for("pages.invoice", tenant=tenant, identity=found[1]))
    room = "contacts" if inner.startswith("/Contacts/") else "credit_notes"
    return redirect(url_for(f"pages.{room}", tenant=tenant))


@blueprint.get("/books/<tenant>/invoices")
def invoices(tenant: str) -> ResponseReturnValue:
    """Sales invoices, newest first."""
    book = _book(tenant)
    return _list("invoices", book, [_named(book, doc) for doc in _newest(book.invoices.all())], book.invoices)


@blueprint.get("/books/<tenant>/payments")
def payments(tenant: str) -> ResponseReturnValue:
    """Payments, newest first."""
    book = _book(tenant)
    return _list(
        "payments", book, [whole_payment(book, doc) for doc in _newest(book.payments.all())], book.payments
    )


@blueprint.get("/books/<tenant>/contacts")
def contacts(tenant: str) -> ResponseReturnValue:
    """Contacts, newest first."""
    book = _book(tenant)
    return _list("contacts", book, _newest(book.contacts.all()), book.contacts)


@blueprint.get("/books/<tenant>/credit-notes")
def credit_notes(tenant: str) -> ResponseReturnValue:
    """Credit notes, newest first."""
    book = _book(tenant)
    rows = [_named(book, doc) for doc in _newest(book.credit_notes.all())]
    return _list("credit_notes", book, rows, book.credit_notes)


@blueprint.get("/books/<tenant>/accounts")
def accounts(tenant: str) -> ResponseReturnValue:
    """The chart of accounts, and the lock dates."""
    book = _book(tenant)
    rows = sorted(book.accounts.all(), key=lambda row: (row["Code"] or "~", row["Name"]))
    return _page("accounts", book, rows=rows, count=len(book.accounts), tracking=book.tracking.all())


@blueprint.get("/books/<tenant>/invoices/<identity>")
def invoice(tenant: str, identity: str) -> ResponseReturnValue:
    """One invoice: lines, totals, payments, history, and what a person may do with it."""
    return _invoice_page(tenant, identity, [])


@blueprint.post("/books/<tenant>/invoices/<identity>")
def change_invoice(tenant: str, identity: str) -> ResponseReturnValue:
    """Save reference and due date, or void; under the same rules as the API."""
    doc = _book(tenant).invoices.get(identity) or abort(404)
    void = request.form.get("act") == "void"
    ending = "DELETED" if doc["Status"] in ("DRAFT", "SUBMITTED") else "VOIDED"
    wanted = {key: value for key in ("Reference", "DueDate") if (value := request.form.get(key)) is not None}
    if problems := _edit(tenant, doc, {"Status": ending} if void else wanted):
        return _invoice_page(tenant, identity, problems), 422
    return _go("invoice", tenant, "voided" if void else "saved", identity=identity)


@blueprint.post("/books/<tenant>/payments/<identity>/remove")
def remove_payment(tenant: str, identity: str) -> ResponseReturnValue:
    """Remove a payment."""
    doc = _book(tenant).payments.get(identity) or abort(404)
    problems = people.delete_payment(tenant, doc)
    if doc["DocumentKind"] != "Invoice":
        return _go("payments", tenant, "" if problems else "unpaid")
    if problems:
        return _invoice_page(tenant, doc["DocumentID"], problems), 422
    return _go("invoice", tenant, "unpaid", identity=doc["DocumentID"])


@blueprint.post("/books/<tenant>/accounts/<identity>")
def change_account(tenant: str, identity: str) -> ResponseReturnValue:
    """Archive or restore an account."""
    doc = _book(tenant).accounts.get(identity) or abort(404)
    archive = request.form.get("act") == "archive"
    with here().books.writing():
        people.change_account(tenant, doc, {"Status": "ARCHIVED" if archive else "ACTIVE"})
    return _go("accounts", tenant, "archived" if archive else "restored")


@blueprint.post("/books/<tenant>/tracking/<identity>")
def change_tracking(tenant: str, identity: str) -> ResponseReturnValue:
    """Archive or restore a tracking option."""
    _book(tenant)
    archive = request.form.get("act") == "archive"
    with here().books.writing():
        people.change_tracking(tenant, identity, {"Status": "ARCHIVED" if archive else "ACTIVE"}) or abort(
            404
        )
    return _go("accounts", tenant, "tracked" if archive else "untracked")


@blueprint.post("/books/<tenant>/contacts/<identity>")
def change_contact(tenant: str, identity: str) -> ResponseReturnValue:
    """Archive or restore a contact."""
    doc = _book(tenant).contacts.get(identity) or abort(404)
    people.set_contact_status(tenant, doc, "ARCHIVED" if request.form.get("act") == "archive" else "ACTIVE")
    return _go("contacts", tenant, "contact")


@blueprint.post("/books/<tenant>/locks")
def locks(tenant: str) -> ResponseReturnValue:
    """Set or clear the lock dates."""
    _book(tenant)
    people.set_locks(tenant, _day("period"), _day("year"))
    return _go("accounts", tenant, "locks")


@blueprint.post("/books/<tenant>/remove-app")
def remove_app(tenant: str) -> ResponseReturnValue:
    """Disconnect the app from inside Xero."""
    _book(tenant)
    with here().books.writing():
        people.remove_app(tenant)
    return _go("index", None, "removed")


@blueprint.post("/faults")
def faults() -> ResponseReturnValue:
    """Switch a fault on, or all off."""
    if request.form.get("act") == "mend":
        here().faults.clear()
        return _go("index", None, "mended")
    try:
        here().faults.set({key: value for key, value in request.form.items() if value})
    except ValueError:
        return redirect(url_for("pages.index", problem="fault"), 303)
    return _go("index", None, "fault")


def _edit(tenant: str, doc: Doc, changes: dict[str, Any]) -> list[str]:
    if changes.get("DueDate"):
        try:
            date.fromisoformat(changes["DueDate"])
        except ValueError:
            return ["The due date is not a date."]
    return people.edit_invoice(tenant, doc, changes)


def _invoice_page(tenant: str, identity: str, problems: list[str]) -> str:
    book = _book(tenant)
    doc = book.invoices.get(identity) or abort(404)
    credits = [
        one
        | {"Number": (book.credit_notes.get(one["SourceID"]) or {}).get("CreditNoteNumber", "Overpayment")}
        for one in book.allocations.find("invoice", identity)
    ]
    return _page("invoice", book, doc=whole_invoice(book, doc), credits=credits, problems=problems)


def _list(name: str, book: Book, rows: list[Doc], table: Any) -> str:
    return _page(name, book, rows=rows, count=len(table))


def _page(name: str, book: Book, **values: Any) -> str:
    connected = [row for row in here().books.connections.all() if row["tenant"] == book.tenant]
    return render_template(
        f"xero/{name}.html", organisation=book.organisation, tenant=book.tenant, tab=name, words=WORDS, said=_said(),
        connected=bool(connected), **values,
    )  # fmt: skip


def _book(tenant: str) -> Book:
    return here().books.book(tenant) if here().books.organisation(tenant) else abort(404)


def _organisations() -> list[Doc]:
    return here().books.organisations.all()


def _newest(docs: Iterable[Doc]) -> list[Doc]:
    return list(docs)[::-1][:SHOWN]


def _named(book: Book, doc: Doc) -> Doc:
    return doc | {"Name": (book.contacts.get(doc["ContactID"]) or {}).get("Name", "")}


def _said() -> str:
    return SAID.get(request.args.get("said", ""), "")


def _day(name: str) -> str | None:
    try:
        return date.fromisoformat(request.form.get(name, "")).isoformat()
    except ValueError:
        return None


def _go(endpoint: str, tenant: str | None, said: str, **more: str) -> ResponseReturnValue:
    where: dict[str, Any] = {**more, **({"tenant": tenant} if tenant else {})}
    query = f"?said={said}" if said else ""
    return redirect(url_for(f"pages.{endpoint}", **where) + query, 303)
