"""What goes wrong in life, on demand: events twice, out of order, unsigned; and heaps of invoices."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.hoopai.books import CONTACTS, EVENTS, PRODUCTS, Refused
from sandbox.hoopai.drafts import new_contact
from sandbox.hoopai.shop import Shop
from sandbox.store import Document


def redeliver(shop: Shop, wish: dict[str, Any]) -> list[str]:
    """Send a past event again; answers the ids of the new deliveries.

    `event_id` an id or `last` (of `invoice_id` or `location_id` when given); `times` how often (default 1);
    `unsigned`: without a signature; `tampered`: body changed after signing; `out_of_order`: the event first,
    then the one that came before it about the same invoice.
    """
    events = _events(shop, wish)
    chosen = [_chosen(events, wish.get("event_id") or "last")] * int(wish.get("times") or 1)
    if wish.get("out_of_order"):
        earlier = [one for one in events if one["about"] == chosen[0]["about"] and one["n"] < chosen[0]["n"]]
        if not earlier:
            raise Refused("Nothing happened to that invoice before this event.")
        chosen.append(earlier[-1])
    flags = {name: True for name in ("unsigned", "tampered") if wish.get(name)}
    with shop.books.store.unit():
        made = [shop.postman.queue(event, **flags) for event in chosen]
    if None in made:
        raise Refused("The location has no webhook for that event.")
    return [delivery["id"] for delivery in made if delivery]


def bulk(shop: Shop, wish: dict[str, Any]) -> dict[str, Any]:
    """Make `count` invoices for `contacts` different new contacts (default 1), `send` them (default yes) and
    pay the first `paid` of them (a number; true: all). `lines` as in an invoice; default: the products in
    turn, taxed.

    All in one durable unit; answers `{count, first_number, last_number, ids}`.
    """
    count = int(wish.get("count") or 1)
    if not 1 <= count <= 20_000:
        raise Refused("count must be between 1 and 20,000.", 422)
    paid = count if wish.get("paid") is True else int(wish.get("paid") or 0)
    location = shop.books.location(wish.get("location_id"))
    made: list[Document] = []
    with shop.books.store.unit():
        people = _people(shop, location, int(wish.get("contacts") or 1))
        products = shop.books.of_location(PRODUCTS, location["id"])
        for place in range(count):
            lines = wish.get("lines") or [_line(products[place % len(products)], place)]
            one = {"contact_id": people[place % len(people)], "lines": lines, "send": wish.get("send", True)}
            invoice = shop.create(location["id"], one)
            made.append(shop.pay(invoice["_id"], {"method": "card"}) if place < paid else invoice)
    numbers = [invoice["invoiceNumber"] for invoice in made]
    return {
        "count": count,
        "first_number": numbers[0],
        "last_number": numbers[-1],
        "ids": [one["_id"] for one in made],
    }


def _events(shop: Shop, wish: dict[str, Any]) -> list[Document]:
    asked = {"location_id": wish.get("location_id"), "about": wish.get("invoice_id")}
    return [
        event
        for event in shop.books.store.view(EVENTS)
        if all(value in (None, "", event[name]) for name, value in asked.items())
    ]


def _chosen(events: list[Document], wanted: str) -> Document:
    found = events if wanted == "last" else [event for event in events if event["id"] == wanted]
    if not found:
        raise Refused("There is no such event.", 404)
    return found[-1]


def _people(shop: Shop, location: Document, count: int) -> list[str]:
    start = shop.books.count_up("bulk.contacts") * 100_000
    ids = []
    for place in range(count):
        name = f"Bulk Client {start + place}"
        fields = {"name": name, "companyName": f"{name} Ltd", "email": f"bulk{start + place}@clients.example"}
        contact = new_contact(shop.books, location, fields)
        shop.books.store.put(CONTACTS, contact["id"], contact)
        ids.append(contact["id"])
    return ids


def _line(product: Document, place: int) -> dict[str, Any]:
    return {
        "product_id": product["_id"],
        "qty": 1 + place % 3,
        "amount": Decimal(50 + place % 200),
        "taxes": product["taxes"],
    }
