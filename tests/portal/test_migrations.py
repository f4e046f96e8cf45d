"""From an older database to today's, and the promise that revisions and models say the same."""

from datetime import datetime

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import text

from portal import create_app
from portal.config import Settings
from portal.extensions import db
from portal.models import Base
from tests.portal.conftest import BOTH
from tests.support import portal

MOMENT = datetime(2026, 11, 20, 12)


@pytest.fixture
def empty(settings: Settings) -> Flask:
    """The whole portal over an empty database."""
    return create_app(settings)


@pytest.mark.parametrize("database_url", BOTH, indirect=True)
def test_models_and_revisions_agree(empty: Flask) -> None:
    with empty.app_context():
        upgrade()
        with db.engine.connect() as line:
            context = MigrationContext.configure(line, opts={"compare_type": False})
            assert compare_metadata(context, Base.metadata) == []
    portal.dispose(empty)


@pytest.mark.parametrize("database_url", BOTH, indirect=True)
def test_an_older_database_keeps_its_mappings_and_gives_them_their_organisation(empty: Flask) -> None:
    with empty.app_context():
        upgrade(revision="0002")
        _fill()
        upgrade()
        assert _rows("SELECT tenant_id, kind, account_id FROM mappings") == [("tenant-a", "default", "acc")]
        downgrade(revision="0002")
        assert _rows("SELECT kind, account_id FROM mappings") == [("default", "acc")]
        upgrade()
    portal.dispose(empty)


def _fill() -> None:
    rows = (
        "INSERT INTO agencies (id, name, created_at) VALUES (1, 'A', :at)",
        "INSERT INTO locations (id, hoop_id, agency_id, name, timezone, created_at)"
        " VALUES (1, 'l', 1, 'L', 'UTC', :at)",
        "INSERT INTO authorisations (id, xero_user_id, state, tokens_sealed, scopes, expires_at, refreshed_at, version,"
        " fence) VALUES (1, 'u', 'active', '', '[]', :at, :at, 1, 0)",
        "INSERT INTO connections (id, location_id, authorisation_id, xero_connection_id, tenant_id, state, since,"
        " cut_off, connected_at, organisation, stumbles, fence)"
        " VALUES (1, 1, 1, 'x', 'tenant-a', 'connected', :at, :at, :at, '{}', 0, 0)",
        "INSERT INTO mappings (id, location_id, kind, key, account_id, changed_at)"
        " VALUES (1, 1, 'default', 'account', 'acc', :at)",
    )
    with db.engine.begin() as line:
        for row in rows:
            line.execute(text(row), {"at": MOMENT})


def _rows(query: str) -> list[tuple[object, ...]]:
    with db.engine.connect() as line:
        return [tuple(row) for row in line.execute(text(query))]
