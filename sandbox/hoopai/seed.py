"""The demo data: two locations of Northlight Agency with contacts, products and tax rates."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.hoopai.books import (
    COLLECTIONS,
    CONTACTS,
    LOCATIONS,
    PRICES,
    PRODUCTS,
    TAXES,
    TOKENS,
    Books,
)

COMPANY = "cmpNorthlight01"
HARBOUR = "loc7Qm2VrX0tB4kPz9Ya"
KAURI = "locK3wN8sT1uC6mRd5Eb"
GST_AU = "66e0aa00bb11cc22dd33ee44"
GST_NZ = "66e0aa00bb11cc22dd33ee61"

_LOCATIONS: dict[str, dict[str, Any]] = {
    HARBOUR: {
        "name": "Harbour Studio", "currency": "AUD", "timezone": "Australia/Sydney", "country": "AU",
        "city": "Sydney",
        "state": "NSW", "postalCode": "2000", "address": "12 Quay St", "email": "hello@harbour.example",
        "phone": "+61290000000", "website": "https://www.harbour.example", "first_number": 1001,
        "legal": "Harbour Studio Pty Ltd",
    },
    KAURI: {
        "name": "Kauri Fitness", "currency": "NZD", "timezone": "Pacific/Auckland", "country": "NZ",
        "city": "Auckland",
        "state": "AUK", "postalCode": "1010", "address": "3 Kauri Lane", "email": "kia.ora@kauri.example",
        "phone": "+6490000000", "website": "https://www.kauri.example", "first_number": 501,
        "legal": "Kauri Fitness Limited",
    },
}  # fmt: skip
_TAXES = [
    (GST_AU, HARBOUR, "GST", "10"),
    ("66e0aa00bb11cc22dd33ee45", HARBOUR, "GST Free", "0"),
    ("66e0aa00bb11cc22dd33ee46", HARBOUR, "Harbour levy", "2.5"),
    (GST_NZ, KAURI, "GST", "15"),
    ("66e0aa00bb11cc22dd33ee62", KAURI, "Zero rated", "0"),
]
_CONTACTS = [
    # id, location, first, last, company, e-mail, phone, street, city, state, postcode
    ("conLanternFoods00001", HARBOUR, "Mira", "Okafor", "Lantern Foods", "mira@lantern.example",
     "+61400111222",
     "8 Lantern Rd", "Brisbane", "QLD", "4000"),
    ("conJuniperYoga000001", HARBOUR, "Dana", "Whitlock", "Juniper Yoga", "dana@juniper.example",
     "+61400333444",
     "41 Banksia Ave", "Hobart", "TAS", "7000"),
    ("conCobaltCycles00001", HARBOUR, "Theo", "Marchetti", "Cobalt Cycles", "theo@cobalt.example",
     "+61400555666",
     "2 Velodrome Way", "Adelaide", "SA", "5000"),
    ("conPriyaRaman0000001", HARBOUR, "Priya", "Raman", "", "priya.raman@post.example", "+61400777888",
     "", "Sydney", "NSW", "2010"),
    ("conPohutukawaCafe001", KAURI, "Aroha", "Ngata", "Pohutukawa Café", "aroha@pohutukawa.example",
     "+64210111222",
     "5 Marine Parade", "Napier", "HKB", "4110"),
    ("conSouthernAlps00001", KAURI, "Will", "Sutherland", "Southern Alps Guides", "will@alps.example",
     "+64210333444",
     "77 Glacier Rd", "Queenstown", "OTA", "9300"),
]  # fmt: skip
_COLLECTIONS = [
    ("66e9c0110000000000000a01", HARBOUR, "Retainers"),
    ("66e9c0110000000000000a02", HARBOUR, "Workshops"),
    ("66e9c0110000000000000a03", HARBOUR, "Care plans"),
    ("66e9c0110000000000000b01", KAURI, "Memberships"),
    ("66e9c0110000000000000b02", KAURI, "Classes"),
]
_PRODUCTS = [
    # id, location, name, kind, price, collections, taxes
    ("66f09c1d0000000000000a01", HARBOUR, "Monthly retainer", "SERVICE", "1500", ["a01"], [GST_AU]),
    ("66f09c1d0000000000000a02", HARBOUR, "Brand workshop", "SERVICE", "400", ["a02"], [GST_AU]),
    ("66f09c1d0000000000000a03", HARBOUR, "Website care plan", "SERVICE", "150", ["a03"], [GST_AU]),
    (
        "66f09c1d0000000000000a04",
        HARBOUR,
        "Workshop with follow-up care",
        "SERVICE",
        "650",
        ["a02", "a03"],
        [GST_AU],
    ),
    ("66f09c1d0000000000000a05", HARBOUR, "Printed style guide", "PHYSICAL", "45.50", [], [GST_AU]),
    ("66f09c1d0000000000000b01", KAURI, "Gym membership", "SERVICE", "89", ["b01"], [GST_NZ]),
    ("66f09c1d0000000000000b02", KAURI, "Pilates class", "SERVICE", "25", ["b02"], [GST_NZ]),
]


def sow_once(books: Books) -> None:
    """Put the demo data in when the books hold no location yet."""
    if not books.store.count(LOCATIONS):
        sow(books)


def sow(books: Books) -> None:
    """Put the demo data in (replacing documents with the same ids) as one durable unit; no invoices."""
    with books.store.unit():
        _sow_locations(books)
        _sow_taxes(books)
        _sow_contacts(books)
        _sow_collections(books)
        _sow_products(books)


def demo_token(location_id: str) -> str:
    """The private integration token every fresh sandbox knows for a location."""
    return f"pit-sandbox-{location_id}"


def _sow_locations(books: Books) -> None:
    for key, facts in _LOCATIONS.items():
        business = {
            "name": facts["legal"],
            **{
                name: facts[name]
                for name in ("address", "city", "state", "country", "postalCode", "website", "timezone")
            },
        }
        books.store.put(LOCATIONS, key, {"id": key, "companyId": COMPANY, **facts, "business": business})
        token = demo_token(key)
        books.store.put(TOKENS, token, {"token": token, "location_id": key, "scopes": ["*"]})


def _sow_taxes(books: Books) -> None:
    for key, location, name, rate in _TAXES:
        tax = {"_id": key, "altId": location, "altType": "location", "name": name, "rate": Decimal(rate)}
        books.store.put(TAXES, key, tax)


def _sow_contacts(books: Books) -> None:
    now = books.stamp()
    for key, location, first, last, company, email, phone, street, city, state, postcode in _CONTACTS:
        contact = {
            "id": key, "locationId": location, "firstName": first, "lastName": last,
            "name": f"{first} {last}",
            "companyName": company, "email": email, "phone": phone, "address1": street, "city": city,
            "state": state,
            "country": _LOCATIONS[location]["country"], "postalCode": postcode, "website": "", "tags": [],
            "customFields": [], "additionalEmails": [], "dateAdded": now, "dateUpdated": now,
        }  # fmt: skip
        books.store.put(CONTACTS, key, contact)


def _sow_collections(books: Books) -> None:
    now = books.stamp()
    for key, location, name in _COLLECTIONS:
        slug = name.lower().replace(" ", "-")
        seo = {"title": name, "description": ""}
        collection = {"_id": key, "altId": location, "name": name, "slug": slug, "image": "", "seo": seo}
        books.store.put(COLLECTIONS, key, {**collection, "createdAt": now})


def _sow_products(books: Books) -> None:
    now = books.stamp()
    for key, location, name, kind, amount, collections, taxes in _PRODUCTS:
        product = {
            "_id": key, "locationId": location, "name": name, "description": "", "productType": kind,
            "availableInStore": False,
            "collectionIds": [f"66e9c0110000000000000{end}" for end in collections],
            "isTaxesEnabled": bool(taxes), "taxes": list(taxes), "createdAt": now, "updatedAt": now,
        }  # fmt: skip
        books.store.put(PRODUCTS, key, product)
        price_id = key.replace("66f09c1d", "66f09c20")
        price = {
            "_id": price_id, "locationId": location, "product": key, "name": name, "type": "one_time",
            "currency": _LOCATIONS[location]["currency"], "amount": Decimal(amount), "variantOptionIds": [],
            "createdAt": now, "updatedAt": now,
        }  # fmt: skip
        books.store.put(PRICES, price_id, price)
