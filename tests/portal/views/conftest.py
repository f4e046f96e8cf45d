"""A portal with something on every page, and people signed in to it."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from portal.extensions import db
from portal.models import Location, Role
from portal.services import agencies, demo, users
from portal.services.unit import release
from tests.portal.views import builders
from tests.portal.views.browser import Browser
from tests.support.portal import HARBOUR

VIEWER = ("vic@northlight.example", "viewer-harbour-2026")
STRANGER = ("otto@elsewhere.example", "elsewhere-otto-2026")


@pytest.fixture
def site(seeded: Flask) -> Flask:
    """The demo agency with a connected location full of invoices, a viewer, and an agency next door."""
    with seeded.app_context():
        location_id = builders.connect(HARBOUR)
        builders.fill(location_id)
        location = db.session.scalars(select(Location).where(Location.id == location_id)).one()
        agency = agencies.named(demo.AGENCY)
        users.add(VIEWER[0], agency, Role.VIEWER, VIEWER[1], locations=[location])
        users.add(STRANGER[0], agencies.add("Elsewhere Agency"), Role.AGENCY_ADMIN, STRANGER[1])
        release()
        db.session.remove()
    return seeded


@pytest.fixture
def sign_in(site: Flask) -> Callable[[str, str], Browser]:
    """Sign somebody in; a browser with their cookie."""

    def enter(email: str, password: str) -> Browser:
        browser = Browser(site)
        browser.sign_in(email, password)
        return browser

    return enter


@pytest.fixture
def ana(sign_in: Callable[[str, str], Browser]) -> Browser:
    """The agency's admin, signed in."""
    return sign_in(demo.EMAIL, demo.PASSWORD)


@pytest.fixture
def viewer(sign_in: Callable[[str, str], Browser]) -> Browser:
    """Somebody who may only look, signed in."""
    return sign_in(*VIEWER)


@pytest.fixture
def stranger(sign_in: Callable[[str, str], Browser]) -> Browser:
    """An admin of another agency, signed in."""
    return sign_in(*STRANGER)
