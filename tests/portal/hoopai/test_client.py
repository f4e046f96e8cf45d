from datetime import date
from decimal import Decimal

import pytest

from portal.hoopai.client import HoopClient, HoopNotFound, HoopRefused, HoopTokenRefused, HoopUnavailable

LOCATION = "locTestHarbour000001"


@pytest.fixture
def client(server):
    return HoopClient(server.url, "pit-secret", LOCATION, timeout=(1.0, 1.0))


def page(first, count, total):
    return {
        "invoices": [{"_id": f"i{n}", "total": 1.10} for n in range(first, first + count)],
        "total": total,
    }


def test_a_page_is_asked_for_in_the_location_with_token_and_version(server, says, client):
    server.says(says(body=page(0, 2, 2)))
    found = client.invoices(since=date(2026, 10, 1), until=date(2026, 10, 31), status="paid")
    heard = server.heard[0]
    assert heard.path == "/invoices/"
    assert heard.query == {
        "altId": LOCATION, "altType": "location", "limit": "100", "offset": "0", "status": "paid",
        "startAt": "2026-10-01", "endAt": "2026-10-31",
    }  # fmt: skip
    assert heard.headers["authorization"] == "Bearer pit-secret"
    assert heard.headers["version"] == "2021-07-28"
    assert found.items[0]["total"] == Decimal("1.10")
    assert (found.total, found.next_page) == (2, None)


def test_all_pages_are_read_and_each_invoice_comes_once(server, says, client):
    server.says(says(body=page(0, 100, 201)), says(body=page(99, 100, 202)), says(body=page(199, 3, 202)))
    ids = [one["_id"] for one in client.each_invoice()]
    assert ids == [f"i{n}" for n in range(202)]
    assert [one.query["offset"] for one in server.heard] == ["0", "100", "200"]


def test_an_empty_page_ends_a_list_whatever_the_total_says(server, says, client):
    server.says(says(body={"data": [], "totalCount": 500}))
    assert list(client.each_transaction(invoice_id="i1")) == []
    assert server.heard[0].query["entityId"] == "i1"


def test_single_things_come_out_of_their_wrapping(server, says, client):
    server.says(says(body={"contact": {"id": "c1"}}))
    assert client.contact("c1") == {"id": "c1"}
    server.says(says(body={"_id": "i1", "total": 2.5}))
    assert client.invoice("i1")["total"] == Decimal("2.5")
    server.says(says(body={"products": [{"_id": "p1", "collectionIds": ["k"]}], "total": [{"total": 1}]}))
    assert client.products() == [{"_id": "p1", "collectionIds": ["k"]}]
    server.says(says(body={"data": [{"_id": "k", "name": "Retainers"}], "total": 1}))
    assert client.collections()[0]["name"] == "Retainers"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"status": 401, "body": {"message": "Invalid JWT"}}, HoopTokenRefused),
        ({"status": 403}, HoopTokenRefused),
        ({"status": 404}, HoopNotFound),
        ({"status": 422, "body": {"message": ["x"]}}, HoopRefused),
        ({"status": 429, "headers": {"Retry-After": "7"}}, HoopUnavailable),
        ({"status": 500}, HoopUnavailable),
        ({"status": 302, "headers": {"Location": "https://elsewhere.example"}}, HoopUnavailable),
        ({"body": b"<html>"}, HoopUnavailable),
        ({"body": b"[]"}, HoopUnavailable),
        ({"body": {"invoices": None}}, HoopUnavailable),
        ({"silent": True}, HoopUnavailable),
        ({"body": {"invoices": []}, "cut": 5}, HoopUnavailable),
    ],
)
def test_every_trouble_says_what_to_do_next(server, says, client, answer, error):
    server.says(says(**answer))
    with pytest.raises(error) as caught:
        client.invoices()
    assert "pit-secret" not in repr(caught.value) + repr(client)
    assert len(server.heard) == 1
    if answer.get("status") == 429:
        assert caught.value.retry_after == 7.0


def test_where_nobody_listens_hoopai_is_away(free_port):
    with pytest.raises(HoopUnavailable):
        HoopClient(f"http://127.0.0.1:{free_port}", "t", LOCATION).collections()


def test_the_token_goes_nowhere_else():
    with pytest.raises(ValueError, match="https"):
        HoopClient("http://services.example", "t", LOCATION)
    with pytest.raises(ValueError, match="id"):
        HoopClient("https://services.example", "t", LOCATION).invoice("../../x")
