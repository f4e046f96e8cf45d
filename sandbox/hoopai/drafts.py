"""What an invoice is made of: turns a wish (control JSON or the people's form) into an invoice document."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sandbox.hoopai.books import (
    CONTACTS,
    INVOICES,
    NUMBERS,
    PRICES,
    Books,
    Refused,
    decimal,
    hex_id,
    places,
    short_id,
)
from sandbox.hoopai.money import totals
from sandbox.store import Document

Wish = dict[str, Any]
_CONTACT_FIELDS = ("email", "phone", "address1", "city", "state", "postalCode", "website")


def draft(books: Books, location: Document, wish: Wish) -> Document:
    """A new draft invoice (REST shape), not yet put into the books.

    The wish: `contact` {name, email, …} or `contact_id`, `lines` [{name, product_id?, price_id?, qty, amount,
    taxes, taxInclusive?, description?}], and optionally `currency`, `number`, `name`, `title`, `issue_date`,
    `due_date`, `discount` {type percentage|fixed, value, valid_on_product_ids?}, `live_mode`, `schedule`
    {type, parts: [{value, due_date}]}, `late_fee` (an amount on top of the lines), `allow_same_number`. Raises
    Refused with a sentence for what can't be.
    """
    now = books.stamp()
    today = books.today(location)
    invoice: Document = {
        "_id": hex_id(), "status": "draft", "liveMode": bool(wish.get("live_mode", True)),
        "amountPaid": Decimal(0), "altId": location["id"], "altType": "location",
        "title": wish.get("title") or "INVOICE", "businessDetails": _business(location),
        "issueDate": _day(wish.get("issue_date"), today, "issue_date"),
        "dueDate": _day(wish.get("due_date"), today + timedelta(days=14), "due_date"),
        "createdAt": now, "updatedAt": now, "automaticTaxesEnabled": False, "automaticTaxesCalculated": False,
        "currency": _currency(wish.get("currency") or location["currency"]),
    }  # fmt: skip
    invoice["contactDetails"] = contact_details(_contact(books, location, wish))
    invoice["invoiceNumber"] = _number(books, location, wish)
    _fill(books, location, invoice, {"lines": [], **wish})
    invoice["name"] = wish.get("name") or invoice["invoiceItems"][0]["name"]
    return invoice


def amend(books: Books, location: Document, invoice: Document, wish: Wish) -> None:
    """Change lines, discount, late fee, dates, name, number or schedule of an invoice document in place, as the
    wish says; in a draft the contact too. Raises Refused.
    """
    if invoice["status"] != "draft" and ("contact" in wish or "contact_id" in wish):
        raise Refused("The client of an invoice that has been sent can't be changed.")
    if "contact" in wish or "contact_id" in wish:
        invoice["contactDetails"] = contact_details(_contact(books, location, wish))
    if wish.get("number") and wish["number"] != invoice["invoiceNumber"]:
        invoice["invoiceNumber"] = _number(books, location, wish)
    for field, name in (("issue_date", "issueDate"), ("due_date", "dueDate")):
        if wish.get(field):
            invoice[name] = _day(wish[field], date.min, field)
    for field in ("name", "title"):
        invoice[field] = wish.get(field) or invoice[field]
    if wish.get("currency"):
        invoice["currency"] = _currency(wish["currency"])
    _fill(books, location, invoice, wish)
    if invoice["total"] < invoice["amountPaid"]:
        raise Refused(f"The new total {invoice['total']} is below the {invoice['amountPaid']} already paid.")


def new_contact(books: Books, location: Document, fields: dict[str, Any]) -> Document:
    """A new contact document (REST shape) from `name` or `firstName`/`lastName`, `email`, `phone`,
    `companyName` and address fields; not yet put into the books. Raises Refused when it has neither a name
    nor a company.
    """
    first, _, last = str(fields.get("name") or "").strip().partition(" ")
    first, last = fields.get("firstName") or first, fields.get("lastName") or last
    company = fields.get("companyName") or ""
    if not (first or last or company):
        raise Refused("A contact needs a name or a company name.", 422)
    now = books.stamp()
    rest = {name: fields.get(name) or "" for name in _CONTACT_FIELDS}
    return {
        "id": fields.get("id") or short_id("con"), "locationId": location["id"], "firstName": first,
        "lastName": last,
        "name": f"{first} {last}".strip(), "companyName": company, **rest,
        "country": fields.get("country") or location["country"], "tags": list(fields.get("tags") or []),
        "customFields": list(fields.get("customFields") or []),
        "additionalEmails": list(fields.get("additionalEmails") or []), "dateAdded": now, "dateUpdated": now,
    }  # fmt: skip


def contact_details(contact: Document) -> Document:
    """The contact as an invoice carries it (invoice event pages)."""
    return {
        "id": contact["id"], "name": contact["name"], "email": contact["email"], "phoneNo": contact["phone"],
        "companyName": contact["companyName"], "additionalEmails": contact["additionalEmails"],
        "customFields": contact["customFields"],
        "address": {
            "countryCode": contact["country"], "addressLine1": contact["address1"], "addressLine2": "",
            "city": contact["city"], "state": contact["state"], "postalCode": contact["postalCode"],
        },
    }  # fmt: skip


def _fill(books: Books, location: Document, invoice: Document, wish: Wish) -> None:
    if "lines" in wish:
        if not isinstance(wish["lines"], list) or not all(isinstance(line, dict) for line in wish["lines"]):
            raise Refused('Lines are a list of objects, such as [{"name": "Workshop", "amount": 200}].')
        invoice["invoiceItems"] = [
            _line(books, location, invoice["currency"], line) for line in wish["lines"]
        ]
    if not invoice["invoiceItems"]:
        raise Refused("An invoice needs at least one line.", 422)
    if "discount" in wish or "discount" not in invoice:
        invoice["discount"] = _discount(wish.get("discount"))
    for line in invoice["invoiceItems"]:
        line["currency"] = invoice["currency"]
    sums = totals(invoice["invoiceItems"], invoice["discount"], places(invoice["currency"]))
    invoice["total"] = sums.total + _late_fee(invoice, wish)
    invoice["amountDue"] = invoice["total"] - invoice["amountPaid"]
    invoice["totalSummary"] = {"subTotal": sums.sub_total, "discount": sums.discount, "tax": sums.tax}
    if wish.get("schedule"):
        invoice["paymentSchedule"] = _schedule(wish["schedule"], sums.total, places(invoice["currency"]))


def _late_fee(invoice: Document, wish: Wish) -> Decimal:
    """What a late fee adds. It raises what is due, and no line and no event says so (invoice event pages)."""
    if "late_fee" in wish:
        fee = decimal(wish["late_fee"] or 0, "late_fee")
        invoice["lateFeesConfiguration"] = {"enable": bool(fee), "value": fee, "type": "fixed"}
    known: Decimal = invoice.get("lateFeesConfiguration", {"value": Decimal(0)})["value"]
    return known


def _line(books: Books, location: Document, currency: str, wish: Wish) -> Document:
    product = books.product(wish["product_id"]) if wish.get("product_id") else None
    if product and product["locationId"] != location["id"]:
        raise Refused(f"The product {product['name']} belongs to another location.")
    price = _price(books, product, wish.get("price_id"))
    name = wish.get("name") or (product["name"] if product else "")
    if not name:
        raise Refused("A line needs a name or a product.", 422)
    amount = wish.get("amount")
    if amount in (None, "") and price is None:
        raise Refused(f"The line {name} needs an amount.", 422)
    line: Document = {
        "_id": hex_id(), "name": name, "description": wish.get("description") or "", "currency": currency,
        "qty": decimal(wish.get("qty", 1), "qty"), "type": "one_time",
        "taxInclusive": bool(wish.get("taxInclusive")),
        "amount": price["amount"] if price and amount in (None, "") else decimal(amount, "amount"),
        "taxes": [_tax(books, location, tax) for tax in wish.get("taxes") or []],
    }  # fmt: skip
    if line["qty"] <= 0:
        raise Refused(f"The quantity of {name} must be more than nothing.", 422)
    if product:
        line |= {"productId": product["_id"], **({"priceId": price["_id"]} if price else {})}
    return line


def _price(books: Books, product: Document | None, price_id: str | None) -> Document | None:
    if product is None:
        return None
    prices = [price for price in books.store.view(PRICES) if price["product"] == product["_id"]]
    chosen = [price for price in prices if price_id in (None, price["_id"])]
    if price_id and not chosen:
        raise Refused(f"The product {product['name']} has no price {price_id}.", 404)
    return chosen[0] if chosen else None


def _tax(books: Books, location: Document, wish: str | dict[str, Any]) -> Document:
    if isinstance(wish, dict):
        loose = {
            "name": wish.get("name") or "Tax",
            "rate": decimal(wish.get("rate"), "rate"),
            "calculation": "exclusive",
        }
        return {**({"_id": wish["_id"]} if wish.get("_id") else {}), **loose}
    tax = books.tax(wish)
    if tax["altId"] != location["id"]:
        raise Refused(f"The tax rate {tax['name']} belongs to another location.")
    return {"_id": tax["_id"], "name": tax["name"], "rate": tax["rate"], "calculation": "exclusive"}


def _discount(wish: Wish | None) -> Document:
    if not wish:
        return {"type": "percentage", "value": Decimal(0)}
    kind, value = wish.get("type", "percentage"), decimal(wish.get("value") or 0, "discount")
    if kind not in ("percentage", "fixed"):
        raise Refused("A discount is either percentage or fixed.", 422)
    if value < 0 or (kind == "percentage" and value > 100):
        raise Refused("A discount must be between nothing and everything.", 422)
    only = wish.get("valid_on_product_ids") or []
    return {"type": kind, "value": value, **({"validOnProductIds": only} if only else {})}


def _schedule(wish: Wish, total: Decimal, digits: int) -> Document:
    kind: str = wish.get("type", "percentage")
    parts: list[Document] = [
        {**part, "value": decimal(part.get("value"), "instalment")} for part in wish.get("parts") or []
    ]
    whole = Decimal(100) if kind == "percentage" else total
    if kind not in ("percentage", "fixed") or sum(part["value"] for part in parts) != whole:
        raise Refused(f"The instalments must be percentage or fixed and add up to {whole}.", 422)
    schedules: list[Document] = []
    left = total
    for place, part in enumerate(parts, 1):
        amount = part["value"] if kind == "fixed" else round(total * part["value"] / 100, digits)
        amount = left if place == len(parts) else amount
        left -= amount
        due: Document = {"value": part["value"], "amount": amount, "dueDate": part.get("due_date")}
        schedules.append({"_id": hex_id(), **due, "status": "due"})
    return {"type": kind, "schedules": schedules}


def _contact(books: Books, location: Document, wish: Wish) -> Document:
    if wish.get("contact_id"):
        contact = books.contact(wish["contact_id"])
        if contact["locationId"] != location["id"]:
            raise Refused(f"The contact {contact['name']} belongs to another location.")
        return contact
    fields = wish.get("contact")
    if not fields:
        raise Refused("An invoice needs a contact.", 422)
    if not isinstance(fields, dict):
        raise Refused('A contact is an object with a name, such as {"name": "Lantern Foods"}.')
    contact = new_contact(books, location, fields)
    books.store.put(CONTACTS, contact["id"], contact)
    return contact


def _number(books: Books, location: Document, wish: Wish) -> str:
    wanted = str(wish.get("number") or "").strip()
    if wanted:
        if _taken(books, location, wanted) and not wish.get("allow_same_number"):
            raise Refused(f"There is an invoice with the number {wanted} already.")
        return wanted
    while True:
        number = str(books.count_up(f"number.{location['id']}", location["first_number"]))
        if not _taken(books, location, number):
            return number


def _taken(books: Books, location: Document, number: str) -> bool:
    """Whether an invoice that still exists has the number; NUMBERS remembers who had it last."""
    holder = books.store.get(NUMBERS, f"{location['id']} {number}")
    invoice = books.store.get(INVOICES, holder["invoice_id"]) if holder else None
    return invoice is not None and invoice["status"] != "delete" and invoice["invoiceNumber"] == number


def _business(location: Document) -> Document:
    return {
        "name": location["business"]["name"], "phoneNo": location["phone"], "website": location["website"],
        "logoUrl": "",
        "address": {
            "addressLine1": location["address"], "city": location["city"], "state": location["state"],
            "countryCode": location["country"], "postalCode": location["postalCode"],
        },
    }  # fmt: skip


def _currency(text: str) -> str:
    if len(text) != 3 or not text.isalpha() or not text.isascii():
        raise Refused(f"{text!r} is not a currency code.", 422)
    return text.upper()


def _day(text: str | None, default: date, name: str) -> str:
    if not text:
        return default.isoformat()
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise Refused(f"{name} must be a date like 2026-10-15, not {text!r}.", 422) from None
