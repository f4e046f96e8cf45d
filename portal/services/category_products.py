"""The products of a collection, each of which may have an account of its own."""

from dataclasses import dataclass

from sqlalchemy import select

from portal.extensions import db
from portal.models import LedgerAccount, MappingKind, Product
from portal.services import mappings

COLLECTION = "collection:"
MOST = 200


@dataclass(frozen=True, slots=True)
class ProductRow:
    """One product: its own choice (empty: as its collection) and the account that this names."""

    key: str
    name: str
    own: str
    account: LedgerAccount | None


def products(location_id: int, category_key: str) -> list[ProductRow]:
    """The products in a collection that HoopAI has told of, by name; none for other categories. At most 200."""
    if not category_key.startswith(COLLECTION):
        return []
    wanted = category_key.removeprefix(COLLECTION)
    book = mappings.book(location_id)
    found = db.session.scalars(
        select(Product).where(Product.location_id == location_id).order_by(Product.name, Product.hoop_id)
    )
    inside = [product for product in found if wanted in product.collections][:MOST]
    rows = []
    for product in inside:
        key = f"product:{product.hoop_id}"
        own = book.chosen.get((MappingKind.CATEGORY, key), "")
        rows.append(ProductRow(key, product.name, own, book.accounts.get(own)))
    return rows
