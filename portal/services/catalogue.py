"""The location's product collections and products, as an admin ranks and maps them."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.errors import NotFoundHere
from portal.extensions import db
from portal.models import Collection, Invoice, Location, Product, User
from portal.services import audit, invoices_in, looking_up, preferences, products_in
from portal.services.unit import transaction

MOST = 200


@dataclass(frozen=True, slots=True)
class Shelf:
    """Collections in the order in which they win, and products (the first two hundred that fit a search)."""

    collections: list[Collection]
    products: list[tuple[Product, str]]
    total: int


def shelf(location_id: int, search: str = "") -> Shelf:
    """What is known of the location's products, and what each is mapped by."""
    collections = _ranked(db.session(), location_id)
    wanted = select(Product).where(Product.location_id == location_id)
    if search:
        wanted = wanted.where(Product.name.icontains(search, autoescape=True))
    products = db.session.scalars(wanted.order_by(Product.name).limit(MOST)).all()
    known = products_in.catalogue(db.session(), location_id, [each.hoop_id for each in products])
    total = db.session.scalar(select(func.count()).select_from(wanted.subquery())) or 0
    return Shelf(
        collections, [(each, known.category(each.hoop_id, each.name)[1]) for each in products], total
    )


def raise_collection(location_id: int, user: User, hoop_id: str) -> None:
    """Let this collection win over all others; invoices that have not gone follow."""
    with transaction() as session:
        order = [each.hoop_id for each in _ranked(session, location_id)]
        if hoop_id not in order:
            raise NotFoundHere()
        order.remove(hoop_id)
        preferences.put(session, location_id, user, {"collection_order": [hoop_id, *order]})
        inside = [
            product.hoop_id
            for product in session.scalars(select(Product).where(Product.location_id == location_id))
            if len(product.collections) > 1
        ]
        _settle(session, location_id, inside)


def map_alone(location_id: int, user: User, product_id: str, alone: bool) -> None:
    """Map a product by itself, or by its collection again; invoices that have not gone follow."""
    with transaction() as session:
        product = session.scalar(
            select(Product).where(Product.location_id == location_id, Product.hoop_id == product_id)
        )
        if product is None:
            raise NotFoundHere()
        product.own = alone
        session.flush()
        audit.note(session, user, location_id, "products.own", f"{product.name}: {alone}")
        _settle(session, location_id, [product_id])


def _settle(session: Session, location_id: int, product_ids: list[str]) -> None:
    location: Location = looking_up.guarded(session, location_id)

    def follow(invoice: Invoice) -> None:
        invoices_in.recategorised(session, location, invoice)

    products_in.settle(session, location, product_ids, follow)


def _ranked(session: Session, location_id: int) -> list[Collection]:
    order = preferences.of(session, location_id).collection_order
    place = {hoop_id: number for number, hoop_id in enumerate(order)}
    found = session.scalars(select(Collection).where(Collection.location_id == location_id))
    return sorted(found, key=lambda each: (place.get(each.hoop_id, len(order)), each.name.casefold()))
