"""The stand-in Xero under traffic: rate limits, idempotency, faults, call log, shapes of refusals, restart."""

from __future__ import annotations

import socket
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.sandbox.xero_world import Json, World, fresh, invoice, read, xero_world
from tests.support.servers import wait_until


@pytest.fixture(scope="module")
def running() -> Iterator[World]:
    with xero_world() as made:
        yield made


@pytest.fixture
def world(running: World) -> World:
    return fresh(running)


def put(world: World, body: Json, key: str) -> requests.Response:
    return world.ask("PUT", "Invoices?summarizeErrors=false", {"Invoices": [body]}, Idempotency_Key=key)


def test_every_reply_says_what_is_left_and_carries_a_correlation_id(world: World) -> None:
    world.control("limits", {"minute": 60, "day": 5000, "concurrent": 5, "app_minute": 10000})
    first, second = world.ask("GET", "Organisation"), world.ask("GET", "Currencies")
    assert first.headers["X-MinLimit-Remaining"] == "59"
    assert second.headers["X-MinLimit-Remaining"] in ("58", "59")
    assert second.headers["X-DayLimit-Remaining"] == "4998"
    assert int(second.headers["X-AppMinLimit-Remaining"]) >= 9998
    assert uuid.UUID(first.headers["Xero-Correlation-Id"]) != uuid.UUID(second.headers["Xero-Correlation-Id"])


@pytest.mark.parametrize("window", ["minute", "day"])
def test_a_full_window_is_429_with_its_name_and_the_seconds_to_wait(world: World, window: str) -> None:
    world.control("limits", {"minute": 60, "day": 5000} | {window: 2})
    world.control("clock", {"advance": 86_400})
    world.grant()
    answers = [world.ask("GET", "Currencies") for _ in range(4)]
    refused = answers[-1]
    assert refused.status_code == 429
    assert (refused.content, refused.headers.get("Content-Type")) == (b"", None)
    assert refused.headers["X-Rate-Limit-Problem"] == window
    wait = int(refused.headers["Retry-After"])
    assert 1 <= wait <= {"minute": 60, "day": 86_400}[window]
    world.control("clock", {"advance": wait})
    world.grant()
    assert world.ask("GET", "Currencies").status_code == 200


def test_another_organisation_has_limits_of_its_own(world: World) -> None:
    world.control("limits", {"day": 1, "minute": 60})
    assert world.ask("GET", "Currencies").status_code == 200
    assert world.ask("GET", "Currencies").status_code == 429
    world.grant("nz")
    assert world.ask("GET", "Currencies").status_code == 200


def test_the_whole_apps_minute_is_shared(world: World) -> None:
    world.control("limits", {"app_minute": 0, "day": 5000, "minute": 60})
    answer = world.ask("GET", "Currencies")
    assert (answer.status_code, answer.headers["X-Rate-Limit-Problem"]) == (429, "appminute")


def test_five_at_once_and_not_six(world: World) -> None:
    world.control("limits", {"minute": 60, "day": 5000, "concurrent": 5, "app_minute": 10000})
    world.control("service-time", {"base": 0.5})
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: world.ask("GET", "Currencies"), range(6)))
    assert sorted(one.status_code for one in answers) == [200] * 5 + [429]
    refused = next(one for one in answers if one.status_code == 429)
    assert refused.headers["X-Rate-Limit-Problem"] == "concurrent"
    assert "Retry-After" not in refused.headers


def test_a_repeated_key_gives_the_stored_answer_and_one_invoice(world: World) -> None:
    body = invoice(world.contact())
    key = str(uuid.uuid4())
    first, second = put(world, body, key), put(world, body, key)
    assert first.content == second.content
    assert len(world.books()["invoices"]) == 1
    assert [row["replayed"] for row in world.control("calls")["calls"]][-2:] == [False, True]


def test_two_at_once_under_one_key_make_one_invoice(world: World) -> None:
    body, key = invoice(world.contact()), str(uuid.uuid4())
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: put(world, body, key), range(4)))
    assert len({one.content for one in answers}) == 1
    assert len(world.books()["invoices"]) == 1


def test_errors_are_replayed_even_after_their_cause_is_gone(world: World) -> None:
    body, key = (
        invoice(world.contact(), LineItems=[{"Description": "x", "UnitAmount": "1", "AccountCode": "215"}]),
        "k-1",
    )
    world.control(f"accounts/{world.tenant}/215", {"Status": "ARCHIVED"})
    bad = world.ask("PUT", "Invoices", {"Invoices": [body]}, Idempotency_Key=key)
    world.control(f"accounts/{world.tenant}/215", {"Status": "ACTIVE"})
    again = world.ask("PUT", "Invoices", {"Invoices": [body]}, Idempotency_Key=key)
    assert (bad.status_code, again.status_code) == (400, 400)
    assert bad.content == again.content
    assert world.ask("PUT", "Invoices", {"Invoices": [body]}, Idempotency_Key="k-2").status_code == 200


def test_a_key_of_another_request_and_a_long_key_are_400(world: World) -> None:
    contact = world.contact()
    put(world, invoice(contact, "H-1"), "same")
    clash = put(world, invoice(contact, "H-2"), "same")
    assert clash.status_code == 400
    assert read(clash)["Message"] == "Idempotency Key: same is used with a different request."
    assert "Elements" not in read(clash)
    assert put(world, invoice(contact, "H-2"), "k" * 129).status_code == 400
    assert put(world, invoice(contact, "H-2"), "k" * 128).status_code == 200


def test_a_key_is_forgotten_after_six_minutes(world: World) -> None:
    body, key = invoice(world.contact()), "six"
    put(world, body, key)
    world.control("clock", {"advance": 359})
    assert read(put(world, body, key))["Invoices"][0]["StatusAttributeString"] == "OK"
    world.control("clock", {"advance": 2})
    late = read(put(world, body, key))["Invoices"][0]
    assert late["ValidationErrors"] == [{"Message": "Invoice # must be unique."}]


def test_replays_cost_quota_and_a_429_is_not_stored(world: World) -> None:
    body = invoice(world.contact())
    world.control("limits", {"day": 2, "minute": 60})
    assert [put(world, body, "quota").status_code for _ in range(3)] == [200, 200, 429]
    world.control("limits", {"off": True})
    assert put(world, body, "quota").status_code == 200


def test_a_lost_reply_leaves_the_invoice_in_the_books(world: World) -> None:
    body = invoice(world.contact())
    world.control("faults", {"kind": "lost_reply", "method": "PUT", "path": "Invoices"})
    with pytest.raises(requests.ConnectionError):
        put(world, body, "lost")
    assert len(world.books()["invoices"]) == 1
    assert put(world, body, "lost").status_code == 200
    assert len(world.books()["invoices"]) == 1


def test_a_refused_connection_leaves_nothing_and_a_late_one_does_the_work_later(world: World) -> None:
    body = invoice(world.contact())
    world.control("faults", {"kind": "refuse", "path": "Invoices"})
    with pytest.raises(requests.ConnectionError):
        put(world, body, "k")
    assert world.books()["invoices"] == []
    world.control("faults", {"kind": "late", "path": "Invoices", "seconds": 0.3})
    with pytest.raises(requests.ConnectionError):
        put(world, body, "k")
    assert world.books()["invoices"] == []
    wait_until(lambda: world.books()["invoices"], 5, "the late invoice")


@pytest.mark.parametrize(
    ("kind", "status", "kept"),
    [
        ("500", 500, 0),
        ("500-after", 500, 1),
        ("503", 503, 0),
        ("token-expired", 401, 0),
        ("403", 403, 0),
        ("429-minute", 429, 0),
        ("429-day", 429, 0),
        ("429-concurrent", 429, 0),
    ],
)
def test_faults_answer_as_xero_would(world: World, kind: str, status: int, kept: int) -> None:
    body = invoice(world.contact())
    world.control("faults", {"kind": kind, "method": "PUT", "path": "invoices"})
    answer = put(world, body, str(uuid.uuid4()))
    assert answer.status_code == status
    assert "Xero-Correlation-Id" in answer.headers
    assert len(world.books()["invoices"]) == kept
    assert world.control("faults")["faults"] == []
    if status == 429:
        assert answer.headers["X-Rate-Limit-Problem"] == kind[4:]
        assert ("Retry-After" in answer.headers) == (kind != "429-concurrent")


def test_garbled_and_truncated_answers_can_not_be_read_but_the_work_is_done(world: World) -> None:
    contact = world.contact()
    world.control("faults", {"kind": "garbled", "path": "Invoices"})
    garbled = put(world, invoice(contact, "H-1"), "a")
    assert garbled.status_code == 200
    with pytest.raises(ValueError, match="Expecting value"):
        garbled.json()
    world.control("faults", {"kind": "truncated", "path": "Invoices"})
    with pytest.raises(requests.exceptions.RequestException):
        put(world, invoice(contact, "H-2"), "b")
    assert len(world.books()["invoices"]) == 2


def test_a_slow_answer_takes_its_time(world: World) -> None:
    world.control("faults", {"kind": "slow", "path": "Currencies", "seconds": 0.3})
    started = time.monotonic()
    assert world.ask("GET", "Currencies").status_code == 200
    assert time.monotonic() - started >= 0.3


def test_a_fault_can_hit_the_token_endpoint_and_is_logged(world: World) -> None:
    world.control("faults", {"kind": "503", "path": "connect/token"})
    assert requests.post(f"{world.url}/connect/token", data={}, timeout=10).status_code == 503
    last = world.control("calls")["calls"][-1]
    assert (last["path"], last["status"], last["fault"]) == ("/connect/token", 503, "503")


def test_the_log_tells_what_was_asked_and_never_a_token(world: World) -> None:
    world.control("calls", method="DELETE")
    world.ask("GET", "Invoices?page=1", Idempotency_Key="ignored-on-reads")
    rows = world.control("calls")["calls"]
    assert len(rows) == 1
    wanted = {"n", "at", "method", "path", "query", "tenant", "status", "idempotency_key", "ms", "replayed"}
    assert wanted <= set(rows[0])
    assert (rows[0]["path"], rows[0]["query"]) == ("/api.xro/2.0/Invoices", "page=1")
    assert world.token not in str(rows)
    assert world.control(f"calls?since={rows[0]['n']}")["calls"] == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("Nonsense", 404),
        ("Items", 501),
        ("Invoices?page=0", 400),
        ("Invoices?page=1&pageSize=1001", 400),
        ("Invoices?where=Status%3D%3D", 400),
        ("Invoices?where=Colour%3D%3D%22red%22", 400),
        ("Invoices?where=InvoiceID%3D%3D%22x%22", 400),
        ("Invoices?order=Colour", 400),
    ],
)
def test_requests_that_make_no_sense_are_refused(world: World, path: str, status: int) -> None:
    answer = world.ask("GET", path)
    assert answer.status_code == status
    if status == 400:
        assert read(answer)["Type"] == "QueryParseException"


def test_broken_json_is_400_and_anything_but_json_is_not_served(world: World) -> None:
    headers = {"Authorization": f"Bearer {world.token}", "xero-tenant-id": world.tenant}
    url = f"{world.url}/api.xro/2.0/Invoices"
    answer = requests.put(url, data="{", headers=headers | {"Accept": "application/json"}, timeout=10)
    assert (answer.status_code, answer.json()["ErrorNumber"]) == (400, 14)
    assert requests.get(url, headers=headers | {"Accept": "application/xml"}, timeout=10).status_code == 406


def test_an_organisation_can_be_offline_or_refuse_its_user(world: World) -> None:
    world.control(f"organisations/{world.tenant}", {"offline": True})
    answer = world.ask("GET", "Organisation")
    assert (answer.status_code, answer.text) == (503, "The Organisation is offline")
    world.control(f"organisations/{world.tenant}", {"offline": False, "no_permission": True})
    assert world.ask("PUT", "Contacts", {"Contacts": [{"Name": "A"}]}).status_code == 403
    actions = {one["Name"]: one["Status"] for one in world.get("Organisation/Actions")["Actions"]}
    assert actions["CreateApprovedInvoice"] == "NOT-ALLOWED"


def test_books_tokens_keys_and_clock_survive_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "state.sqlite3"
    with xero_world(file) as before:
        before.grant()
        before.control("clock", {"advance": 600})
        body = invoice(before.contact())
        first = put(before, body, "key")
    with xero_world(file) as after:
        after.token, after.tenant = before.token, before.tenant
        assert put(after, body, "key").content == first.content
        assert after.get("Invoices/H-1")["Invoices"][0]["Status"] == "AUTHORISED"
        form = {"grant_type": "refresh_token", "refresh_token": before.refresh_token}
        basic = ("SANDBOXCLIENT0000000000000000001", "sandbox-secret-not-for-production")
        assert (
            requests.post(f"{after.url}/connect/token", data=form, auth=basic, timeout=10).status_code == 200
        )


def test_fifty_invoices_in_one_put_take_little_time(world: World) -> None:
    contact = world.contact()
    rows = [invoice(contact, f"H-{number}") for number in range(50)]
    before = time.process_time()
    made = world.put("Invoices", *rows)
    spent = time.process_time() - before
    assert {one["StatusAttributeString"] for one in made} == {"OK"}
    assert spent < 0.25


def test_many_callers_at_once_leave_books_that_add_up(world: World) -> None:
    contact = world.contact()

    def work(number: int) -> None:
        made = world.invoice(contact, f"H-{number}")
        world.payment(made, "60")
        world.payment(made, "60")
        world.payment(made, "50")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    books = world.books()
    assert {one["Status"] for one in books["invoices"]} == {"PAID"}
    assert len(books["payments"]) == 20


def test_the_connection_is_closed_without_a_byte(world: World) -> None:
    world.control("faults", {"kind": "refuse", "path": "connections"})
    host, port = world.url.split("/")[2].split(":")
    with socket.create_connection((host, int(port)), timeout=5) as wire:
        wire.sendall(b"GET /xero/connections HTTP/1.1\r\nHost: x\r\n\r\n")
        assert wire.recv(100) == b""
