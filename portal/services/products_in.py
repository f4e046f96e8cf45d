"""What HoopAI's REST API says about products and their collections, and what a line is mapped by because of it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.hoopai import reading
from portal.models import (
    Category,
    Collection,
    Document,
    Invoice,
    Line,
    Location,
    MappingKind,
    Operation,
    Product,
    Push,
    PushState,
)
from portal.models import Mapping as Choice
from portal.services import preferences, shelf

Named = tuple[str, str]
Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What is known of some products. `ranked` gives each collection's place, the lowest wins."""

    products: dict[str, Product]
    names: dict[str, str]
    ranked: dict[str, int]
    asked: frozenset[str] = field(default_factory=frozenset)

    def category(self, product_id: str | None, name: str) -> Named:
        """Key and name of what a line is mapped by: its product's first collection, else the product, else its name.

        A product that an admin maps by itself stays a category of its own.
        """
        if not product_id:
            return f"name:{name.strip().casefold()}"[:300], name
        product = self.products.get(product_id)
        collections = [each for each in product.collections if each in self.names] if product else []
        if product is None or product.own or not collections:
            return f"product:{product_id}", product.name if product else name
        first = min(collections, key=lambda each: self.ranked[each])
        return f"collection:{first}", self.names[first]

    @property
    def unknown(self) -> set[str]:
        """Products that HoopAI has not been asked about yet."""
        return set(self.asked) - set(self.products)


def catalogue(session: Session, location_id: int, product_ids: Iterable[str | None]) -> Catalogue:
    """What is known of these products, in two queries at most."""
    wanted = frozenset(filter(None, product_ids))
    products: dict[str, Product] = _known(session, location_id, Product, wanted)
    inside = {each for product in products.values() for each in product.collections}
    collections: dict[str, Collection] = _known(session, location_id, Collection, inside)
    names = {hoop_id: collection.name for hoop_id, collection in collections.items()}
    ranked = _ranked(names, preferences.of(session, location_id).collection_order if len(names) > 1 else ())
    return Catalogue(products, names, ranked, wanted)


def _known(session: Session, location_id: int, kind: type[Any], ids: Iterable[str]) -> dict[str, Any]:
    def read(missing: list[str]) -> dict[str, Any]:
        return {row.hoop_id: row for row in session.scalars(_of(kind, location_id, missing))}

    return shelf.some(session, location_id, kind, sorted(ids), read)


def learn_collections(session: Session, location_id: int, items: Sequence[Item]) -> None:
    """Remember collections; a new name is also the category's."""
    known = {row.hoop_id: row for row in session.scalars(_of(Collection, location_id, _ids(items)))}
    for hoop_id, name in _named(items):
        row = known.get(hoop_id)
        if row is None:
            row = known[hoop_id] = Collection(location_id=location_id, hoop_id=hoop_id, name="")
            session.add(row)
        if row.name != name:
            row.name = name
            _rename(session, location_id, f"collection:{hoop_id}", name)
        row.fetched_at = clock.now()
    session.flush()


def learn_products(session: Session, location_id: int, items: Sequence[Item]) -> set[str]:
    """Remember products and the collections they are in; the ids of those that are mapped by something else now."""
    known = {row.hoop_id: row for row in session.scalars(_of(Product, location_id, _ids(items)))}
    inside = {_id(item): _collections(item) for item in items}
    moved = set()
    for hoop_id, name in _named(items):
        row = known.get(hoop_id)
        if row is None:
            own = _has_own_choice(session, location_id, hoop_id)
            row = known[hoop_id] = Product(
                location_id=location_id, hoop_id=hoop_id, name=name, own=own, collections=[]
            )
            session.add(row)
        if row.collections != inside[hoop_id]:
            moved.add(hoop_id)
        row.name, row.collections, row.fetched_at = name, inside[hoop_id], clock.now()
    session.flush()
    return moved


def settle(
    session: Session, location: Location, product_ids: Iterable[str], changed: Callable[[Invoice], None]
) -> int:
    """Give the lines of invoices that have not gone yet their present category; how many invoices that changed.

    What is in Xero already keeps the account it was sent with. `changed` is called with each of the invoices.
    """
    wanted = sorted(set(product_ids))
    if not wanted:
        return 0
    catalog = catalogue(session, location.id, wanted)
    touched: dict[int, Invoice] = {}
    for line in _lines_not_sent(session, location.id, wanted):
        key, _ = catalog.category(line.product_id, line.name)
        if key != line.category_key:
            line.category_key = key
            touched[line.invoice_id] = line.invoice
    _learn_used(session, location.id, catalog)
    for invoice in touched.values():
        changed(invoice)
    return len(touched)


def _lines_not_sent(session: Session, location_id: int, product_ids: Sequence[str]) -> Sequence[Line]:
    waiting = select(Push.document_id).where(
        Push.location_id == location_id,
        Push.document == Document.INVOICE,
        Push.operation == Operation.CREATE,
        Push.state.in_((PushState.QUEUED, PushState.BLOCKED)),
    )
    return session.scalars(
        select(Line)
        .join(Invoice, Invoice.id == Line.invoice_id)
        .where(
            Invoice.location_id == location_id,
            Line.product_id.in_(product_ids),
            Invoice.id.in_(waiting),
        )
    ).all()


def _learn_used(session: Session, location_id: int, catalog: Catalogue) -> None:
    used = dict(catalog.category(product.hoop_id, product.name) for product in catalog.products.values())
    known = set(
        session.scalars(
            select(Category.key).where(Category.location_id == location_id, Category.key.in_(list(used)))
        )
    )
    session.add_all(
        Category(location_id=location_id, key=key, name=name[:300])
        for key, name in used.items()
        if key not in known
    )
    session.flush()


def _ranked(names: Mapping[str, str], order: Sequence[str]) -> dict[str, int]:
    chosen = [each for each in order if each in names]
    others = sorted(set(names) - set(chosen), key=lambda each: (names[each].casefold(), each))
    return {hoop_id: place for place, hoop_id in enumerate([*chosen, *others])}


def _has_own_choice(session: Session, location_id: int, product_id: str) -> bool:
    found = session.scalar(
        select(Choice.id).where(
            Choice.location_id == location_id,
            Choice.kind == MappingKind.CATEGORY,
            Choice.key == f"product:{product_id}",
        )
    )
    return found is not None


def _rename(session: Session, location_id: int, key: str, name: str) -> None:
    row = session.scalar(select(Category).where(Category.location_id == location_id, Category.key == key))
    if row is not None:
        row.name = name


def _of(table: type[Any], location_id: int, ids: Iterable[str]) -> Any:
    return select(table).where(table.location_id == location_id, table.hoop_id.in_(list(ids)))


def _ids(items: Iterable[Item]) -> list[str]:
    return [hoop_id for hoop_id, _ in _named(items)]


def _named(items: Iterable[Item]) -> list[Named]:
    found = ((_id(item), item.get("name")) for item in items)
    return [
        (hoop_id, (reading.clean(name) if isinstance(name, str) else "")[:300] or hoop_id)
        for hoop_id, name in found
        if hoop_id
    ]


def _id(item: Item) -> str:
    value = item.get("_id") or item.get("id")
    return value if isinstance(value, str) and len(value) <= 64 else ""


def _collections(item: Item) -> list[str]:
    listed = item.get("collectionIds")
    texts = (
        [reading.clean(each) for each in listed if isinstance(each, str)] if isinstance(listed, list) else []
    )
    return sorted(set(texts))
