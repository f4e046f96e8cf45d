"""The Invoices endpoint (developer.xero.com, Invoices)."""

from __future__ import annotations

from sandbox.xero import batch, history
from sandbox.xero.books import Book, Doc, folded
from sandbox.xero.call import Call
from sandbox.xero.errors import NotFound
from sandbox.xero.fields import GUID
from sandbox.xero.filters import Field, Fields, fields, plain
from sandbox.xero.invoice_shown import shown
from sandbox.xero.invoices import create as create_one
from sandbox.xero.invoices import edit
from sandbox.xero.invoices import upsert as upsert_one
from sandbox.xero.listing import listed
from sandbox.xero.wire import Answer

_FIELDS = fields(
    InvoiceID="guid",
    InvoiceNumber="text",
    Reference="text",
    Type="text",
    Status="text",
    Date="moment",
    DueDate="moment",
    UpdatedDateUTC="moment",
    FullyPaidOnDate="moment",
    AmountDue="number",
    AmountPaid="number",
    AmountCredited="number",
    Total="number",
    SubTotal="number",
    TotalTax="number",
    CurrencyCode="text",
    SentToContact="flag",
    BrandingThemeID="guid",
)


def index(call: Call) -> Answer:
    """GET Invoices: lines only when paged; `Statuses` and `summaryOnly` make it paged."""
    rows = _chosen(call)
    brief = call.asks("summaryOnly")
    paged = brief or "statuses" in call.query
    found = listed(call, rows, known_fields(call.book), "UpdatedDateUTC, InvoiceID", paged=paged)
    seen = [shown(call.book, row, call.decimals, found.paged, brief) for row in found.rows]
    return call.reply("Invoices", seen, **found.more)


def show(call: Call, word: str) -> Answer:
    """GET Invoices/{InvoiceID or InvoiceNumber}."""
    return call.reply(
        "Invoices", [shown(call.book, find(call.book, word), call.decimals) | {"Attachments": []}]
    )


def create(call: Call) -> Answer:
    """PUT Invoices: only creates."""
    return batch.answer(call, "Invoices", [create_one(call, one) for one in call.posted("Invoices")])


def upsert(call: Call) -> Answer:
    """POST Invoices: creates, or edits what id or number name."""
    return batch.answer(call, "Invoices", [upsert_one(call, one) for one in call.posted("Invoices")])


def update(call: Call, word: str) -> Answer:
    """POST Invoices/{InvoiceID}."""
    old = find(call.book, word)
    posted = call.posted("Invoices")[0]
    return batch.single(call, "Invoices", edit(call, posted | {"InvoiceID": old["InvoiceID"]}, old))


def online(call: Call, word: str) -> Answer:
    """GET Invoices/{InvoiceID}/OnlineInvoice: approved sales invoices only."""
    doc = find(call.book, word)
    if doc["Type"] != "ACCREC" or doc["Status"] not in ("AUTHORISED", "PAID"):
        raise NotFound
    code = doc["InvoiceID"].replace("-", "")
    return call.reply("OnlineInvoices", [{"OnlineInvoiceUrl": f"https://in.xero.example/{code}"}])


def email(call: Call, word: str) -> Answer:
    """POST Invoices/{InvoiceID}/Email: 204, and the invoice counts as sent."""
    doc = find(call.book, word)
    if doc["Type"] != "ACCREC" or doc["Status"] not in ("SUBMITTED", "AUTHORISED", "PAID"):
        words = "Invoice not of valid status for modification"
        return batch.single(
            call,
            "Invoices",
            batch.refused({"InvoiceID": doc["InvoiceID"]}, "InvoiceID", "HasErrors", [words]),
        )
    changed = {**doc, "SentToContact": True, "UpdatedDateUTC": call.book.now()}
    call.book.invoices.put(changed | {"History": history.added(call, doc, "Invoice sent", "")})
    return Answer(204)


def find(book: Book, word: str) -> Doc:
    """The invoice with this id, else the sales invoice with this number; NotFound."""
    if GUID.match(word):
        found = book.invoices.get(word.lower())
    else:
        rows = book.invoices.find("number", ("ACCREC", folded(word)))
        found = next((one for one in rows if one["Status"] != "DELETED"), rows[0] if rows else None)
    if found is None:
        raise NotFound
    return found


def known_fields(book: Book) -> Fields:
    """What `where` and `order` may name."""

    def contact(key: str) -> Field:
        kind = "guid" if key == "ContactID" else "text"
        return Field(kind, lambda doc: (book.contacts.get(doc["ContactID"]) or {}).get(key))

    own = {
        f"contact.{key.lower()}": contact(key)
        for key in ("ContactID", "Name", "ContactNumber", "EmailAddress")
    }
    return _FIELDS | own


def _chosen(call: Call) -> list[Doc]:
    rows = _named(call)
    if wanted := {one.lower() for one in call.listed("ContactIDs")}:
        rows = [row for row in rows if row["ContactID"] in wanted]
    if wanted := {one.upper() for one in call.listed("Statuses")}:
        rows = [row for row in rows if row["Status"] in wanted]
    if call.asks("createdByMyApp"):
        rows = [row for row in rows if row["CreatedBy"] == call.app]
    if term := plain(call.query.get("searchterm", "")):
        rows = [row for row in rows if term in plain(f"{row.get('InvoiceNumber', '')} {row['Reference']}")]
    return rows


def _named(call: Call) -> list[Doc]:
    table = call.book.invoices
    identities, numbers = call.listed("IDs"), call.listed("InvoiceNumbers")
    if identities:
        rows = [row for one in identities if (row := table.get(one.lower()))]
        wanted = {folded(one) for one in numbers}
        return [row for row in rows if not wanted or folded(row.get("InvoiceNumber")) in wanted]
    if numbers:
        kinds = [(kind, folded(one)) for one in numbers for kind in ("ACCREC", "ACCPAY")]
        return [row for key in dict.fromkeys(kinds) for row in table.find("number", key)]
    return table.all()
