"""Secrets at rest, and changing the key they are sealed with."""

from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import select, text

from portal.config import Settings
from portal.crypto import SealBroken, Sealer, new_key
from portal.extensions import db
from portal.models import Connection, Source
from portal.services import organisations, secrets, sources, tokens
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
    person = portal.ana()
    assert portal.connect(person).ok
    kept = _opened()
    fresh = new_key("k2")
    ground.extensions["portal.settings"] = replace(settings, token_keys=f"{fresh},{settings.token_keys}")
    assert _opened() == kept

    none = {"mails": 0, "second_factors": 0, "webhook_endpoints": 0}
    assert secrets.reseal() == {"authorisations": 1, "sources": 2, "consent_runs": 1, **none}
    assert secrets.reseal() == {"authorisations": 0, "sources": 0, "consent_runs": 0, **none}

    ground.extensions["portal.settings"] = replace(settings, token_keys=fresh)
    assert _opened() == kept
    organisations.refresh(db.session.scalars(select(Connection.id)).one())


def test_a_rotation_that_is_killed_goes_on_where_it_was_and_both_keys_open_meanwhile(
    ground: Flask, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert portal.connect(portal.ana()).ok
    kept = _opened()
    fresh = new_key("k2")
    ground.extensions["portal.settings"] = replace(settings, token_keys=f"{fresh},{settings.token_keys}")
    plain, seen = Sealer.reseal, []

    def dies_at_the_second(sealer: Sealer, sealed: str, row: str) -> str:
        seen.append(row)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return plain(sealer, sealed, row)

    with monkeypatch.context() as patched:
        patched.setattr(Sealer, "reseal", dies_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            secrets.reseal()
    assert _opened() == kept
    assert tokens.renew(1, tokens.access_token(1))
    done = secrets.reseal()
    assert 0 < sum(done.values()) < 4
    ground.extensions["portal.settings"] = replace(settings, token_keys=fresh)
    assert _opened()[1:] == kept[1:]
    assert tokens.access_token(1)


def _opened() -> list[str]:
    db.session.rollback()
    found = [sources.secret(each) for each in db.session.scalars(select(Source).order_by(Source.id)).all()]
    return [tokens.refresh_token(1), *found]


def test_a_rotated_webhook_secret_is_another_one(ground: Flask) -> None:
    source = sources.of(portal.location().id)
    assert source is not None
    before = sources.secret(source)
    made = sources.rotate(portal.location().id, portal.ana().user)
    after = sources.of(portal.location().id)
    assert after is not None
    assert made == sources.secret(after) != before
