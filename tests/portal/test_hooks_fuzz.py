"""Whatever is sent to the webhook address: never a 5xx, and nothing that is kept stays unsettled."""

import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import simplejson
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal import create_app
from portal.config import Settings
from portal.extensions import db
from portal.hoopai import signatures
from portal.models import InboundEvent
from portal.services import demo, intake, sources
from portal.services.unit import release
from tests.portal.conftest import BOTH
from tests.portal.test_hooks import flat
from tests.support import portal

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "300"))
pytestmark = pytest.mark.parametrize("database_url", BOTH, indirect=True)

MORE = ("body", "data", "webhookId", "timestamp", "discount", "totalSummary", "taxes", "id", "product")
WORDS = [*sorted(flat()), *MORE]
TEXT = st.text(st.characters(exclude_categories=()), max_size=40)
LEAF = (
    st.none() | st.booleans() | TEXT | st.integers() | st.decimals(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["InvoicePaid", "InvoiceVoid", "paid", "void", "AUD", portal.HARBOUR, portal.KAURI, "", "\x00"])
)  # fmt: skip
KEYS = st.sampled_from(WORDS) | TEXT
TREE = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner), max_leaves=12
)
BODY = st.one_of(
    st.binary(max_size=200),
    TREE.map(lambda value: simplejson.dumps(value, use_decimal=True).encode()),
    st.dictionaries(st.sampled_from(WORDS), TREE, max_size=6).map(
        lambda changes: simplejson.dumps(flat(**changes), use_decimal=True).encode()
    ),
)
HEADER = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=80)


@pytest.fixture
def served(settings: Settings) -> Iterator[Flask]:
    app = create_app(settings)
    portal.make_tables(app)
    with app.app_context():
        demo.seed()
    yield app
    portal.dispose(app)


def test_nothing_that_is_sent_breaks_the_door(served: Flask) -> None:
    with served.app_context():
        source = sources.of(portal.location().id)
        assert source is not None
        secret, address = sources.secret(source), f"/hooks/hoopai/{source.hook_token}"
    client, statuses = served.test_client(), Counter[int]()

    @settings_of
    @given(body=BODY, forged=st.none() | st.none() | HEADER)
    def door(body: bytes, forged: str | None) -> None:
        signature = signatures.sign(secret, body) if forged is None else forged
        answer = client.post(address, data=body, headers={"x-wl-signature": signature})
        statuses[answer.status_code] += 1
        assert answer.status_code in (200, 400, 401), answer.text

    door()
    with served.app_context():
        intake.apply()
        assert left_over() == Counter()
        print(f"{sum(statuses.values())} inputs: {dict(statuses)}; kept: {settled()}")


def settings_of(test: Any) -> Any:
    """Many examples, no deadline: the machine is shared."""
    return settings(
        max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )(test)


def settled() -> dict[str, int]:
    release()
    return dict(Counter(str(state) for (state,) in db.session.query(InboundEvent.state)))


def left_over() -> Counter[str]:
    release()
    rows = db.session.query(InboundEvent.reason).filter(
        (InboundEvent.state == "received") | InboundEvent.reason.startswith("Something broke")
    )
    return Counter(str(reason) for (reason,) in rows)
