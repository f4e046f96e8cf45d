"""The JSON control interface under /hoopai/control, for tests, benchmarks and `manage.py run`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, request

from sandbox.hoopai import mischief, setup
from sandbox.hoopai.asking import answer, body, shop
from sandbox.hoopai.books import (
    COLLECTIONS,
    CONTACTS,
    DELIVERIES,
    EVENTS,
    INVOICES,
    LOCATIONS,
    PRODUCTS,
    SETTINGS,
    TAXES,
    TRANSACTIONS,
    Refused,
    decimal,
)
from sandbox.hoopai.shop import Shop
from sandbox.store import Document

blueprint = Blueprint("control", __name__, url_prefix="/control")

_VERBS: dict[str, Callable[[Shop, str, dict[str, Any]], Document]] = {
    "send": lambda the, key, _wish: the.send(key),
    "pay": lambda the, key, wish: the.pay(key, wish),
    "processing": lambda the, key, wish: the.processing(key, wish),
    "clear": lambda the, key, _wish: the.clear(key),
    "fail": lambda the, key, _wish: the.fail(key),
    "refund": lambda the, key, wish: the.refund(key, wish),
    "void": lambda the, key, _wish: the.void(key),
    "delete": lambda the, key, _wish: the.delete(key),
    "edit": lambda the, key, wish: the.edit(key, wish),
}


@blueprint.errorhandler(Refused)
def _refused(refused: Refused) -> Response:
    return answer({"error": refused.sentence}, refused.status)


@blueprint.post("/reset")
def reset() -> Response:
    """Back to the demo data without invoices. Webhook settings, limits and keys stay unless `{"everything":
    true}`.
    """
    setup.reset(shop(), everything=bool(body().get("everything")))
    return answer({"reset": True})


@blueprint.route("/webhooks", methods=["GET", "POST"])
def webhooks() -> Response:
    """POST `{location_id, url, secret, scheme, envelope, policy?, events?, tells_inclusive?}` sets where a
    location's events go (a field left out keeps its value; url "" takes the webhook away); GET lists them.
    """
    if request.method == "POST":
        return answer(setup.set_webhook(shop(), body()))
    return answer({"webhooks": setup.webhooks(shop())})


@blueprint.post("/webhooks/<action>")
def hold(action: str) -> Response:
    """`pause`: events are recorded but not delivered; `resume` `{"order": "reversed"?}`: those held back go
    out.
    """
    if action not in ("pause", "resume"):
        raise Refused("Only pause and resume exist.", 404)
    shop().postman.pause(action == "pause", backwards=body().get("order") == "reversed")
    return answer({"paused": shop().postman.paused})


@blueprint.post("/retries")
def retries() -> Response:
    """`{policy, first_seconds?, factor?, retries?, timeout_seconds?, jitter_seconds?}`: tune a policy."""
    return answer(setup.tune_retries(shop(), body()))


@blueprint.post("/limits")
def limits() -> Response:
    """`{burst, day}` or `{"off": true}`: the REST rate limits of every location."""
    wish = body()
    kept = {
        "burst": int(wish.get("burst", 100)),
        "day": int(wish.get("day", 200_000)),
        "off": bool(wish.get("off")),
    }
    shop().books.store.put(SETTINGS, "limits", kept)
    return answer(kept)


@blueprint.route("/tokens", methods=["GET", "POST"])
def tokens() -> Response:
    """POST `{location_id, scopes?}` makes a private integration token; GET lists them."""
    if request.method == "POST":
        wish = body()
        return answer(setup.new_token(shop(), wish.get("location_id"), wish.get("scopes")), 201)
    return answer({"tokens": setup.tokens(shop())})


@blueprint.delete("/tokens/<token>")
def revoke(token: str) -> Response:
    """Revoke a token."""
    setup.revoke(shop(), token)
    return answer({"revoked": token})


@blueprint.get("/keys")
def keys() -> Response:
    """Public keys for the Ed25519 and RSA schemes."""
    return answer(shop().postman.keyring.public())


@blueprint.post("/clock")
def clock() -> Response:
    """`{"advance": seconds}`, `{"now": iso}` or `{"real": true}`; answers the time it is then, for both
    stand-ins.
    """
    wish, the = body(), shop().books.clock
    if "advance" in wish:
        the.advance(float(decimal(wish["advance"], "advance")))
    elif wish.get("real"):
        the.set_now(None)
    elif "now" in wish:
        the.set_now(_moment(wish["now"]))
    return answer({"now": shop().books.stamp()})


@blueprint.post("/invoices")
def create() -> Response:
    """Create an invoice; the wish of `drafts.draft` with `location_id` and `send`."""
    wish = body()
    return answer(shop().create(wish.get("location_id", ""), wish), 201)


@blueprint.post("/invoices/bulk")
def bulk() -> Response:
    """`{location_id, count, contacts?, paid?, lines?, send?}`: many invoices; see `mischief.bulk`."""
    return answer(mischief.bulk(shop(), body()), 201)


@blueprint.get("/invoices/<invoice_id>")
def invoice(invoice_id: str) -> Response:
    """One invoice, also when deleted."""
    return answer(shop().books.invoice(invoice_id))


@blueprint.post("/invoices/<invoice_id>/<verb>")
def act(invoice_id: str, verb: str) -> Response:
    """send, pay, processing, clear, fail, refund, void, delete or edit; answers the invoice afterwards."""
    if verb not in _VERBS:
        raise Refused(f"{verb!r} is not among {', '.join(_VERBS)}.", 404)
    return answer(_VERBS[verb](shop(), invoice_id, body()))


@blueprint.post("/contacts")
def contact() -> Response:
    """`{location_id, id?, name, email, …}`: make or change a contact."""
    wish = body()
    return answer(shop().save_contact(wish.pop("location_id", ""), wish))


@blueprint.post("/taxes")
def tax() -> Response:
    """`{location_id, name, rate, id?}`: make or change a tax rate."""
    return answer(setup.save_tax(shop(), body()))


@blueprint.post("/collections")
def collection() -> Response:
    """`{location_id, name, id?}`: make or rename a product collection."""
    return answer(setup.save_collection(shop(), body()))


@blueprint.post("/products")
def product() -> Response:
    """`{location_id, name, amount, collection_ids?, taxes?, product_type?, id?}`: save a product."""
    return answer(setup.save_product(shop(), body()))


@blueprint.post("/redeliver")
def redeliver() -> Response:
    """`{event_id|"last", location_id?, invoice_id?, times?, unsigned?, tampered?, out_of_order?}`; see
    mischief.
    """
    return answer({"deliveries": mischief.redeliver(shop(), body())})


@blueprint.get("/deliveries")
def deliveries() -> Response:
    """Deliveries with every attempt, oldest first; by `location_id`, `invoice_id`, `state`, `since` (n)."""
    asked = {"location_id": "location_id", "invoice_id": "about", "state": "state"}
    found = [
        row
        for row in shop().books.store.all(DELIVERIES)
        if all(row[field] == request.args[name] for name, field in asked.items() if name in request.args)
        and row["n"] > request.args.get("since", 0, int)
    ]
    return answer({"deliveries": found})


@blueprint.get("/postman")
def postman() -> Response:
    """Whether everything that happened has been delivered, or given up, and whether deliveries are held back."""
    return answer({"idle": shop().postman.idle(), "paused": shop().postman.paused})


@blueprint.get("/events")
def events() -> Response:
    """Every event that happened, delivered or not, oldest first."""
    return answer({"events": shop().books.store.all(EVENTS)})


@blueprint.get("/books")
def books() -> Response:
    """Everything there is, by location; `location_id` narrows it."""
    wanted = request.args.get("location_id")
    kinds = {
        "invoices": INVOICES, "transactions": TRANSACTIONS, "contacts": CONTACTS, "products": PRODUCTS,
        "collections": COLLECTIONS, "taxes": TAXES,
    }  # fmt: skip
    the = shop().books
    found = [
        {**location, **{name: the.of_location(kind, location["id"]) for name, kind in kinds.items()}}
        for location in the.store.all(LOCATIONS)
        if wanted in (None, location["id"])
    ]
    return answer({"locations": found})


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(f"{text!r} is not an ISO time.", 422) from None
    if moment.tzinfo is None:
        raise Refused("The time needs a zone, as in 2026-10-01T09:00:00Z.", 422)
    return moment
