"""What surrounds the invoices: webhook settings, tokens, tax rates, products, starting afresh."""

from __future__ import annotations

import uuid
from typing import Any

from sandbox.hoopai import seed
from sandbox.hoopai.books import (
    COLLECTIONS,
    LOCATIONS,
    PRICES,
    PRODUCTS,
    TAXES,
    TOKENS,
    WEBHOOKS,
    Refused,
    decimal,
    hex_id,
)
from sandbox.hoopai.envelopes import ENVELOPES
from sandbox.hoopai.keys import SCHEMES
from sandbox.hoopai.postman import POLICIES
from sandbox.hoopai.shop import Shop
from sandbox.store import Document

Wish = dict[str, Any]
_PRODUCT_LISTS = {"taxes": "taxes", "collection_ids": "collectionIds"}


def reset(shop: Shop, *, everything: bool = False) -> None:
    """Back to the demo data; webhook settings and limits stay unless `everything`, keys always."""
    store = shop.books.store
    with store.unit():
        store.clear("hoop.")
        if everything:
            store.clear("hoopkeep.webhook")
            store.clear("hoopkeep.settings")
        seed.sow(shop.books)
    shop.postman.forget()
    if everything:
        shop.postman.pause(False)


def set_webhook(shop: Shop, wish: Wish) -> Document:
    """Set or change a location's webhook (see `control.webhooks`); Refused for an unknown form."""
    location = shop.books.location(wish.get("location_id"))
    default: Wish = {
        "url": "",
        "secret": "",
        "scheme": "x-wl-signature",
        "envelope": "flat",
        "policy": "hoopai",
    }
    default |= {"events": ["Invoice"], "tells_inclusive": False}
    hook = {**default, **(shop.postman.webhook(location["id"]) or {}), "location_id": location["id"]}
    hook |= {name: wish[name] for name in default if name in wish}
    _among("scheme", hook["scheme"], SCHEMES)
    _among("envelope", hook["envelope"], ENVELOPES)
    _among("policy", hook["policy"], POLICIES)
    if not hook["url"]:
        shop.books.store.delete(WEBHOOKS, location["id"])
        return hook
    if not hook["url"].startswith(("http://", "https://")):
        raise Refused("The webhook address must begin with http:// or https://.", 422)
    shop.books.store.put(WEBHOOKS, location["id"], hook)
    return hook


def webhooks(shop: Shop) -> list[Document]:
    """All webhook settings with the retry policy in force."""
    return [{**hook, "retry": shop.postman.policy(hook)} for hook in shop.books.store.all(WEBHOOKS)]


def tune_retries(shop: Shop, wish: Wish) -> Wish:
    """Change numbers of a retry policy; answers it."""
    name = wish.get("policy", "hoopai")
    _among("policy", name, POLICIES)
    numbers = {key: decimal(wish[key], key) for key in POLICIES[name] if key in wish}
    if any(number < 0 for number in numbers.values()):
        raise Refused("A retry policy has no negative numbers.", 422)
    return shop.postman.tune(name, numbers)


def new_token(shop: Shop, location_id: str | None, scopes: list[str] | None) -> Document:
    """A new private integration token of a location, with the scopes (default: all)."""
    location = shop.books.location(location_id)
    token = {"token": f"pit-{uuid.uuid4()}", "location_id": location["id"], "scopes": scopes or ["*"]}
    shop.books.store.put(TOKENS, token["token"], token)
    return token


def tokens(shop: Shop) -> list[Document]:
    """All tokens, oldest first."""
    return shop.books.store.all(TOKENS)


def revoke(shop: Shop, token: str) -> None:
    """Forget a token; calls with it are answered 401 from now on."""
    shop.books.store.delete(TOKENS, token)


def save_tax(shop: Shop, wish: Wish) -> Document:
    """Make or change a tax rate (percent, up to four decimals)."""
    location = shop.books.location(wish.get("location_id"))
    tax = {
        "_id": wish.get("id") or hex_id(), "altId": location["id"], "altType": "location",
        "name": wish.get("name") or "Tax", "rate": decimal(wish.get("rate"), "rate"),
    }  # fmt: skip
    shop.books.store.put(TAXES, tax["_id"], tax)
    return tax


def save_collection(shop: Shop, wish: Wish) -> Document:
    """Make or rename a collection."""
    location = shop.books.location(wish.get("location_id"))
    name = wish.get("name") or "Collection"
    collection = {
        "_id": wish.get("id") or hex_id(), "altId": location["id"], "name": name, "image": "",
        "slug": name.lower().replace(" ", "-"), "seo": {"title": name, "description": ""},
        "createdAt": shop.books.stamp(),
    }  # fmt: skip
    shop.books.store.put(COLLECTIONS, collection["_id"], collection)
    return collection


def save_product(shop: Shop, wish: Wish) -> Document:
    """Make or change a product and its one price; the wish is that of `control.product`."""
    location = shop.books.location(wish.get("location_id"))
    key, now = str(wish.get("id") or hex_id()), shop.books.stamp()
    empty: Document = {"createdAt": now, "taxes": [], "collectionIds": []}
    before = shop.books.store.get(PRODUCTS, key) or empty
    chosen = {name: wish.get(name, before[kept]) or [] for name, kept in _PRODUCT_LISTS.items()}
    taxes = [shop.books.tax(tax)["_id"] for tax in chosen["taxes"]]
    product = {
        "_id": key, "locationId": location["id"], "name": wish.get("name") or before.get("name") or "Product",
        "description": "", "productType": wish.get("product_type") or before.get("productType", "SERVICE"),
        "availableInStore": False, "isTaxesEnabled": bool(taxes), "taxes": taxes,
        "collectionIds": chosen["collection_ids"],
        "createdAt": before["createdAt"], "updatedAt": now,
    }  # fmt: skip
    with shop.books.store.unit():
        shop.books.store.put(PRODUCTS, key, product)
        if "amount" in wish:
            _save_price(shop, location, product, wish)
    return product


def locations(shop: Shop) -> list[Document]:
    """The locations, in the order of the seed."""
    return shop.books.store.all(LOCATIONS)


def _save_price(shop: Shop, location: Document, product: Document, wish: Wish) -> None:
    kept = [price for price in shop.books.store.all(PRICES) if price["product"] == product["_id"]]
    price = {
        "_id": kept[0]["_id"] if kept else hex_id(), "locationId": location["id"], "product": product["_id"],
        "name": product["name"], "type": "one_time", "currency": location["currency"], "variantOptionIds": [],
        "amount": decimal(wish["amount"], "amount"), "createdAt": product["createdAt"],
        "updatedAt": product["updatedAt"],
    }  # fmt: skip
    shop.books.store.put(PRICES, price["_id"], price)


def _among(name: str, value: str, known: dict[str, Any]) -> None:
    if value not in known:
        raise Refused(f"{name} must be one of {', '.join(known)}, not {value!r}.", 422)
