import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from portal.xero import errors
from portal.xero.client import XeroClient

TENANT = "7c5fb1a2-0b6e-4a3b-9f57-1f6a2f0c9d11"
ID = "0d4b1a6e-52a9-4d0c-8f4d-7e2f9a1b3c5d"


@pytest.fixture
def client(server):
    with XeroClient(server.url, "secret-token", TENANT, timeout=(2.0, 1.0)) as one:
        yield one


def test_a_read_carries_the_token_the_tenant_and_asks_for_json(server, says, client):
    server.says(says(body={"Organisations": [{"Name": "Demo"}]}))
    assert client.organisation() == {"Name": "Demo"}
    heard = server.heard[0]
    assert heard.path == "/api.xro/2.0/Organisation"
    assert heard.headers["authorization"] == "Bearer secret-token"
    assert heard.headers["xero-tenant-id"] == TENANT
    assert heard.headers["accept"] == "application/json"


def test_a_write_sends_exactly_the_bytes_given_under_its_key(server, says, client):
    server.says(says(body=b'{"Invoices":[{"Total":0.10}]}', headers={"X-MinLimit-Remaining": "59"}))
    body = b'{"Invoices":[{"InvoiceNumber":"1042"}]}'
    reply = client.write("PUT", "/Invoices", body, "key-1")
    heard = server.heard[0]
    assert (heard.method, heard.body) == ("PUT", body)
    assert heard.headers["idempotency-key"] == "key-1"
    assert heard.headers["content-type"] == "application/json"
    assert heard.query == {"summarizeErrors": "false", "unitdp": "4"}
    assert reply.data["Invoices"][0]["Total"] == Decimal("0.10")
    assert reply.limits.minute == 59


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("Contacts", {"summarizeErrors": "false"}),
        ("Payments", {"summarizeErrors": "false"}),
        (f"Invoices/{ID}", {"unitdp": "4"}),
        (f"Payments/{ID}", {}),
        (f"CreditNotes/{ID}/Allocations", {"summarizeErrors": "false"}),
    ],
)
def test_each_address_is_written_to_with_the_query_it_understands(server, says, client, path, query):
    server.says(says(body={}))
    client.write("POST", path, b"{}", "k")
    assert server.heard[0].query == query


def test_lines_and_payments_of_several_invoices_are_asked_for_in_one_call(server, says, client):
    server.says(says(body={"Invoices": []}))
    client.invoices_numbered(["1042", "A&B 7"])
    heard = server.heard[0]
    assert heard.query["InvoiceNumbers"] == "1042,A&B 7"
    assert heard.query["unitdp"] == "4"
    assert heard.query["page"] == "1"


def test_a_number_with_a_comma_is_asked_for_by_a_filter(server, says, client):
    server.says(says(body={"Invoices": []}))
    client.invoices_numbered(['7,1 "b"'])
    assert server.heard[0].query["where"] == r'InvoiceNumber=="7,1 \"b\""'


def test_changed_since_is_said_in_whole_seconds_of_utc_and_304_means_none(server, says, client):
    server.says(says(status=304, body=b""))
    moment = datetime(2026, 10, 1, 12, 0, 5, 900000, tzinfo=timezone(timedelta(hours=10)))
    reply = client.contacts_changed_since(moment, 1)
    assert server.heard[0].headers["if-modified-since"] == "2026-10-01T02:00:05"
    assert reply.status == 304
    assert reply.data == {"Contacts": []}


@pytest.mark.parametrize(
    ("answer", "error", "facts"),
    [
        (
            {"status": 401, "body": {"Detail": "TokenExpired: token expired at 08/12/2026"}},
            errors.SignInExpired,
            {},
        ),
        ({"status": 401, "body": {"Detail": "AuthenticationUnsuccessful"}}, errors.SignInExpired, {}),
        ({"status": 401, "body": {"Detail": "AuthorizationUnsuccessful"}}, errors.AccessDenied, {}),
        (
            {"status": 401, "body": b"", "headers": {"WWW-Authenticate": 'Bearer error="insufficent_scope"'}},
            errors.ScopeMissing,
            {},
        ),
        (
            {
                "status": 403,
                "body": b"",
                "headers": {"WWW-Authenticate": 'Bearer error="insufficient_scope"'},
            },
            errors.ScopeMissing,
            {},
        ),
        (
            {"status": 403, "body": {"Detail": "AuthenticationUnsuccessful"}},
            errors.AccessDenied,
            {"detail": "AuthenticationUnsuccessful"},
        ),
        ({"status": 404, "body": b"<html>", "headers": {"Content-Type": "text/html"}}, errors.NotFound, {}),
        (
            {"status": 429, "body": b"", "headers": {"Retry-After": "26", "X-Rate-Limit-Problem": "minute"}},
            errors.Busy,
            {"retry_after": 26.0, "limit": "minute"},
        ),
        (
            {"status": 429, "body": b"", "headers": {"Retry-After": "66975", "X-Rate-Limit-Problem": "Day"}},
            errors.DayLimitUsed,
            {"retry_after": 66975.0, "limit": "day"},
        ),
        ({"status": 429, "body": b""}, errors.Busy, {"retry_after": None, "limit": "concurrent"}),
        (
            {
                "status": 429,
                "body": b"",
                "headers": {"X-Rate-Limit-Problem": "app-minute", "Retry-After": "3"},
            },
            errors.Busy,
            {"limit": "appminute"},
        ),
        ({"status": 503, "body": b"The Organisation is offline"}, errors.Busy, {"limit": None}),
        ({"status": 500, "body": b"<html>"}, errors.NoAnswer, {"status": 500}),
        ({"status": 501, "body": b""}, errors.NoAnswer, {}),
        ({"status": 302, "headers": {"Location": "https://elsewhere.example/"}}, errors.NoAnswer, {}),
        ({"status": 200, "body": b"<html>login</html>"}, errors.NoAnswer, {}),
        ({"status": 200, "body": b'{"Total": NaN}'}, errors.NoAnswer, {}),
        ({"status": 200, "body": b"[]"}, errors.NoAnswer, {}),
        ({"status": 200, "body": b'{"Invoices":[{"Total":1.0}]}', "cut": 12}, errors.NoAnswer, {}),
        ({"silent": True}, errors.NoAnswer, {"status": None}),
        ({"hang": 1.6}, errors.NoAnswer, {"status": None}),
    ],
)
def test_every_other_answer_says_what_to_do_next(server, says, client, answer, error, facts):
    server.says(says(**answer))
    with pytest.raises(error) as caught:
        client.write("PUT", "Payments", b"{}", "k")
    for name, value in facts.items():
        assert getattr(caught.value, name) == value
    assert len(server.heard) == 1, "sent once and never again"


def test_a_refusal_keeps_every_message_wherever_it_sits(server, says, client):
    server.says(
        says(
            status=400,
            headers={"Xero-Correlation-Id": "c-1"},
            body={
                "ErrorNumber": 10,
                "Type": "ValidationException",
                "Message": "A validation exception occurred",
                "Elements": [
                    {
                        "InvoiceNumber": "1",
                        "ValidationErrors": [{"Message": "Invoice # must be unique."}],
                        "LineItems": [{"ValidationErrors": [{"Message": "Account code 'x' is not valid."}]}],
                        "Contact": {"ValidationErrors": []},
                    }
                ],
            },
        )
    )
    with pytest.raises(errors.Rejected) as caught:
        client.write("POST", f"Invoices/{ID}", b"{}", "k")
    assert caught.value.messages == ["Invoice # must be unique.", "Account code 'x' is not valid."]
    assert (caught.value.error_number, caught.value.type) == (10, "ValidationException")
    assert caught.value.correlation_id == "c-1"
    assert not caught.value.key_clash


def test_a_reused_key_is_recognised(server, says, client):
    text = "Idempotency Key: k is used with a different request."
    server.says(says(status=400, body={"ErrorNumber": 0, "Type": "X", "Message": text}))
    with pytest.raises(errors.Rejected) as caught:
        client.write("PUT", "Payments", b"{}", "k")
    assert caught.value.key_clash


def test_neither_token_nor_body_shows_in_an_error(server, says, client):
    server.says(says(status=400, body={"Message": "Contact Mira Okafor is bad", "Type": "X"}))
    with pytest.raises(errors.Rejected) as caught:
        client.write("PUT", "Payments", b'{"secret":1}', "k")
    shown = repr(caught.value) + str(caught.value) + repr(client)
    assert "secret" not in shown
    assert "Mira" not in shown


def test_where_nobody_listens_nothing_was_sent():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    client = XeroClient(f"http://127.0.0.1:{port}", "t", TENANT)
    with pytest.raises(errors.NotSent):
        client.write("PUT", "Invoices", b"{}", "k")


def test_a_host_without_a_name_means_nothing_was_sent():
    with pytest.raises(errors.NotSent):
        XeroClient("https://no-such-host.invalid", "t", TENANT).accounts()


def test_a_failed_handshake_means_nothing_was_sent(server):
    client = XeroClient(server.url.replace("http://", "https://"), "t", TENANT)
    with pytest.raises(errors.NotSent):
        client.write("PUT", "Invoices", b"{}", "k")
    assert server.heard == []


def test_a_connection_the_other_side_closed_meanwhile_leaves_the_outcome_unknown(server, says, client):
    server.says(says(body={"Accounts": []}))
    client.accounts()
    server.says(says(silent=True))
    with pytest.raises(errors.NoAnswer):
        client.write("PUT", "Payments", b"{}", "k")


def test_after_its_time_a_letter_is_not_sent(server, client):
    with pytest.raises(errors.NotSent):
        client.write("PUT", "Invoices", b"{}", "k", not_after=time.time() - 0.1)
    assert server.heard == []
    client.write("PUT", "Invoices", b"{}", "k", not_after=time.time() + 30)
    assert len(server.heard) == 1


def test_the_token_can_not_be_lured_to_another_host(server, client):
    for path in ("Invoices//x", "Invoices/../../x", "http://evil.example", "x@evil.example", "a?b=c"):
        with pytest.raises(ValueError, match="path"):
            client.write("PUT", path, b"{}", "k")
    assert server.heard == []


@pytest.mark.parametrize("url", ["http://api.xero.com", "ftp://localhost", "https://u:p@host", "localhost"])
def test_an_open_line_to_another_machine_is_refused(url):
    with pytest.raises(ValueError, match="address"):
        XeroClient(url, "t", TENANT)


def test_a_proxy_in_the_environment_is_not_used(server, says, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    server.says(says(body={"Currencies": [{"Code": "AUD"}]}))
    assert XeroClient(server.url, "t", TENANT).currencies() == [{"Code": "AUD"}]


def test_five_threads_share_one_client(server, says, client):
    server.says(says(body={"Accounts": []}, hang=0.05))
    with ThreadPoolExecutor(5) as pool:
        done = list(pool.map(lambda n: client.write("PUT", "Invoices", b"{}", f"k{n}").status, range(40)))
    assert done == [200] * 40
    assert sorted(one.headers["idempotency-key"] for one in server.heard) == sorted(
        f"k{n}" for n in range(40)
    )


def test_one_thread_running_late_does_not_stop_another(server, says, client):
    server.says(says(body={}, hang=0.05))
    outcomes = []

    def late():
        with pytest.raises(errors.NotSent):
            client.write("PUT", "Invoices", b"{}", "late", not_after=time.time() - 1)
        outcomes.append("late")

    threads = [threading.Thread(target=late) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert client.write("PUT", "Invoices", b"{}", "in-time", not_after=time.time() + 30).status == 200
    for thread in threads:
        thread.join()
    assert outcomes == ["late"] * 3
    assert [one.headers["idempotency-key"] for one in server.heard] == ["in-time"]


def test_who_listens_hears_of_every_call_and_of_no_body(server, says):
    told = []
    client = XeroClient(server.url, "t", TENANT, on_request=told.append, timeout=(1, 1))
    server.says(says(body={"Accounts": []}, headers={"Xero-Correlation-Id": "c-9"}))
    client.accounts()
    server.says(says(silent=True))
    with pytest.raises(errors.NoAnswer):
        client.write("PUT", "Payments", b"{}", "key-7")
    assert [(one.outcome, one.correlation_id, one.key) for one in told] == [
        ("200", "c-9", None),
        ("NoAnswer", None, "key-7"),
    ]


def test_an_answer_that_drips_for_ever_is_given_up(server, says):
    client = XeroClient(server.url, "t", TENANT, timeout=(0.2, 0.3))
    server.says(says(body={"Accounts": []}, hang=0.2))
    started = time.monotonic()
    client.accounts()
    assert time.monotonic() - started < 2


def test_a_moment_without_a_zone_is_a_mistake(client):
    with pytest.raises(ValueError, match="zone"):
        client.contacts_changed_since(datetime(2026, 1, 1), 1)
    with pytest.raises(ValueError, match="Nothing"):
        client.invoices([])


def test_contacts_are_read_in_a_steady_order_with_the_archived_ones(server, says, client):
    server.says(says(body={"Contacts": []}))
    client.contacts_changed_since(datetime(2026, 1, 1, tzinfo=UTC), 3)
    query = server.heard[0].query
    assert (query["page"], query["order"], query["includeArchived"]) == ("3", "ContactID", "true")
