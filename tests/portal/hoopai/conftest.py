"""A real server for each test that asks for one."""

import pytest

from tests.portal.xero.server import Says, speaking


@pytest.fixture
def server():
    with speaking() as one:
        yield one


@pytest.fixture
def says():
    return Says
