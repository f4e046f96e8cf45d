"""Many ids as one parameter: none, some and thousands, on whatever database."""

from flask import Flask
from sqlalchemy import select

from portal.extensions import db
from portal.models import Location
from portal.models.among import among


def test_ids_are_found_however_many_there_are(ground: Flask) -> None:
    every = set(db.session.scalars(select(Location.id)))
    few = select(Location.id).where(among(Location.id, "wanted"))
    assert len(every) == 2
    for wanted, found in (
        ([], set()), ([min(every)], {min(every)}), (range(1, 5_000), every), ({0, -1}, set())
    ):  # fmt: skip
        assert set(db.session.scalars(few, {"wanted": wanted})) == found
        assert set(db.session.scalars(select(Location.id).where(among(Location.id, wanted)))) == found
