"""Signing in and connecting as a browser does, and what must not be readable anywhere afterwards."""

import logging
from pathlib import Path

import pytest
from flask import Flask
from redis import Redis

from portal.models import ConnectionState
from portal.services import connections, tokens
from tests.support import portal
from tests.support.xero import Xero


def test_a_person_signs_in_connects_and_comes_back_connected(seeded: Flask, xero: Xero) -> None:
    client = portal.sign_in(seeded.test_client())
    page = portal.connect_through_pages(client, country=portal.NZ)
    with seeded.app_context():
        there = connections.of(portal.location().id)
        assert there is not None
        assert there.state == ConnectionState.CONNECTED
        assert there.tenant_id == xero.tenant(portal.NZ)
        assert there.name in page


def test_a_callback_without_a_sign_in_connects_nothing(seeded: Flask) -> None:
    answer = seeded.test_client().get("/integrations/xero/callback?state=a&code=b")
    assert answer.status_code in (302, 303)
    assert "/sign-in" in answer.headers["Location"]


def test_a_made_up_callback_is_answered_with_a_sentence(seeded: Flask) -> None:
    client = portal.sign_in(seeded.test_client())
    answer = client.get("/integrations/xero/callback?state=a&code=b", follow_redirects=True)
    assert answer.status_code == 200
    assert "can no longer be finished" in answer.get_data(as_text=True)


def test_no_secret_reaches_log_redis_or_database(
    seeded: Flask, caplog: pytest.LogCaptureFixture, tmp_path: Path, valkey_url: str
) -> None:
    caplog.set_level(logging.DEBUG)
    client = portal.sign_in(seeded.test_client())
    portal.connect_through_pages(client)
    with seeded.app_context():
        there = connections.of(portal.location().id)
        assert there is not None
        authorisation = there.authorisation_id
        kept = [tokens.access_token(authorisation), tokens.refresh_token(authorisation)]
        tokens.renew(authorisation, kept[0])
        kept += [tokens.access_token(authorisation), tokens.refresh_token(authorisation)]
    kept += ["sandbox-secret-not-for-production", "demo-harbour-2026"]

    with Redis.from_url(valkey_url) as line:
        redis = b"".join(line.dump(key) or b"" for key in line.scan_iter())
    files = b"".join(path.read_bytes() for path in tmp_path.glob("portal.sqlite3*"))
    assert files
    for secret in kept:
        assert secret not in caplog.text
        assert secret.encode() not in redis
        assert secret.encode() not in files
