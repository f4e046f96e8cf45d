"""The API as other programs use it: keys, shapes, problems, pages, repeated writes, rates."""

import re
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal import bell
from portal.api import door, telling
from portal.api.routes import ROUTES
from portal.extensions import db
from portal.models import (
    ApiKey,
    AuditEntry,
    Contact,
    Difference,
    DifferenceKind,
    Document,
    Invoice,
    Push,
    Reconciliation,
    RunState,
    User,
)
from portal.services import api_keys, people, users
from portal.services.unit import transaction
from tests.portal.api.conftest import Program, location_id
from tests.portal.conftest import EITHER
from tests.portal.views import builders
from tests.portal.views.builders import BANK, OTHER, SALES

pytestmark = pytest.mark.parametrize("database_url", EITHER, indirect=True)

SAMPLES = {"hoop_id": "inv0", "push_id": "1", "run_id": "1"}
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def address(path: str) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: SAMPLES[found[1]], path)


def of_push(app: Flask, number: str) -> tuple[int, str]:
    """Id and state of the push of the invoice with this number."""
    with app.app_context():
        row = db.session.execute(
            select(Push.id, Push.state)
            .join(Invoice, Invoice.id == Push.document_id)
            .where(Invoice.number == number, Push.document == "invoice")
        ).one()
    return row.id, str(row.state)


def test_every_route_is_closed_to_everybody_but_a_living_key_of_its_location(
    shop: Flask, zapier: Program, reader: Program, neighbour: Program
) -> None:
    client = shop.test_client()
    for route in ROUTES:
        path = f"/api/v1{address(route.path)}"
        for given in (None, "Bearer nonsense", f"Basic {zapier.secret}", f"Bearer {zapier.secret[:-1]}x"):
            headers = {"Authorization": given} if given else {}
            answer = client.open(path, method=route.method, headers=headers)
            assert answer.status_code == 401, f"{route.method} {path}"
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            assert answer.mimetype == "application/problem+json"
        if "<" in route.path:
            assert neighbour.send(route.method, address(route.path)).status_code == 404, path
        if route.writes:
            refused = reader.send(route.method, address(route.path), {})
            assert (refused.status_code, refused.json["type"][-9:]) == (403, "read-only")
    assert client.get("/api/v1/openapi.json").status_code == 200
    assert "Set-Cookie" not in zapier.get("/status").headers


def test_a_key_is_kept_as_a_hash_says_when_it_was_used_and_ends_at_once(shop: Flask, zapier: Program) -> None:
    assert zapier.get("/status").status_code == 200
    with shop.app_context():
        key = db.session.scalars(select(ApiKey).where(ApiKey.name == "Zapier")).one()
        assert zapier.secret not in str(vars(key))
        assert key.used_at is not None
        assert users.session_for(zapier.secret) is None
        someone = db.session.scalars(select(User).where(User.password_hash.is_not(None))).first()
        assert someone is not None
        assert "API key Zapier" not in {each.user.name for each in people.of(someone.agency_id)}
        api_keys.revoke(key.location_id, someone, key.id)
    assert zapier.get("/status").status_code == 401


def test_status_says_how_the_location_stands(zapier: Program, neighbour: Program) -> None:
    status = zapier.get("/status").json
    assert status["connection"]["state"] == "connected"
    assert status["connection"]["organisation"]["name"] == "Harbour Studio Pty Ltd"
    assert MOMENT.fullmatch(status["cut_off"])
    assert status["pushes"] == {
        "queued": 1, "sending": 1, "waiting": 1, "blocked": 3, "sent": 2, "skipped": 1
    }  # fmt: skip
    assert set(status["quota"]) == {"minute_left", "day_left", "day_limit", "resets_at"}
    never = neighbour.get("/status").json["connection"]
    assert never == {"state": "never", "since": None, "reason": None, "organisation": None}


def test_invoices_carry_payments_pushes_attempts_and_problems_lead_to_the_page_that_mends_them(
    zapier: Program,
) -> None:
    one = zapier.get("/invoices/inv0").json
    assert (one["number"], one["total"], one["paid"], one["tax"]) == ("HS-1", "1300.00", "1300.00", "100.00")
    assert one["contact"] == {"hoop_id": "con1", "name": "Lantern Foods", "xero_id": None}
    assert one["xero"]["number"] == "HS-1"
    assert one["sync"]["state"] == "sent"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", one["payments"][0]["date"])
    assert set(one["payments"][0]) == {"id", "amount", "date", "method", "xero_id", "sync"}
    attempts = [attempt for push in one["pushes"] for attempt in push["attempts"]]
    assert set(attempts[0]) == {"at", "status", "duration_ms", "idempotency_key", "correlation_id"}
    assert zapier.get("/invoices/nope").status_code == 404
    groups = zapier.get("/problems").json["items"]
    workshops = next(each for each in groups if each["cause"] == "category:product:workshop")
    assert (workshops["count"], workshops["owner"]) == (1, "you")
    assert workshops["money"] == [{"currency": "AUD", "amount": "1304.00"}]
    assert workshops["page"].endswith("/xero/account-mapping")


def test_lists_go_page_by_page_and_stand_still_while_rows_are_added(shop: Flask, zapier: Program) -> None:
    first = zapier.get("/invoices", limit=3).json
    mine = location_id(shop)
    with shop.app_context(), transaction() as session:
        contact = session.scalars(select(Contact)).one()
        builders._invoice(session, mine, contact, 50, builders.Plan("NEW-1"))
    seen, page = [each["number"] for each in first["items"]], first
    while page["next_cursor"]:
        page = zapier.get("/invoices", limit=3, cursor=page["next_cursor"]).json
        seen += [each["number"] for each in page["items"]]
    assert sorted(seen) == [f"HS-{n}" for n in range(1, 9)]
    pushes = zapier.get("/pushes", state="blocked", kind="mapping", limit=1).json
    assert (pushes["items"][0]["who"], pushes["items"][0]["state"]) == ("Lantern Foods", "blocked")
    assert zapier.get("/pushes", cursor=first["next_cursor"]).status_code == 422
    assert [each["invoice"]["number"] for each in zapier.get("/payments").json["items"]] == ["HS-1"]


def test_invoices_are_found_by_where_they_stand_and_by_name(zapier: Program) -> None:
    for query, numbers in (
        ({"state": "blocked"}, ["HS-7", "HS-6", "HS-5"]),
        ({"state": "queued"}, ["HS-2"]),
        ({"state": "sent"}, ["HS-1"]),
        ({"q": "hs-3"}, ["HS-3"]),
        ({"q": "lantern", "state": "waiting"}, ["HS-4"]),
    ):
        found = zapier.get("/invoices", **query).json["items"]
        assert [each["number"] for each in found] == numbers
        assert {each["sync"]["state"] for each in found} <= {query.get("state", "sending")}


def test_messages_are_what_the_pages_say(zapier: Program) -> None:
    said = {each["number"]: each["sync"]["message"] for each in zapier.get("/invoices").json["items"]}
    assert said["HS-7"] == "Blocked by lock date. The books are locked."
    assert (said["HS-2"], said["HS-1"]) == ("Waiting for contact.", None)


def test_a_push_is_retried_and_skipped_under_the_name_of_the_key(shop: Flask, zapier: Program) -> None:
    push_id, _ = of_push(shop, "HS-7")
    assert zapier.send("POST", f"/pushes/{push_id}/retry").json["state"] == "queued"
    skipped = zapier.send("POST", f"/pushes/{push_id}/skip").json
    assert (skipped["state"], skipped["message"]) == ("skipped", "Skipped by API key Zapier.")
    assert zapier.send("POST", f"/pushes/{push_id}/retry").json["state"] == "queued"
    for number, deed in (("HS-3", "retry"), ("HS-1", "skip")):
        assert zapier.send("POST", f"/pushes/{of_push(shop, number)[0]}/{deed}").status_code == 409
    with shop.app_context():
        entries = db.session.scalars(select(AuditEntry).where(AuditEntry.action.like("pushes.%"))).all()
        assert {db.session.get_one(User, entry.user_id).name for entry in entries} == {"API key Zapier"}


def test_any_part_of_the_mapping_is_saved_by_code_or_id_and_frees_what_waited(
    shop: Flask, zapier: Program
) -> None:
    before = zapier.get("/mappings").json
    assert before["default_account"] is None
    assert {"key": "gst", "name": "GST", "rate": "10", "tax_type": "OUTPUT"} in before["taxes"]
    wish = {
        "default_account": "200",
        "categories": [{"key": "product:workshop", "account_id": OTHER}],
        "payment_accounts": [{"method": "stripe", "account": "090"}],
    }
    after = zapier.send("PUT", "/mappings", wish).json
    assert (after["default_account"], after["freed"], after["rounding_account"]) == ("200", 1, None)
    workshop = {"key": "product:workshop", "name": "Workshops", "account": "260", "account_id": OTHER}
    assert workshop in after["categories"]
    assert {"method": "stripe", "account_id": BANK} in after["payment_accounts"]
    assert {"kind": "default", "key": "account", "value": SALES} in after["saved"]
    assert of_push(shop, "HS-5")[1] == "queued"
    back = zapier.send("PUT", "/mappings", {"categories": after["categories"], "taxes": after["taxes"]}).json
    assert (back["freed"], back["categories"]) == (0, after["categories"])


def test_one_bad_item_of_the_mapping_keeps_all_from_being_saved(zapier: Program, neighbour: Program) -> None:
    wish = {
        "default_account": "200",
        "categories": [{"key": "product:workshop", "account": "999"}],
        "taxes": [{"key": "gst", "tax_type": "EXEMPTOUTPUT"}],
    }
    refused = zapier.send("PUT", "/mappings", wish)
    assert refused.status_code == 422
    told = {each["pointer"]: each["detail"] for each in refused.json["errors"]}
    assert set(told) == {"#/categories/0", "#/taxes/0"}
    assert "no such account" in told["#/categories/0"]
    assert zapier.get("/mappings").json["default_account"] is None
    malformed = zapier.send("PUT", "/mappings", {"categories": [{"key": "product:x"}], "more": 1})
    assert {each["pointer"] for each in malformed.json["errors"]} == {"#/categories/0", "#/more"}
    assert neighbour.send("PUT", "/mappings", wish).status_code == 409


def test_a_write_said_twice_is_done_once_and_answered_alike(shop: Flask, zapier: Program) -> None:
    push_id, _ = of_push(shop, "HS-7")
    once = zapier.send("POST", f"/pushes/{push_id}/skip", Idempotency_Key="k1")
    again = zapier.send("POST", f"/pushes/{push_id}/skip", Idempotency_Key="k1")
    assert (once.status_code, again.status_code) == (200, 200)
    assert again.data == once.data
    assert again.headers["Idempotency-Replayed"] == "true"
    other = zapier.send("POST", f"/pushes/{push_id}/retry", Idempotency_Key="k1")
    assert (other.status_code, other.json["type"][-10:]) == (422, "key-reused")
    refused = zapier.send("POST", f"/pushes/{push_id}/skip", Idempotency_Key="k2")
    assert refused.status_code == 409
    assert zapier.send("POST", f"/pushes/{push_id}/retry", Idempotency_Key="k2").status_code == 200


def test_a_write_that_broke_after_it_was_done_is_not_done_again_under_its_key(
    shop: Flask, zapier: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    push_id, _ = of_push(shop, "HS-7")

    def broken(*_: Any) -> None:
        raise RuntimeError("after the commit")

    with monkeypatch.context() as while_broken:
        while_broken.setattr(telling, "push", broken)
        once = zapier.send("POST", f"/pushes/{push_id}/skip", Idempotency_Key="k3")
    again = zapier.send("POST", f"/pushes/{push_id}/skip", Idempotency_Key="k3")
    assert of_push(shop, "HS-7")[1] == "skipped"
    assert (once.status_code, again.status_code) == (500, 500)
    assert (again.data, again.content_type) == (once.data, "application/problem+json")
    assert again.headers["Idempotency-Replayed"] == "true"


def test_a_key_may_ask_so_often_a_minute_also_while_redis_is_away(
    zapier: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "A_MINUTE", 3)
    answers = [zapier.get("/status") for _ in range(5)]
    if {each.status_code for each in answers} == {200}:
        answers = [zapier.get("/status") for _ in range(5)]  # the minute turned in between
    last = answers[-1]
    assert last.status_code == 429
    assert last.headers["Retry-After"] == last.headers["RateLimit-Reset"]
    assert (last.headers["RateLimit-Limit"], last.headers["RateLimit-Remaining"]) == ("3", "0")

    def away() -> Any:
        raise bell.Away("no Redis")

    monkeypatch.setattr(bell, "client", away)
    assert zapier.get("/invoices").status_code == 200
    assert zapier.get("/status").json["quota"]["day_left"] is None


def test_a_reconciliation_is_begun_and_read(shop: Flask, zapier: Program, neighbour: Program) -> None:
    begun = zapier.send("POST", "/reconciliation", {"from": "2026-11-01", "to": "2026-11-30"})
    assert (begun.status_code, begun.json["state"], begun.json["from"]) == (202, "running", "2026-11-01")
    run_id = begun.json["id"]
    assert zapier.send("POST", "/reconciliation").json["id"] == run_id
    whole = zapier.get(f"/reconciliation/{run_id}").json
    assert (whole["agrees"], whole["differences"], whole["months"]) == (None, [], [])
    assert set(whole["progress"]) == {"stage", "percent", "seen", "total", "calls"}
    assert neighbour.get(f"/reconciliation/{run_id}").status_code == 404
    assert neighbour.send("POST", "/reconciliation").status_code == 409
    with shop.app_context(), transaction() as session:
        session.execute(update(Reconciliation).values(state=RunState.DONE))
        session.add(
            Difference(
                run_id=run_id, kind=DifferenceKind.TOTAL, document=Document.INVOICE, number="HS-1", ours="1"
            )
        )
    assert zapier.get("/status").json["books_agree_as_of"] == whole["as_of"]
    told = zapier.get(f"/reconciliation/{run_id}").json
    assert (told["agrees"], told["differences"][0]["kind"]) == (True, "total")
    backwards = zapier.send("POST", "/reconciliation", {"from": "2026-12-01", "to": "2026-11-30"})
    assert backwards.json["errors"][0]["pointer"] == "#/from"


def test_errors_are_problem_documents_everywhere(zapier: Program) -> None:
    for answer, status in (
        (zapier.get("/nothing"), 404),
        (zapier.send("DELETE", "/status"), 405),
        (zapier.get("/invoices", state="odd"), 422),
        (zapier.get("/invoices", colour="red"), 422),
        (zapier.get("/invoices", limit="0"), 422),
    ):
        assert answer.status_code == status
        assert answer.mimetype == "application/problem+json"
        assert {"type", "title", "status", "detail", "instance"} <= set(answer.json)
    odd = zapier.app.test_client().put(
        "/api/v1/mappings", data="{", headers={**zapier._headers(), "Content-Type": "application/json"}
    )
    assert odd.status_code == 400
    plain = zapier.app.test_client().put("/api/v1/mappings", data="a=1", headers=zapier._headers())
    assert plain.status_code == 415


def test_amounts_have_the_decimals_of_their_currency(shop: Flask, zapier: Program) -> None:
    with shop.app_context(), transaction() as session:
        _money(session, "JPY", Decimal(1300))
    assert zapier.get("/invoices/inv0").json["total"] == "1300"
    with shop.app_context(), transaction() as session:
        _money(session, "KWD", Decimal("12.345"))
    assert zapier.get("/invoices/inv0").json["total"] == "12.345"


def _money(session: Session, currency: str, total: Decimal) -> None:
    session.execute(update(Invoice).where(Invoice.hoop_id == "inv0").values(currency=currency, total=total))
