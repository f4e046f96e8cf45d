"""Secrets at rest, and changing the key they are sealed with."""

from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import select, text

from portal.config import Settings
from portal.crypto import SealBroken, new_key
from portal.extensions import db
from portal.models import Source
from portal.services import secrets, sources
from portal.services.unit import transaction
from tests.support import portal


def test_a_webhook_secret_is_readable_for_us_and_nowhere_in_the_database(ground: Flask) -> None:
    source = sources.of(portal.location().id)
    assert source is not None
    secret = sources.secret(source)

    assert len(secret) >= 43
    assert secrets.hook_secrets(source) == [secret]
    assert secret not in str(db.session.execute(text("select * from sources")).all())


def test_a_secret_moved_to_another_row_is_refused(ground: Flask) -> None:
    with transaction() as session:
        first, second = session.scalars(select(Source).order_by(Source.id)).all()
        first.secret_sealed, second.secret_sealed = second.secret_sealed, first.secret_sealed
    with pytest.raises(SealBroken):
        sources.secret(db.session.get_one(Source, 1))


def test_rotating_keys_seals_anew_and_the_old_key_is_no_longer_needed(
    ground: Flask, settings: Settings
) -> None:
    kept = [sources.secret(source) for source in db.session.scalars(select(Source).order_by(Source.id))]
    fresh = new_key("k2")
    ground.extensions["portal.settings"] = replace(settings, token_keys=f"{fresh},{settings.token_keys}")

    assert secrets.reseal() == {"authorisations": 0, "sources": 2}
    assert secrets.reseal() == {"authorisations": 0, "sources": 0}

    ground.extensions["portal.settings"] = replace(settings, token_keys=fresh)
    assert [sources.secret(each) for each in db.session.scalars(select(Source).order_by(Source.id))] == kept


def test_a_rotated_webhook_secret_is_another_one(ground: Flask) -> None:
    source = sources.of(portal.location().id)
    assert source is not None
    before = sources.secret(source)
    made = sources.rotate(portal.location().id, portal.ana().user)
    after = sources.of(portal.location().id)
    assert after is not None
    assert made == sources.secret(after) != before
