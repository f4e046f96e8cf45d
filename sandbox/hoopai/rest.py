"""The REST interface the portal reads (marketplace docs, API version 2021-07-28)."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app, g, request

from sandbox.hoopai import gate
from sandbox.hoopai.asking import answer, body, shop
from sandbox.hoopai.books import (
    COLLECTIONS,
    CONTACTS,
    INVOICES,
    PRICES,
    PRODUCTS,
    TRANSACTIONS,
    Refused,
)
from sandbox.hoopai.gate import Denied, Meter
from sandbox.store import Document

blueprint = Blueprint("rest", __name__)
MOST = 100
_PRIVATE = ("currency", "first_number", "legal")


@blueprint.record_once
def _new_meter(state: Any) -> None:
    state.app.extensions["meter"] = Meter()


@blueprint.before_request
def _enter() -> None:
    gate.enter(current_app.extensions["meter"])


@blueprint.after_request
def _rates(response: Response) -> Response:
    response.headers.update(g.get("rate_headers", {}))
    return response


@blueprint.errorhandler(Denied)
def _denied(denied: Denied) -> Response:
    return gate.denial(denied)


@blueprint.errorhandler(Refused)
def _refused(refused: Refused) -> Response:
    return gate.denial(Denied(refused.status, refused.sentence))


@blueprint.get("/invoices/")
def invoices() -> Response:
    """`GET /invoices/`: a page of invoices; limit and offset are required; deleted ones are gone."""
    gate.need("invoices.readonly")
    location = _alt()
    limit, offset = _page(required=True)
    found = [invoice for invoice in shop().books.of_location(INVOICES, location) if _wanted(invoice)]
    found.sort(key=lambda invoice: (invoice["issueDate"], invoice["createdAt"]))
    if request.args.get("sortOrder", "descend") != "ascend":
        found.reverse()
    return answer({"invoices": found[offset : offset + limit], "total": len(found)})


@blueprint.get("/invoices/<invoice_id>")
def invoice(invoice_id: str) -> Response:
    """`GET /invoices/{id}`: one invoice; 404 when it never was, is deleted or another location's."""
    gate.need("invoices.readonly")
    location = _alt()
    found = shop().books.invoice(invoice_id)
    if found["altId"] != location or found["status"] == "delete":
        raise Denied(404, "The invoice was not found.")
    return answer(found)


@blueprint.get("/payments/transactions")
def transactions() -> Response:
    """`GET /payments/transactions`: a page (10 by default), the newest first."""
    gate.need("payments/transactions.readonly")
    location = _alt()
    limit, offset = _page()
    same = ("entityId", "contactId", "entitySourceType", "entitySourceSubType", "subscriptionId")
    asked = {name: request.args[name] for name in same if request.args.get(name)}
    found = [
        row
        for row in shop().books.of_location(TRANSACTIONS, location)
        if all(row.get(name) == value for name, value in asked.items())
        and _in_mode(row)
        and _between(row["createdAt"][:10])
        and _mentions(row, "contactName", "contactEmail", "entitySourceName", "chargeId")
    ]
    found.sort(key=lambda row: row["createdAt"])
    found.reverse()
    return answer({"data": found[offset : offset + limit], "totalCount": len(found)})


@blueprint.get("/payments/transactions/<transaction_id>")
def transaction(transaction_id: str) -> Response:
    """`GET /payments/transactions/{id}`: one transaction with the detail fields."""
    gate.need("payments/transactions.readonly")
    location = _alt()
    found = shop().books.store.get(TRANSACTIONS, transaction_id)
    if found is None or found["altId"] != location:
        raise Denied(404, "The transaction was not found.")
    source = {
        "type": found["entitySourceType"],
        "id": found["entitySourceId"],
        "name": found["entitySourceName"],
    }
    provider = {"type": found["paymentProviderType"]}
    detail = {
        "entitySource": source,
        "paymentProvider": provider,
        "markAsTest": not found["liveMode"],
        "isParent": False,
    }
    return answer({**found, **detail})


@blueprint.get("/contacts/<contact_id>")
def contact(contact_id: str) -> Response:
    """`GET /contacts/{id}`: `{contact}`."""
    gate.need("contacts.readonly")
    found = shop().books.contact(contact_id)
    gate.only(found["locationId"])
    return answer({"contact": found})


@blueprint.post("/contacts/search")
def search_contacts() -> Response:
    """`POST /contacts/search`: body `locationId`, `page`, `pageLimit`, `query`, `filters` [{field, operator
    eq|contains, value}] → `{contacts, total}`.
    """
    gate.need("contacts.readonly")
    wish = body()
    location = wish.get("locationId")
    if not location:
        raise Denied(422, ["locationId must be a string"])
    gate.only(location)
    query = str(wish.get("query") or "").casefold()
    found = [
        one
        for one in shop().books.of_location(CONTACTS, location)
        if query in _contact_text(one) and all(_passes(one, rule) for rule in wish.get("filters") or [])
    ]
    size, page = min(int(wish.get("pageLimit") or 20), MOST), max(int(wish.get("page") or 1), 1)
    return answer({"contacts": found[(page - 1) * size : page * size], "total": len(found)})


@blueprint.get("/products/")
def products() -> Response:
    """`GET /products/`: a page of products; `collectionIds`, `search`, `productIds`, `expand=tax`."""
    gate.need("products.readonly")
    location = _location_id()
    limit, offset = _page()
    collections = set(filter(None, request.args.get("collectionIds", "").split(",")))
    only = set(filter(None, request.args.get("productIds", "").split(",")))
    found = [
        one
        for one in shop().books.of_location(PRODUCTS, location)
        if (not collections or collections & set(one["collectionIds"]))
        and (not only or one["_id"] in only) and _mentions(one, "name")
    ]  # fmt: skip
    page = [_expanded(one) for one in found[offset : offset + limit]]
    return answer({"products": page, "total": [{"total": len(found)}]})


@blueprint.get("/products/collections")
def collections() -> Response:
    """`GET /products/collections`: a page of collections; `name` and `collectionIds` narrow it."""
    gate.need("products/collection.readonly")
    location = _alt()
    limit, offset = _page()
    only = set(filter(None, request.args.get("collectionIds", "").split(",")))
    name = request.args.get("name", "").casefold()
    found = [
        one
        for one in shop().books.of_location(COLLECTIONS, location)
        if (not only or one["_id"] in only) and name in one["name"].casefold()
    ]
    return answer({"data": found[offset : offset + limit], "total": len(found)})


@blueprint.get("/products/<product_id>")
def product(product_id: str) -> Response:
    """`GET /products/{id}`: one product."""
    gate.need("products.readonly")
    location = _location_id()
    found = shop().books.product(product_id)
    if found["locationId"] != location:
        raise Denied(404, "The product was not found.")
    return answer(_expanded(found))


@blueprint.get("/products/<product_id>/price")
def prices(product_id: str) -> Response:
    """`GET /products/{id}/price`: a page of the product's prices."""
    gate.need("products/prices.readonly")
    location = _location_id()
    limit, offset = _page()
    found = [one for one in shop().books.of_location(PRICES, location) if one["product"] == product_id]
    return answer({"prices": found[offset : offset + limit], "total": len(found)})


@blueprint.get("/locations/<location_id>")
def location(location_id: str) -> Response:
    """`GET /locations/{id}`: `{location}`; the vendor tells no currency here."""
    gate.need("locations.readonly")
    gate.only(location_id)
    found = shop().books.location(location_id)
    return answer({"location": {name: value for name, value in found.items() if name not in _PRIVATE}})


def _alt() -> str:
    """altId with altType=location, or locationId, as HoopAI's samples have it; 422 without."""
    if request.args.get("locationId") and not request.args.get("altId"):
        return _location_id()
    wrong = [] if request.args.get("altId") else ["altId must be a string", "altId should not be empty"]
    if request.args.get("altType") != "location":
        wrong.append("altType must be one of the following values: location")
    if wrong:
        raise Denied(422, wrong)
    gate.only(request.args["altId"])
    return request.args["altId"]


def _location_id() -> str:
    found = request.args.get("locationId")
    if not found:
        raise Denied(422, ["locationId must be a string", "locationId should not be empty"])
    gate.only(found)
    return found


def _page(*, required: bool = False) -> tuple[int, int]:
    values = []
    for name, default in (("limit", "10"), ("offset", "0")):
        text = request.args.get(name, None if required else default)
        if text is None or not text.isdecimal():
            raise Denied(422, [f"{name} must be a number string"])
        values.append(int(text))
    return min(max(values[0], 1), MOST), values[1]


def _wanted(invoice: Document) -> bool:
    if invoice["status"] == "delete" or request.args.get("status", invoice["status"]) != invoice["status"]:
        return False
    client = invoice["contactDetails"]
    if request.args.get("contactId", client["id"]) != client["id"]:
        return False
    text = {**invoice, "client": client["name"], "email": client["email"], "phone": client["phoneNo"]}
    searched = _mentions(text, "_id", "invoiceNumber", "name", "client", "email", "phone")
    return searched and _in_mode(invoice) and _between(invoice["issueDate"])


def _mentions(row: Document, *names: str) -> bool:
    wanted = request.args.get("search", "").casefold()
    return not wanted or any(wanted in str(row.get(name) or "").casefold() for name in names)


def _in_mode(row: Document) -> bool:
    mode = request.args.get("paymentMode", "default")
    return mode == "default" or row["liveMode"] == (mode == "live")


def _between(day: str) -> bool:
    return request.args.get("startAt", "")[:10] <= day <= (request.args.get("endAt", "")[:10] or "9999-12-31")


def _expanded(product: Document) -> Document:
    if "tax" not in request.args.get("expand", "").split(","):
        return product
    return {**product, "taxes": [shop().books.tax(key) for key in product["taxes"]]}


def _contact_text(contact: Document) -> str:
    return " ".join(str(contact[name]) for name in ("name", "companyName", "email", "phone")).casefold()


def _passes(contact: Document, rule: dict[str, Any]) -> bool:
    value, wanted = (
        str(contact.get(str(rule.get("field"))) or "").casefold(),
        str(rule.get("value") or "").casefold(),
    )
    return value == wanted if rule.get("operator", "eq") == "eq" else wanted in value
