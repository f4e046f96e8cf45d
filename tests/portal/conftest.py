"""A portal for each test: its own database, a real Valkey, the real sandbox over HTTP."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from flask import Flask

import sandbox as stand_ins
from portal.config import Settings
from portal.services import demo, passwords
from tests.support import portal
from tests.support.servers import serving
from tests.support.xero import Xero

BOTH = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
EITHER = BOTH if os.environ.get("TEST_DATABASES") == "both" else ["sqlite"]


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Passwords as strong as a test needs them: a real hash costs a tenth of a second, and every test signs in."""
    real = passwords._hasher
    passwords._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    yield
    passwords._hasher = real


@pytest.fixture
def sandbox() -> Iterator[str]:
    """The address of a fresh sandbox that keeps its state in memory."""
    app = stand_ins.create_app(None)
    with serving(app) as url:
        yield url
    app.close()


@pytest.fixture
def xero(sandbox: str) -> Xero:
    """The hidden hand of this test's Xero."""
    return Xero(sandbox)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An SQLite file, or with the parameter `postgres` a database on a real PostgreSQL."""
    if getattr(request, "param", "sqlite") == "postgres":
        url: str = request.getfixturevalue("postgres_url")
        return url
    return portal.sqlite_url(tmp_path)


@pytest.fixture
def settings(database_url: str, valkey_url: str, sandbox: str) -> Settings:
    """Settings that join this test's database, Valkey and sandbox."""
    return portal.settings_for(database_url, valkey_url, sandbox)


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """The whole portal over empty tables."""
    from portal import create_app

    made = create_app(settings)
    portal.make_tables(made)
    yield made
    portal.dispose(made)


@pytest.fixture
def seeded(app: Flask) -> Flask:
    """The whole portal with the demo agency."""
    with app.app_context():
        demo.seed()
    return app


@pytest.fixture
def ground(settings: Settings) -> Iterator[Flask]:
    """The portal without pages, with the demo agency, inside its app context: what tests of services need."""
    made = portal.ground_floor(settings)
    portal.make_tables(made)
    with made.app_context():
        demo.seed()
        yield made
    portal.dispose(made)
