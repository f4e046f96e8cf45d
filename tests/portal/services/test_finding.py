"""What a person types finds the right invoices, and is asked so that SQLite takes the index made for it."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from sqlalchemy import select

from portal.extensions import db
from portal.models import Invoice, Location
from portal.services import cutoff, finding, health
from portal.services.unit import release
from tests.portal.conftest import EITHER
from tests.portal.views import builders
from tests.portal.views.builders import Plan
from tests.support import plans
from tests.support.portal import HARBOUR

NUMBERS = ("HS-1042", "HS-01042", "hs-10425", "INV-1042", "A%B-7", "1042", "Übung-9")


@pytest.fixture
def location(ground: Flask) -> Iterator[Location]:
    """Harbour Studio with an invoice of each number."""
    location_id = builders.connect(HARBOUR)
    builders.fill(location_id, tuple(map(Plan, NUMBERS)))
    yield db.session.get_one(Location, location_id)
    release()


@pytest.mark.parametrize("database_url", EITHER, indirect=True)
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("hs-", {"HS-1042", "HS-01042", "hs-10425"}),
        ("HS-1042", {"HS-1042", "hs-10425"}),
        ("1042", {"HS-1042", "HS-01042", "INV-1042", "1042"}),
        ("0001042", {"HS-1042", "HS-01042", "INV-1042", "1042"}),
        ("a%", {"A%B-7"}),
        ("1303", {"INV-1042"}),
        ("%", set()),
        ("hs_", set()),
    ],
)
def test_an_invoice_is_found_by_its_numbers_beginning_its_digits_and_its_amount(
    location: Location, text: str, found: set[str]
) -> None:
    ids = finding.find(location, text).invoices
    assert set(db.session.scalars(select(Invoice.number).where(Invoice.id.in_(ids)))) == found


def test_each_question_goes_over_its_index(location: Location) -> None:
    by_digits = _plan(lambda: finding.find(location, "1042"))
    assert "ix_invoices_digits (location_id=? AND <expr>=?)" in by_digits
    assert "ix_invoices_location_id_total (location_id=? AND total=?)" in by_digits
    assert "ix_invoices_folded (location_id=? AND <expr>>? AND <expr><?)" in by_digits
    assert "ix_invoices_folded" not in _plan(lambda: finding.find(location, "hs-"))
    over_pushes = "ix_pushes_location_id_state_document (location_id=? AND state=? AND document=?)"
    assert over_pushes in _plan(lambda: cutoff.left_out(location.id))
    assert over_pushes in _plan(lambda: health.alarms(location.id))


def _plan(ask: Callable[[], object]) -> str:
    """How SQLite goes about what is asked of it."""
    with plans.listening() as asked:
        ask()
    return "\n".join(step for step, _ in plans.steps(asked))
