"""The REST interface of the stand-in HoopAI: tokens, required parameters, paging, filters, limits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from tests.sandbox.hoopai_world import CARE_AND_WORKSHOP, GST, HARBOUR, KAURI, LANTERN, World, hoopai_world

ALT = f"altId={HARBOUR}&altType=location"


@pytest.fixture(scope="module")
def running() -> Iterator[World]:
    with hoopai_world() as made:
        yield made


@pytest.fixture
def world(running: World) -> World:
    running.control("/reset", {"everything": True})
    running.control("/limits", {"off": True})
    return running


def test_invoices_come_in_pages_with_the_total(world: World) -> None:
    world.control("/invoices/bulk", {"location_id": HARBOUR, "count": 25})
    seen = []
    for offset in (0, 10, 20, 30):
        page = world.rest(f"/invoices/?{ALT}&limit=10&offset={offset}").json()
        assert page["total"] == 25
        seen += [one["invoiceNumber"] for one in page["invoices"]]
    assert seen == [str(number) for number in range(1025, 1000, -1)]
    oldest = world.rest(f"/invoices/?{ALT}&limit=1&offset=0&sortOrder=ascend&sortField=issueDate").json()
    assert oldest["invoices"][0]["invoiceNumber"] == "1001"


def test_invoices_are_found_by_status_date_mode_contact_and_text(world: World) -> None:
    world.invoice(issue_date="2026-09-30", number="SEP-1")
    paid = world.invoice(issue_date="2026-10-01", live_mode=False)
    world.act(paid, "pay")
    world.invoice(issue_date="2026-10-02", contact_id="conJuniperYoga000001")
    gone = world.invoice(issue_date="2026-10-03")
    world.act(gone, "delete")

    def numbers(query: str) -> list[str]:
        page = world.rest(f"/invoices/?{ALT}&limit=50&offset=0&{query}").json()
        return [one["invoiceNumber"] for one in page["invoices"]]

    assert numbers("") == ["1002", "1001", "SEP-1"]
    assert numbers("status=paid") == ["1001"]
    assert numbers("startAt=2026-10-01&endAt=2026-10-01") == ["1001"]
    assert numbers("paymentMode=test") == ["1001"]
    assert numbers("paymentMode=live") == ["1002", "SEP-1"]
    assert numbers("contactId=conJuniperYoga000001") == ["1002"]
    assert numbers("search=sep-") == ["SEP-1"]
    assert numbers("search=dana@juniper") == ["1002"]
    assert world.rest(f"/invoices/{gone['_id']}?{ALT}").status_code == 404


def test_one_invoice_says_more_than_its_event(world: World) -> None:
    lines = [{"name": "Hour", "amount": 110, "taxes": [GST], "taxInclusive": True}]
    made = world.invoice(lines=lines)
    found = world.rest(f"/invoices/{made['_id']}?{ALT}").json()
    assert found["totalSummary"] == {"subTotal": 110, "discount": 0, "tax": 10}
    assert found["invoiceItems"][0]["taxInclusive"] is True
    assert found["businessDetails"]["address"]["countryCode"] == "AU"
    assert world.rest(f"/invoices/{made['_id']}?locationId={HARBOUR}").status_code == 200


def test_transactions_tell_method_refund_and_the_invoice(world: World) -> None:
    invoice = world.invoice()
    for method in ("card", "bank_transfer", "cheque"):
        world.act(invoice, "pay", {"amount": 10, "method": method})
    world.act(world.invoice(), "pay")
    page = world.rest(f"/payments/transactions?{ALT}&entityId={invoice['_id']}&limit=2").json()
    assert page["totalCount"] == 3
    assert [row["amount"] for row in page["data"]] == [10, 10]
    assert page["data"][0]["paymentProviderType"] == "manual"
    rest = world.rest(f"/payments/transactions?{ALT}&entityId={invoice['_id']}&limit=2&offset=2").json()[
        "data"
    ]
    assert (rest[0]["paymentProviderType"], rest[0]["paymentMethod"]["card"]["brand"]) == ("stripe", "visa")
    world.act(invoice, "refund", {"transaction_id": rest[0]["_id"], "amount": 4})
    one = world.rest(f"/payments/transactions/{rest[0]['_id']}?{ALT}").json()
    assert (one["status"], one["amountRefunded"], one["entityId"]) == (
        "partially_refunded",
        4,
        invoice["_id"],
    )
    assert (one["entityType"], one["contactId"], one["isParent"]) == ("invoice", LANTERN, False)
    assert one["fulfilledAt"] == one["createdAt"] < one["updatedAt"]


def test_contacts_products_collections_and_the_location_can_be_looked_up(world: World) -> None:
    contact = world.rest(f"/contacts/{LANTERN}").json()["contact"]
    assert (contact["name"], contact["companyName"]) == ("Mira Okafor", "Lantern Foods")
    product = world.rest(f"/products/{CARE_AND_WORKSHOP}?locationId={HARBOUR}").json()
    assert (product["taxes"], len(product["collectionIds"])) == ([GST], 2)
    collections = world.rest(f"/products/collections?{ALT}&name=work").json()
    assert ([one["name"] for one in collections["data"]], collections["total"]) == (["Workshops"], 1)
    key = collections["data"][0]["_id"]
    page = world.rest(f"/products/?locationId={HARBOUR}&collectionIds={key}&expand=tax&limit=1").json()
    assert (len(page["products"]), page["total"]) == (1, [{"total": 2}])
    assert page["products"][0]["taxes"][0]["rate"] == 10
    prices = world.rest(f"/products/{CARE_AND_WORKSHOP}/price?locationId={HARBOUR}").json()
    assert (prices["total"], prices["prices"][0]["amount"]) == (1, 650)
    location = world.rest(f"/locations/{HARBOUR}").json()["location"]
    assert (location["companyId"], location["timezone"]) == ("cmpNorthlight01", "Australia/Sydney")
    assert "currency" not in location


def test_contacts_are_searched_by_text_and_filter(world: World) -> None:
    def search(**body: object) -> tuple[list[str], int]:
        headers = {"Authorization": f"Bearer pit-sandbox-{HARBOUR}", "Version": "2021-07-28"}
        reply = requests.post(f"{world.url}/contacts/search", json=body, headers=headers, timeout=5)
        assert reply.status_code == 200, reply.text
        return [one["name"] for one in reply.json()["contacts"]], reply.json()["total"]

    assert search(locationId=HARBOUR, query="juniper") == (["Dana Whitlock"], 1)
    assert search(locationId=HARBOUR, page=2, pageLimit=3) == (["Priya Raman"], 4)
    rule = {"field": "email", "operator": "eq", "value": "THEO@cobalt.example"}
    assert search(locationId=HARBOUR, filters=[rule]) == (["Theo Marchetti"], 1)


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("/invoices/?limit=5&offset=0", "altId"),
        (f"/invoices/?altId={HARBOUR}&limit=5&offset=0", "altType"),
        (f"/invoices/?{ALT}", "limit"),
        (f"/invoices/?{ALT}&limit=ten&offset=0", "limit"),
        ("/payments/transactions", "altId"),
        ("/products/", "locationId"),
        ("/products/collections", "altId"),
    ],
)
def test_what_is_required_is_asked_for_with_422(world: World, path: str, named: str) -> None:
    reply = world.rest(path)
    assert reply.status_code == 422
    assert reply.json()["error"] == "Unprocessable Entity"
    assert named in " ".join(reply.json()["message"])
    assert reply.json()["traceId"]


def test_a_token_opens_its_own_location_and_scopes_only(world: World) -> None:
    path = f"/invoices/?{ALT}&limit=5&offset=0"
    refused = world.rest(path, token="pit-wrong")
    assert (refused.status_code, refused.json()["statusCode"]) == (401, 401)
    assert refused.json()["message"] == "Invalid Private Integration token"
    assert world.rest(path, version=None).status_code == 401
    assert world.rest(path, token=f"pit-sandbox-{KAURI}").status_code == 403
    assert world.rest(f"/contacts/{LANTERN}", token=f"pit-sandbox-{KAURI}").status_code == 403
    made = world.control("/tokens", {"location_id": HARBOUR, "scopes": ["contacts.readonly"]})["token"]
    assert world.rest(f"/contacts/{LANTERN}", token=made).status_code == 200
    narrow = world.rest(path, token=made)
    assert (narrow.status_code, narrow.json()["message"]) == (
        401,
        "The token is not authorized for this scope.",
    )
    requests.delete(f"{world.url}/control/tokens/{made}", timeout=5)
    assert world.rest(f"/contacts/{LANTERN}", token=made).status_code == 401


def test_the_burst_limit_answers_429_and_tells_what_is_left(world: World) -> None:
    world.control("/limits", {"burst": 3, "day": 1000})
    world.control("/clock", {"advance": 3600})
    replies = [world.rest(f"/contacts/{LANTERN}") for _ in range(4)]
    assert [reply.status_code for reply in replies] == [200, 200, 200, 429]
    assert [reply.headers["X-RateLimit-Remaining"] for reply in replies] == ["2", "1", "0", "0"]
    assert replies[3].headers["X-RateLimit-Limit-Daily"] == "1000"
    assert 1 <= int(replies[3].headers["X-RateLimit-Reset"]) <= 10
    assert replies[3].json()["statusCode"] == 429
    world.control("/clock", {"advance": 11})
    assert world.rest(f"/contacts/{LANTERN}").status_code == 200
