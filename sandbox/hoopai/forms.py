"""What a person typed into the stand-in's forms, as the wishes the shop understands."""

from __future__ import annotations

from typing import Any

from werkzeug.datastructures import MultiDict

from sandbox.store import Document

LINES = 6
Form = MultiDict[str, str]


def invoice_wish(form: Form, *, draft: bool = True) -> dict[str, Any]:
    """The wish of the invoice form without its empty lines; without a contact when not a `draft`."""
    wish: dict[str, Any] = {
        "lines": [line for place in range(1, LINES + 1) if (line := _line(form, place))],
        "discount": _discount(form),
        "send": "send" in form,
    }
    if "late_fee" in form:
        wish["late_fee"] = form["late_fee"].strip()
    for name in ("number", "name", "issue_date", "due_date", "currency"):
        if form.get(name, "").strip():
            wish[name] = form[name].strip()
    if draft:
        wish |= _contact(form)
        wish["live_mode"] = "test_mode" not in form
    return wish


def payment_wish(form: Form) -> dict[str, Any]:
    """The wish of the payment forms: amount (empty: all), method, instalment, notes."""
    return {
        name: form[name].strip()
        for name in ("amount", "method", "instalment", "notes")
        if form.get(name, "").strip()
    }


def refund_wish(form: Form) -> dict[str, Any]:
    """The wish of the refund form."""
    wish: dict[str, Any] = {
        "transaction_id": form.get("transaction_id"),
        "amount": form.get("amount", "").strip(),
    }
    return {**wish, "reduce_paid": "reduce_paid" in form}


def webhook_wish(form: Form, location_id: str) -> dict[str, Any]:
    """The wish of the webhook form; an empty secret keeps the one there is."""
    wish: dict[str, Any] = {
        name: form.get(name, "").strip() for name in ("url", "scheme", "envelope", "policy")
    }
    wish |= {"events": form.getlist("events") or ["Invoice"], "location_id": location_id}
    wish["tells_inclusive"] = "tells_inclusive" in form
    return {**wish, **({"secret": form["secret"].strip()} if form.get("secret", "").strip() else {})}


def blank() -> Form:
    """The values of an empty invoice form."""
    return MultiDict({f"line{place}_qty": "1" for place in range(1, LINES + 1)})


def filled(invoice: Document) -> Form:
    """The values of the form for an invoice that is edited."""
    values: Form = MultiDict(
        {
            "contact": invoice["contactDetails"]["id"], "number": invoice["invoiceNumber"],
            "name": invoice["name"],
            "issue_date": invoice["issueDate"], "due_date": invoice["dueDate"],
            "currency": invoice["currency"],
            "discount_type": invoice["discount"]["type"],
            "discount_value": str(invoice["discount"]["value"] or ""),
            "late_fee": str(invoice.get("lateFeesConfiguration", {}).get("value") or ""),
        }
    )  # fmt: skip
    if not invoice["liveMode"]:
        values["test_mode"] = "1"
    for place, line in enumerate(invoice["invoiceItems"][:LINES], 1):
        _fill_line(values, place, line)
    for place in range(len(invoice["invoiceItems"]) + 1, LINES + 1):
        values[f"line{place}_qty"] = "1"
    return values


def _fill_line(values: Form, place: int, line: Document) -> None:
    values[f"line{place}_product"] = line.get("productId", "")
    values[f"line{place}_name"] = line["name"]
    values[f"line{place}_qty"] = str(line["qty"])
    values[f"line{place}_amount"] = str(line["amount"])
    if line["taxInclusive"]:
        values["inclusive"] = "1"
    values.setlist(f"line{place}_taxes", [tax["_id"] for tax in line["taxes"] if tax.get("_id")])


def _line(form: Form, place: int) -> dict[str, Any] | None:
    named = {
        name: form.get(f"line{place}_{name}", "").strip() for name in ("product", "name", "qty", "amount")
    }
    if not (named["product"] or named["name"]):
        return None
    return {
        "product_id": named["product"] or None, "name": named["name"], "qty": named["qty"] or "1",
        "amount": named["amount"], "taxes": form.getlist(f"line{place}_taxes"),
        "taxInclusive": "inclusive" in form,
    }  # fmt: skip


def _discount(form: Form) -> dict[str, Any] | None:
    value = form.get("discount_value", "").strip()
    return {"type": form.get("discount_type", "percentage"), "value": value} if value else None


def _contact(form: Form) -> dict[str, Any]:
    fields = {"name": "new_name", "companyName": "new_company", "email": "new_email", "phone": "new_phone"}
    typed = {name: form.get(field, "").strip() for name, field in fields.items()}
    if form.get("contact") and not (typed["name"] or typed["companyName"]):
        return {"contact_id": form["contact"]}
    return {"contact": typed}
