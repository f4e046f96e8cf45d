"""The servers that other tests lean on are real."""

import psycopg
import pytest
from redis import Redis


def test_each_test_gets_an_empty_valkey(valkey_url: str) -> None:
    with Redis.from_url(valkey_url) as line:
        assert line.dbsize() == 0
        line.set("left", "behind")


def test_each_test_gets_an_empty_valkey_again(valkey_url: str) -> None:
    with Redis.from_url(valkey_url) as line:
        assert line.dbsize() == 0
        assert line.info("server")["server_name"] in ("valkey", "redis")


@pytest.mark.parametrize("time", [1, 2])
def test_each_test_gets_a_postgres_database_of_its_own(postgres_url: str, time: int) -> None:
    with psycopg.connect(postgres_url) as line:
        assert line.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)
        line.execute("CREATE TABLE left_behind (id int)")


def test_a_prepared_postgres_database_is_copied(postgres_cluster) -> None:
    def prepare(url: str) -> None:
        with psycopg.connect(url) as line:
            line.execute("CREATE TABLE ready (id int)")

    name = postgres_cluster.create(postgres_cluster.template("support", prepare))
    with psycopg.connect(postgres_cluster.url(name)) as line:
        assert line.execute("SELECT count(*) FROM ready").fetchone() == (0,)
    postgres_cluster.drop(name)
