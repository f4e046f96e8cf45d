"""The pages on which a person plays the HoopAI user. Everything works without JavaScript."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from sandbox.hoopai import forms, mischief, setup, transactions
from sandbox.hoopai.asking import shop
from sandbox.hoopai.books import CONTACTS, DELIVERIES, EVENTS, INVOICES, PRODUCTS, TAXES, TOKENS, Refused
from sandbox.hoopai.envelopes import ENVELOPES
from sandbox.hoopai.keys import SCHEMES
from sandbox.hoopai.shop import Shop
from sandbox.store import Document

blueprint = Blueprint("pages", __name__)
SHOWN = 200
WORDS = {
    "draft": "Draft", "sent": "Sent", "payment_processing": "Payment processing",
    "partially_paid": "Partially paid",
    "paid": "Paid", "void": "Void", "delete": "Deleted",
}  # fmt: skip
SAID = {
    "created": "The draft is saved.", "sent": "The invoice is sent.", "send": "The invoice is sent.",
    "pay": "The payment is recorded.", "processing": "The payment is being processed.",
    "clear": "The payment has cleared.",
    "fail": "The payment has failed.", "refund": "The money is given back. HoopAI sends no event for that.",
    "void": "The invoice is void.", "delete": "The invoice is deleted.", "edit": "The change is saved.",
    "mischief": "Done. The delivery log shows what went out.", "webhook": "The webhook settings are saved.",
    "reset": "All invoices are gone; the demo contacts and products are as on the first day.",
}  # fmt: skip
_ACTS: dict[str, Callable[[Shop, str, forms.Form], Document]] = {
    "send": lambda the, key, _form: the.send(key),
    "pay": lambda the, key, form: the.pay(key, forms.payment_wish(form)),
    "processing": lambda the, key, form: the.processing(key, forms.payment_wish(form)),
    "clear": lambda the, key, _form: the.clear(key),
    "fail": lambda the, key, _form: the.fail(key),
    "refund": lambda the, key, form: the.refund(key, forms.refund_wish(form)),
    "void": lambda the, key, _form: the.void(key),
    "delete": lambda the, key, _form: the.delete(key),
}
_MISCHIEF: dict[str, dict[str, Any]] = {
    "twice": {"times": 2}, "again": {}, "out_of_order": {"out_of_order": True},
    "unsigned": {"unsigned": True},
    "tampered": {"tampered": True},
}  # fmt: skip


@blueprint.app_template_test("open")
def _open(invoice: Document) -> bool:
    return invoice["status"] in ("sent", "partially_paid")


@blueprint.errorhandler(Refused)
def _refused(refused: Refused) -> ResponseReturnValue:
    return _page("problem.html", setup.locations(shop())[0], problem=refused.sentence), refused.status


@blueprint.get("/")
def index() -> ResponseReturnValue:
    """The invoices of a location (`?location=`, else the first), the newest first."""
    wanted = request.args.get("location")
    location = shop().books.location(wanted) if wanted else setup.locations(shop())[0]
    invoices = shop().books.of_location(INVOICES, location["id"])[::-1]
    today = shop().books.today(location).isoformat()
    return _page("index.html", location, invoices=invoices[:SHOWN], count=len(invoices), today=today)


@blueprint.route("/play/<location_id>/new", methods=["GET", "POST"])
def create(location_id: str) -> ResponseReturnValue:
    """The form for a new invoice; saves a draft, or sends it at once."""
    location = shop().books.location(location_id)
    if request.method == "GET":
        return _form_page(location, forms.blank())
    try:
        made = shop().create(location_id, forms.invoice_wish(request.form))
    except Refused as refused:
        return _form_page(location, request.form, problem=refused.sentence), refused.status
    return redirect(
        url_for(".invoice", invoice_id=made["_id"], said="sent" if made["status"] == "sent" else "created")
    )


@blueprint.get("/play/invoices/<invoice_id>")
def invoice(invoice_id: str) -> ResponseReturnValue:
    """One invoice: lines, payments, events, and what can be done with it."""
    return _invoice_page(shop().books.invoice(invoice_id))


@blueprint.route("/play/invoices/<invoice_id>/edit", methods=["GET", "POST"])
def edit(invoice_id: str) -> ResponseReturnValue:
    """The form filled with an invoice; saving it is a HoopAI user's edit."""
    found = shop().books.invoice(invoice_id)
    location = shop().books.location(found["altId"])
    if request.method == "GET":
        return _form_page(location, forms.filled(found), invoice=found)
    try:
        shop().edit(invoice_id, forms.invoice_wish(request.form, draft=found["status"] == "draft"))
    except Refused as refused:
        return _form_page(location, request.form, invoice=found, problem=refused.sentence), refused.status
    return redirect(url_for(".invoice", invoice_id=invoice_id, said="edit"))


@blueprint.post("/play/invoices/<invoice_id>/<verb>")
def act(invoice_id: str, verb: str) -> ResponseReturnValue:
    """Do one of the verbs with the invoice and show it again, or show why that can't be."""
    if verb not in _ACTS:
        raise Refused(f"There is nothing called {verb} to do with an invoice.", 404)
    try:
        _ACTS[verb](shop(), invoice_id, request.form)
    except Refused as refused:
        if refused.status == 404:
            raise
        return _invoice_page(shop().books.invoice(invoice_id), problem=refused.sentence), refused.status
    return redirect(url_for(".invoice", invoice_id=invoice_id, said=verb))


@blueprint.post("/play/<location_id>/mischief")
def misbehave(location_id: str) -> ResponseReturnValue:
    """Send the last event of the location (or of one invoice) again in a bad way, or hold deliveries back."""
    what, invoice_id = request.form.get("what", ""), request.form.get("invoice_id") or None
    if what in _MISCHIEF:
        mischief.redeliver(shop(), {**_MISCHIEF[what], "location_id": location_id, "invoice_id": invoice_id})
    elif what in ("pause", "resume", "backwards"):
        shop().postman.pause(what == "pause", backwards=what == "backwards")
    else:
        raise Refused("That mischief does not exist.", 404)
    return redirect(url_for(".deliveries", location_id=location_id, said="mischief"))


@blueprint.get("/play/<location_id>/deliveries")
def deliveries(location_id: str) -> ResponseReturnValue:
    """The delivery log of a location, the newest first, with every attempt."""
    location = shop().books.location(location_id)
    rows = shop().books.of_location(DELIVERIES, location_id)[::-1]
    numbers = {one["_id"]: one["invoiceNumber"] for one in shop().books.of_location(INVOICES, location_id)}
    return _page("deliveries.html", location, rows=rows[:SHOWN], count=len(rows), numbers=numbers)


@blueprint.route("/play/<location_id>/webhook", methods=["GET", "POST"])
def webhook(location_id: str) -> ResponseReturnValue:
    """Where the location's events go and in which form; its API token; starting afresh."""
    location = shop().books.location(location_id)
    if request.method == "GET":
        return _webhook_page(location)
    try:
        setup.set_webhook(shop(), forms.webhook_wish(request.form, location_id))
    except Refused as refused:
        return _webhook_page(location, problem=refused.sentence), refused.status
    return redirect(url_for(".webhook", location_id=location_id, said="webhook"))


@blueprint.post("/play/reset")
def reset() -> ResponseReturnValue:
    """Start afresh, when the box was ticked."""
    if "sure" not in request.form:
        raise Refused("Tick the box first: all invoices, payments and deliveries will be gone.", 422)
    setup.reset(shop())
    return redirect(url_for(".index", said="reset"))


def _invoice_page(found: Document, **more: Any) -> str:
    the = shop().books
    events = [event for event in the.store.view(EVENTS) if event["about"] == found["_id"]]
    sent = [row for row in the.store.view(DELIVERIES) if row["about"] == found["_id"]]
    return _page(
        "invoice.html", the.location(found["altId"]), invoice=found, events=events, sent=sent,
        payments=transactions.of_invoice(the, found["_id"]), methods=transactions.METHODS, **more,
    )  # fmt: skip


def _form_page(location: Document, values: forms.Form, **more: Any) -> str:
    kinds = {"contacts": CONTACTS, "products": PRODUCTS, "taxes": TAXES}
    choices = {name: shop().books.of_location(kind, location["id"]) for name, kind in kinds.items()}
    return _page("form.html", location, values=values, line_count=forms.LINES, **choices, **more)


def _webhook_page(location: Document, **more: Any) -> str:
    hook = shop().postman.webhook(location["id"]) or {"events": ["Invoice"]}
    return _page(
        "webhook.html", location, hook=hook, schemes=SCHEMES, envelopes=ENVELOPES,
        tokens=shop().books.of_location(TOKENS, location["id"]), **more,
    )  # fmt: skip


def _page(template: str, location: Document, **values: Any) -> str:
    said = SAID.get(request.args.get("said", ""))
    frame = {"location": location, "locations": setup.locations(shop()), "words": WORDS, "said": said}
    return render_template(f"hoopai/{template}", **frame, paused=shop().postman.paused, **values)
