"""No token, code or secret is readable in a log, in Redis, in the database, on a page, in an error or in a job."""

import io
import logging
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import select

from portal import clock, logs
from portal.config import Settings
from portal.errors import ConnectAgain, NotNow
from portal.extensions import db
from portal.models import Authorisation
from portal.services import connections, housekeeping, sources, tokens
from portal.services.unit import release, transaction
from portal.xero.errors import XeroError
from tests.support import consent, portal
from tests.support.xero import Xero

CLIENT_SECRET, PASSWORD = "sandbox-secret-not-for-production", "demo-harbour-2026"


@dataclass
class Seen:
    """Everything that could be read from outside while the portal worked, and the secrets to look for."""

    log: io.StringIO
    pages: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    secrets: set[str] = field(default_factory=set)


@pytest.fixture
def seen() -> Iterator[Seen]:
    """The log of all libraries at its most talkative, as the portal writes it."""
    found = Seen(io.StringIO())
    handler = logging.StreamHandler(found.log)
    handler.setFormatter(logs.JsonLine())
    handler.addFilter(_is_the_portals)
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield found
    root.removeHandler(handler)
    root.setLevel(level)


def _is_the_portals(record: logging.LogRecord) -> bool:
    """Not the stand-in's list of requests, nor what the person's own browser does at Xero's page."""
    return record.name != "werkzeug" and "/connect/authorize" not in record.getMessage()


def _note_tokens(seen: Seen) -> int:
    permit = db.session.scalars(select(Authorisation.id)).one()
    seen.secrets |= {tokens.access_token(permit), tokens.refresh_token(permit)}
    release()
    return permit


def _visit(client: FlaskClient, seen: Seen, *paths: str) -> None:
    for path in paths:
        answer = client.get(f"/locations/{portal.HARBOUR}{path}", follow_redirects=True)
        seen.pages.append(str(answer.headers) + answer.get_data(as_text=True))


def _connect(client: FlaskClient, seen: Seen, country: str) -> None:
    start = client.get(f"/locations/{portal.HARBOUR}/settings/integrations/xero/connect")
    answer = consent.allow(start.headers["Location"], "mia", country)
    seen.secrets |= {answer["code"], answer["state"]}
    back = client.get("/integrations/xero/callback", query_string=answer, follow_redirects=True)
    seen.pages.append(back.get_data(as_text=True))


def _go_wrong(xero: Xero, seen: Seen, permit: int, connection_id: int) -> None:
    """Every kind of trouble while a token is in hand; what it raises is kept with all its frames' locals."""
    for kind in ("503", "500", "garbled", "truncated", "lost_reply", "429-minute", "refuse"):
        for path in ("connect/token", "/connections", "Organisation"):
            xero.fault(kind, path)
            try:
                if path == "connect/token":
                    tokens.renew(permit, tokens.access_token(permit))
                elif path == "/connections":
                    connections.examine(connection_id)
                else:
                    housekeeping.facts(connection_id)
            except (XeroError, NotNow, ConnectAgain) as error:
                told = traceback.TracebackException.from_exception(error, capture_locals=False)
                seen.errors += [repr(error), str(error), "".join(told.format())]
                logging.getLogger("canary").exception("canary.stumbled")
            xero.mend()
            _note_tokens(seen)


@pytest.mark.faults
def test_nothing_secret_is_readable_anywhere(
    seeded: Flask, xero: Xero, seen: Seen, settings: Settings, tmp_path: Path, valkey_url: str
) -> None:
    client = portal.sign_in(seeded.test_client())
    seen.secrets |= {CLIENT_SECRET, PASSWORD}
    _connect(client, seen, portal.AU)
    with seeded.app_context():
        permit = _note_tokens(seen)
        connection = connections.of(portal.location().id)
        source = sources.of(portal.location().id)
        assert connection is not None
        assert source is not None
        connection_id = connection.id
        webhook_secret = sources.secret(source)
        release()
        _go_wrong(xero, seen, permit, connection_id)
    _connect(client, seen, portal.NZ)
    with seeded.app_context():
        _note_tokens(seen)
    room = "/settings/integrations"
    _visit(
        client,
        seen,
        room,
        f"{room}/xero",
        f"{room}/xero/cut-off",
        f"{room}/xero/disconnect",
        "/troubleshooting",
        "/troubleshooting/why/connection",
        "/troubleshooting/support",
        "/troubleshooting/support.json",
    )
    with seeded.app_context():
        _refused_by_configuration(seeded, settings, seen, permit)
        said = connections.disconnect(portal.location().id, portal.ana().user)
    seen.pages.append(said)

    with Redis.from_url(valkey_url) as line:
        redis = b"".join(key + (line.dump(key) or b"") for key in line.scan_iter())
        jobs = b"".join(b"".join(line.hgetall(key).values()) for key in line.scan_iter("rq:job:*"))
    files = b"".join(path.read_bytes() for path in tmp_path.glob("portal.sqlite3*"))
    places = {
        "log": seen.log.getvalue(), "pages": "".join(seen.pages), "errors": "".join(seen.errors),
        "redis": redis.decode("latin-1"), "jobs": jobs.decode("latin-1"), "database": files.decode("latin-1"),
    }  # fmt: skip
    assert len(seen.secrets) > 20
    assert len(seen.errors) > 20
    assert "canary.stumbled" in places["log"]
    assert "jobs." in places["jobs"]
    assert len(places["database"]) > 10_000
    found = [
        (place, secret[:6]) for place, text in places.items() for secret in seen.secrets if secret in text
    ]
    guilty = [line for line in places["log"].splitlines() if any(each in line for each in seen.secrets)]
    assert (found, [line[:300] for line in guilty]) == ([], [])
    assert [place for place, text in places.items() if webhook_secret in text] == []


def _refused_by_configuration(app: Flask, settings: Settings, seen: Seen, permit: int) -> None:
    wrong = "another-secret-that-xero-does-not-know"
    seen.secrets.add(wrong)
    app.extensions["portal.settings"] = replace(settings, xero_client_secret=wrong)
    with transaction() as session:
        session.get_one(Authorisation, permit).expires_at = clock.now()
    with pytest.raises(NotNow) as refused:
        tokens.access_token(permit)
    seen.errors += [repr(refused.value), str(refused.value), repr(settings)]
    app.extensions["portal.settings"] = settings
