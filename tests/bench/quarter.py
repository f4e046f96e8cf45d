"""Five hundred connected locations with backlogs, made as copies of one that came about in the usual way."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Table, func, insert, select
from sqlalchemy.orm import Session

from portal import clock
from portal.extensions import db
from portal.models import (
    Base,
    Connection,
    Document,
    Invoice,
    Line,
    Link,
    Location,
    Push,
    PushState,
)
from portal.services.unit import release, transaction
from tests.bench.ground import Ground
from tests.support.hoop import GST, line

OF_A_CONNECTION = ("ledger_accounts", "tax_rates")
OF_A_LOCATION = ("categories", "hoop_taxes", "mappings", "location_settings")
Values = Mapping[str, Any]


@dataclass(frozen=True)
class Shop:
    """One location and its organisation."""

    location_id: int
    tenant_id: str


def settle(here: Ground, many: int) -> list[Shop]:
    """So many locations, each connected to an organisation of its own and mapped like the first one."""
    here.stage.hoop.create(line("Care plan", "100", "1", GST))
    here.stage.carry()
    assert here.open() == 0
    tenants = here.stage.xero.more_organisations(many)
    with transaction() as session:
        return [_settle_one(session, here, number, tenant) for number, tenant in enumerate(tenants)]


def load(here: Ground, shops: Sequence[Shop], sizes: Sequence[int], mark: str) -> None:
    """A new customer for each and so many invoices for them, all due at once."""
    with transaction() as session:
        model = session.query(Invoice).filter_by(location_id=here.stage.location_id).first()
        assert model is not None
        for shop, size in zip(shops, sizes, strict=True):
            _load_one(session, model, shop, size, mark)


def ends(shops: Sequence[Shop], began: datetime) -> list[float]:
    """After how many seconds the last document of each was in Xero."""
    last = dict(
        db.session.execute(
            select(Link.location_id, func.max(Link.linked_at)).group_by(Link.location_id)
        ).all()  # type: ignore[arg-type]
    )
    release()
    return [(last[shop.location_id] - began).total_seconds() for shop in shops]


def cpu() -> float:
    """Seconds of CPU that this machine has used, all its programs together."""
    with open("/proc/stat") as file:
        user, nice, system = map(int, file.readline().split()[1:4])
    return (user + nice + system) / os.sysconf("SC_CLK_TCK")


def _settle_one(session: Session, here: Ground, number: int, tenant: str) -> Shop:
    mine = session.get_one(Connection, here.stage.connection_id)
    home = session.get_one(Location, here.stage.location_id)
    location_id = _copied(session, home, hoop_id=f"loc{number:05}", name=f"Shop {number}")
    connection_id = _copied(
        session, mine, location_id=location_id, tenant_id=tenant, xero_connection_id=tenant,
        contacts_fetched_at=clock.now(), lease_until=None, lease_owner=None, rest_until=None,
    )  # fmt: skip
    for name in OF_A_CONNECTION:
        _copy_all(session, name, {"connection_id": mine.id}, {"connection_id": connection_id})
    for name in OF_A_LOCATION:
        changes = {"location_id": location_id, "tenant_id": tenant}
        _copy_all(session, name, {"location_id": home.id}, changes)
    return Shop(location_id, tenant)


def _load_one(session: Session, model: Invoice, shop: Shop, size: int, mark: str) -> None:
    assert model.contact is not None
    home = {"location_id": shop.location_id}
    contact_id = _copied(session, model.contact, **home, hoop_id=f"con{mark}", company=f"Client {mark}")
    session.execute(insert(Push), [{**home, "document": Document.CONTACT, "document_id": contact_id, **_NEW}])
    kept = {**_values(model), **home, "contact_id": contact_id, "content_hash": "0" * 64}
    rows = [{**kept, "hoop_id": f"{mark}-{n}", "number": f"{mark}-{n}"} for n in range(size)]
    ids = list(session.scalars(insert(Invoice).returning(Invoice.id), rows))
    lines = [{**_values(each), "invoice_id": invoice_id} for each in model.lines for invoice_id in ids]
    session.execute(insert(Line), lines)
    parent = {"parent_document": Document.CONTACT, "parent_id": contact_id}
    session.execute(
        insert(Push),
        [{**home, "document": Document.INVOICE, "document_id": each, **parent, **_NEW} for each in ids],
    )


_NEW = {"operation": "create", "state": PushState.QUEUED, "revision": 1, "tries": 0, "looks": 0}


def _copied(session: Session, row: Base, **changes: Any) -> int:
    made = type(row)(**{**_values(row), **changes})
    session.add(made)
    session.flush()
    identity: int = made.id  # type: ignore[attr-defined]
    return identity


def _values(row: Base) -> dict[str, Any]:
    columns = type(row).__mapper__.column_attrs
    return {each.key: getattr(row, each.key) for each in columns if each.key != "id"}


def _copy_all(session: Session, name: str, where: Values, changes: Values) -> None:
    table: Table = Base.metadata.tables[name]
    wanted = {key: value for key, value in changes.items() if key in table.c}
    kept = [column for column in table.c if column.name not in ("id", *wanted)]
    found = session.execute(
        select(*kept).where(*(table.c[key] == value for key, value in where.items()))
    ).mappings()
    rows = [{**row, **wanted} for row in found]
    if rows:
        session.execute(insert(table), rows)
