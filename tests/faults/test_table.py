"""Operations under faults at Xero, on the wire, of Valkey, of the database and of the clock; Xero's books judge.

A part of the table on each database; the whole of it is `manage.py bench faults`.
"""

from collections.abc import Iterator

import pytest

from tests.faults.day import Day, day
from tests.faults.table import Trial, play, sample
from tests.support import portal
from tests.support.postgres import Cluster

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def today(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    with day(portal.sqlite_url(tmp_path_factory.mktemp("table"))) as made:
        yield made


@pytest.fixture(scope="module")
def on_postgres(postgres_cluster: Cluster) -> Iterator[Day]:
    name = postgres_cluster.create()
    with day(postgres_cluster.url(name), postgres_cluster) as made:
        yield made
    postgres_cluster.drop(name)


@pytest.mark.parametrize("trial", sample(0), ids=str)
def test_each_document_is_in_xero_exactly_once(today: Day, trial: Trial) -> None:
    verdict = play(today, trial)
    assert (verdict.wrong, verdict.tripped) == ([], True)


@pytest.mark.postgres
@pytest.mark.parametrize("trial", sample(1, postgres=True), ids=str)
def test_each_document_is_in_xero_exactly_once_on_postgresql(on_postgres: Day, trial: Trial) -> None:
    verdict = play(on_postgres, trial)
    assert (verdict.wrong, verdict.tripped) == ([], True)
