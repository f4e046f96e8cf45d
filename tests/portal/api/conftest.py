"""A portal with something in it, and programs with keys."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from portal.extensions import db
from portal.models import Location
from portal.services import agencies, api_keys
from portal.services.unit import release
from tests.portal.views import builders
from tests.support.portal import HARBOUR, KAURI


@dataclass
class Program:
    """Another program that uses the API with one key."""

    app: Flask
    secret: str
    headers: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **query: Any) -> TestResponse:
        """Read."""
        return self.app.test_client().get(f"/api/v1{path}", query_string=query, headers=self._headers())

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
        """Write."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        client = self.app.test_client(use_cookies=False)
        return client.open(f"/api/v1{path}", method=method, json=body, headers={**self._headers(), **named})

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"}


@pytest.fixture
def shop(seeded: Flask) -> Flask:
    """A connected location full of invoices beside an empty one."""
    with seeded.app_context():
        builders.fill(builders.connect(HARBOUR))
        release()
        db.session.remove()
    return seeded


def key_to(app: Flask, hoop_id: str, name: str, *, may_write: bool = True) -> Program:
    """A new key to a location."""
    with app.app_context():
        made = api_keys.add(agencies.location(hoop_id), name, may_write=may_write)
        db.session.remove()
    return Program(app, made.secret)


@pytest.fixture
def zapier(shop: Flask) -> Program:
    """A program that may write."""
    return key_to(shop, HARBOUR, "Zapier")


@pytest.fixture
def reader(shop: Flask) -> Program:
    """A program that may only read."""
    return key_to(shop, HARBOUR, "Reader", may_write=False)


@pytest.fixture
def neighbour(shop: Flask) -> Program:
    """A program of another location, which is not connected."""
    return key_to(shop, KAURI, "Neighbour")


def location_id(app: Flask, hoop_id: str = HARBOUR) -> int:
    """The location's own id."""
    with app.app_context():
        return db.session.scalars(select(Location.id).where(Location.hoop_id == hoop_id)).one()
