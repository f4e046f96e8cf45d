"""Workers killed and frozen at each step, the network failing meanwhile; Xero's books are the judge.

A sample on each database; the whole matrix is `manage.py bench faults`.
"""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from portal.services import draining, intake
from tests.faults.runs import Run, play
from tests.faults.sample import KILLERS, sample
from tests.faults.world import World, state, world
from tests.support import portal
from tests.support.hoop import GST, line
from tests.support.ports import free_port
from tests.support.servers import wait_until

SOLO = {"name": "Ida Solo", "companyName": "Solo Press", "email": "ida@solo.example"}
pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, valkey_server: str) -> Iterator[World]:
    url = portal.sqlite_url(tmp_path_factory.mktemp("faults"))
    with world(url, f"{valkey_server}?db=3") as made:
        yield made


@pytest.fixture(scope="module")
def ill(tmp_path_factory: pytest.TempPathFactory, valkey_server: str) -> Iterator[World]:
    """Where mutants work: what they leave behind harms no other run."""
    url = portal.sqlite_url(tmp_path_factory.mktemp("mutants"))
    with world(url, f"{valkey_server}?db=5") as made:
        yield made


@pytest.fixture(scope="module")
def on_postgres(request: pytest.FixtureRequest, valkey_server: str) -> Iterator[World]:
    cluster = request.getfixturevalue("postgres_cluster")
    name = cluster.create()
    with world(cluster.url(name), f"{valkey_server}?db=4") as made:
        yield made
    cluster.drop(name)


@pytest.mark.parametrize("run", sample(0), ids=str)
def test_each_document_is_in_xero_exactly_once(here: World, run: Run) -> None:
    assert play(here, run).wrong == [], here.hands.words()


@pytest.mark.postgres
@pytest.mark.parametrize("run", sample(1), ids=str)
def test_each_document_is_in_xero_exactly_once_on_postgresql(on_postgres: World, run: Run) -> None:
    assert play(on_postgres, run).wrong == [], on_postgres.hands.words()


@pytest.mark.parametrize("guard", KILLERS)
def test_without_this_guard_the_books_are_wrong(ill: World, guard: str) -> None:
    """What the guard prevents is a race, which a busy machine may decide the other way: one of three runs tells."""
    assert any(_goes_wrong(ill, guard) for _ in range(3)), f"no run notices that the engine has {guard!r}"


def _goes_wrong(ill: World, guard: str) -> bool:
    verdict = play(ill, replace(KILLERS[guard], mutant=guard))
    with ill.stage.app.app_context():
        ill.give_up()
    return bool(verdict.wrong)


def test_a_worker_killed_after_applying_what_came_costs_nothing(here: World) -> None:
    verdict = play(here, Run("invoice", "after_apply", "kill"))
    assert (verdict.wrong, verdict.tripped) == ([], True)


def test_a_delivery_whose_web_process_died_before_the_answer_counts_once(here: World) -> None:
    with here.stage.app.app_context():
        here.calm()
        with deaf_after_storing(here) as died:
            made = here.stage.hoop.create(line("Care plan", "900", "1", GST), contact=SOLO)
            wait_until(died, 10, "the web process to die")
        here.stage.hoop.redeliver(times=2)
        wait_until(lambda: _carried(here, made["invoiceNumber"]), 10, f"the invoice: {here.standing()}")
        numbers = [each["InvoiceNumber"] for each in here.stage.invoices()]
        assert numbers.count(made["invoiceNumber"]) == 1


@contextmanager
def deaf_after_storing(here: World) -> Iterator[Callable[[], bool]]:
    """The location's deliveries go to a process that dies when the first is stored; then to the usual one again."""
    port, hoop = free_port(), here.stage.hoop
    pid = here.hands.start("after_store:kill", role="listen", EAR_PORT=str(port), EAR_TOKEN=here.token())
    wait_until(lambda: _listens(port), 10, "the web process")
    usual = here.listens_at()
    hoop.listen(f"http://localhost:{port}/hook", here.secret())
    yield lambda: state(pid) in ("gone", "Z")
    hoop.listen(usual, here.secret())


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _carried(here: World, number: str) -> bool:
    intake.apply()
    draining.drain(here.stage.connection_id)
    return here.at_rest() and any(each["InvoiceNumber"] == number for each in here.stage.invoices())
