"""What the stand-in HoopAI tells, how it signs and wraps it, and how often it tries."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import signal
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from tests.sandbox.hoopai_world import HARBOUR, KAURI, SECRET, Json, Receiver, World, hoopai_world, receiving
from tests.support.ports import free_port
from tests.support.servers import running, wait_for_web, wait_until


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def world() -> Iterator[World]:
    with hoopai_world() as made:
        yield made


def delivered(world: World, count: int) -> list[Json]:
    """Wait until so many deliveries have had their last attempt."""

    def rows() -> list[Json]:
        found: list[Json] = world.control("/deliveries")["deliveries"]
        done = [row for row in found if row["state"] in ("delivered", "given up")]
        return done if len(done) >= count else []

    found: list[Json] = wait_until(rows, 10, f"{count} deliveries")
    return found


def test_an_invoice_sent_and_paid_is_told_in_order_flat_and_signed(world: World, receiver: Receiver) -> None:
    world.hook(receiver)
    invoice = world.invoice(discount={"type": "percentage", "value": 10})
    world.act(invoice, "pay", {"amount": 200, "method": "card"})
    world.act(invoice, "pay", {"method": "bank_transfer"})
    letters = receiver.wait(4)
    assert receiver.types() == ["InvoiceCreate", "InvoiceSent", "InvoicePartiallyPaid", "InvoicePaid"]
    for letter in letters:
        expected = hmac.new(SECRET.encode(), letter.raw, hashlib.sha256).hexdigest()
        assert letter.headers["x-wl-signature"] == expected
        assert letter.headers["content-type"] == "application/json"
    told = letters[2].json
    assert (told["locationId"], told["altId"], told["altType"]) == (HARBOUR, HARBOUR, "location")
    assert (told["amountPaid"], told["amountDue"], told["total"]) == (200, 277, 477)
    assert told["totalSummary"] == {"subTotal": 500, "discount": 50}
    assert isinstance(told["businessDetails"]["address"], str)
    assert told["invoiceItems"][0]["taxes"] == [
        {"_id": "66e0aa00bb11cc22dd33ee44", "name": "GST", "rate": 10, "calculation": "exclusive"}
    ]
    assert not {"webhookId", "timestamp", "paymentSchedule"} & set(told)
    assert [letter.json["updatedAt"] for letter in letters] == sorted(
        {letter.json["updatedAt"] for letter in letters}
    )


def test_amounts_are_written_as_javascript_writes_them(world: World, receiver: Receiver) -> None:
    world.hook(receiver)
    world.invoice(lines=[{"name": "Hour", "qty": Decimal("1.5"), "amount": Decimal("33.40")}])
    raw = receiver.wait(2)[1].raw
    assert b'"total":50.1,' in raw
    assert b'"qty":1.5,"amount":33.4' in raw


@pytest.mark.parametrize(
    ("scheme", "header", "written"),
    [
        ("x-wl-signature", "x-wl-signature", bytes.hex),
        ("x-wl-signature-base64", "x-wl-signature", lambda digest: base64.b64encode(digest).decode()),
        ("x-wl-signature-sha256", "x-wl-signature", lambda digest: "sha256=" + digest.hex()),
        ("x-hook-signature", "x-hook-signature", bytes.hex),
    ],
)
def test_each_hmac_scheme_covers_the_raw_body(
    world: World, receiver: Receiver, scheme: str, header: str, written: object
) -> None:
    assert callable(written)
    world.hook(receiver, scheme=scheme)
    world.invoice()
    letter = receiver.wait(1)[0]
    assert letter.headers[header] == written(hmac.digest(SECRET.encode(), letter.raw, "sha256"))


def test_the_public_keys_verify_what_the_stand_in_signs(world: World, receiver: Receiver) -> None:
    keys = world.control("/keys")
    world.hook(receiver, scheme="x-ghl-signature")
    world.invoice()
    letter = receiver.wait(2)[1]
    ed25519 = serialization.load_pem_public_key(keys["ed25519"].encode())
    assert isinstance(ed25519, Ed25519PublicKey)
    ed25519.verify(base64.b64decode(letter.headers["x-ghl-signature"]), letter.raw)
    world.hook(receiver, scheme="x-wh-signature")
    world.invoice()
    letter = receiver.wait(4)[3]
    rsa = serialization.load_pem_public_key(keys["rsa"].encode())
    assert isinstance(rsa, RSAPublicKey)
    signature = base64.b64decode(letter.headers["x-wh-signature"])
    rsa.verify(signature, letter.raw, padding.PKCS1v15(), hashes.SHA256())
    assert "x-ghl-signature" not in letter.headers


def test_a_webhook_can_go_without_any_signature(world: World, receiver: Receiver) -> None:
    world.hook(receiver, scheme="none")
    world.invoice()
    assert not [name for name in receiver.wait(1)[0].headers if "signature" in name]


@pytest.mark.parametrize(
    ("envelope", "outer", "inner"),
    [
        ("flat", {"type", "locationId"}, None),
        ("body", {"type", "locationId", "body"}, "body"),
        ("data", {"type", "timestamp", "webhookId", "data"}, "data"),
        ("sdk", {"type", "appId", "installType", "locationId", "companyId", "timestamp", "webhookId"}, None),
        ("bare", set(), None),
    ],
)  # fmt: skip
def test_each_envelope_has_its_documented_fields(
    world: World, receiver: Receiver, envelope: str, outer: set[str], inner: str | None
) -> None:
    world.hook(receiver, envelope=envelope)
    invoice = world.invoice()
    told = receiver.wait(2)[1].json
    assert outer <= set(told)
    payload = told[inner] if inner else told
    assert payload["_id"] == invoice["_id"]
    assert payload["status"] == "sent"
    if inner:
        assert set(told) == outer
    if envelope == "bare":
        assert "type" not in told
        assert "locationId" not in told


def test_void_and_delete_are_reduced_in_hoopais_forms_and_whole_in_highlevels(
    world: World, receiver: Receiver
) -> None:
    world.hook(receiver, envelope="flat")
    first = world.invoice()
    world.act(first, "void")
    world.act(first, "delete")
    void, gone = (letter.json for letter in receiver.wait(4)[2:4])
    assert (void["status"], gone["status"], gone["type"]) == ("void", "delete", "InvoiceDelete")
    for told in (void, gone):
        assert not {"invoiceItems", "contactDetails", "businessDetails", "discount"} & set(told)
        assert told["total"] == 530
    world.hook(receiver, envelope="bare")
    world.act(world.invoice(), "void")
    assert receiver.wait(7)[6].json["invoiceItems"][0]["qty"] == 2


def test_inclusive_prices_are_not_told_unless_wished(world: World, receiver: Receiver) -> None:
    lines = [
        {"name": "Hour", "qty": 1, "amount": 110, "taxes": ["66e0aa00bb11cc22dd33ee44"], "taxInclusive": True}
    ]
    world.hook(receiver)
    made = world.invoice(lines=lines)
    assert (made["total"], made["totalSummary"]["tax"]) == (110, 10)
    line = receiver.wait(1)[0].json["invoiceItems"][0]
    assert "taxInclusive" not in line
    assert line["taxes"][0]["calculation"] == "exclusive"
    world.hook(receiver, tells_inclusive=True)
    world.invoice(lines=lines)
    line = receiver.wait(3)[2].json["invoiceItems"][0]
    assert line["taxInclusive"] is True
    assert line["taxes"][0]["calculation"] == "inclusive"


def test_hoopai_tries_again_until_it_is_taken_with_the_same_bytes(world: World, receiver: Receiver) -> None:
    world.control("/retries", {"policy": "hoopai", "first_seconds": 0.05})
    receiver.script = [500, 302, 429]
    world.hook(receiver)
    world.invoice(send=False)
    letters = receiver.wait(4)
    assert len({letter.raw for letter in letters}) == 1
    row = delivered(world, 1)[0]
    assert [attempt["status"] for attempt in row["attempts"]] == [500, 302, 429, 200]
    assert [attempt["answer"] for attempt in row["attempts"]] == ["not now", "not now", "not now", "taken"]


def test_hoopais_pauses_grow_and_end(world: World, receiver: Receiver) -> None:
    world.control("/retries", {"policy": "hoopai", "first_seconds": 100, "retries": 2})
    receiver.script = [503, 503, 503, 503]
    world.hook(receiver)
    world.invoice(send=False)
    for count, pause in ((1, 100), (2, 200)):
        receiver.wait(count)
        row = wait_until(lambda: world.control("/deliveries?state=waiting")["deliveries"])[0]
        assert row["next_at"]
        world.control("/clock", {"advance": pause - 20})
        assert len(receiver.letters) == count
        world.control("/clock", {"advance": 25})
    receiver.wait(3)
    assert delivered(world, 1)[0]["state"] == "given up"


def test_highlevel_tries_again_after_429_only(world: World, receiver: Receiver) -> None:
    world.control("/retries", {"policy": "highlevel", "first_seconds": 0.05, "jitter_seconds": 0})
    world.hook(receiver, policy="highlevel")
    receiver.script = [500]
    world.invoice(send=False)
    assert delivered(world, 1)[0]["state"] == "given up"
    receiver.script = [429, 429]
    world.invoice(send=False)
    rows = delivered(world, 2)
    assert [attempt["status"] for attempt in rows[1]["attempts"]] == [429, 429, 200]


def test_a_receiver_that_is_away_is_tried_again(world: World, receiver: Receiver) -> None:
    world.control("/retries", {"policy": "hoopai", "first_seconds": 0.2, "factor": 1})
    world.control("/webhooks", {"location_id": HARBOUR, "url": "http://127.0.0.1:9/nobody", "secret": SECRET})
    world.invoice(send=False)
    wait_until(lambda: world.control("/deliveries?state=waiting")["deliveries"])
    world.hook(receiver)
    receiver.wait(1)
    attempts = delivered(world, 1)[0]["attempts"]
    assert (attempts[0]["status"], attempts[-1]["status"]) == (None, 200)
    assert "no answer" in attempts[0]["error"]


def test_what_was_not_delivered_survives_a_restart(tmp_path: Path, receiver: Receiver) -> None:
    with hoopai_world(tmp_path) as world:
        world.hook(receiver)
        world.control("/webhooks/pause", {})
        invoice = world.invoice()
        world.act(invoice, "pay", {})
        keys = world.control("/keys")
    assert receiver.letters == []
    with hoopai_world(tmp_path) as world:
        assert world.control("/webhooks")["webhooks"][0]["url"] == receiver.url
        assert world.control("/keys") == keys
        world.control("/webhooks/resume", {})
        receiver.wait(3)
        assert receiver.types() == ["InvoiceCreate", "InvoiceSent", "InvoicePaid"]
        books = world.control(f"/books?location_id={HARBOUR}")["locations"][0]
        assert books["invoices"][0]["status"] == "paid"
        assert books["transactions"][0]["amount"] == 530


def test_held_back_events_can_leave_newest_first(world: World, receiver: Receiver) -> None:
    world.hook(receiver)
    world.control("/webhooks/pause", {})
    world.invoice()
    world.control("/webhooks/resume", {"order": "reversed"})
    receiver.wait(2)
    assert receiver.types() == ["InvoiceSent", "InvoiceCreate"]


def test_mischief_sends_twice_out_of_order_unsigned_and_tampered(world: World, receiver: Receiver) -> None:
    world.hook(receiver)
    invoice = world.invoice()
    receiver.wait(2)
    world.control("/redeliver", {"event_id": "last", "times": 2})
    letters = receiver.wait(4)
    assert letters[1].raw == letters[2].raw == letters[3].raw
    world.control("/redeliver", {"invoice_id": invoice["_id"], "out_of_order": True})
    receiver.wait(6)
    assert receiver.types()[4:] == ["InvoiceSent", "InvoiceCreate"]
    world.control("/redeliver", {"unsigned": True})
    assert "x-wl-signature" not in receiver.wait(7)[6].headers
    world.control("/redeliver", {"tampered": True})
    bad = receiver.wait(8)[7]
    assert bad.headers["x-wl-signature"] != hmac.new(SECRET.encode(), bad.raw, hashlib.sha256).hexdigest()
    assert bad.json == letters[1].json


def test_a_location_without_a_webhook_sends_nothing(world: World, receiver: Receiver) -> None:
    world.hook(receiver)
    lines = [{"name": "A", "amount": 5}]
    world.control("/invoices", {"location_id": KAURI, "contact_id": "conPohutukawaCafe001", "lines": lines})
    world.invoice(send=False)
    assert receiver.wait(1)[0].json["locationId"] == HARBOUR
    assert len(world.control("/deliveries")["deliveries"]) == 1


def test_contact_events_are_sent_only_when_asked_for(world: World, receiver: Receiver) -> None:
    world.hook(receiver, events=["Invoice", "Contact"])
    world.invoice(contact={"name": "Zoë Zed", "email": "zoe@zed.example"}, contact_id=None, send=False)
    assert sorted(letter.json["type"] for letter in receiver.wait(2)) == ["ContactCreate", "InvoiceCreate"]
    told = next(letter.json for letter in receiver.letters if letter.json["type"] == "ContactCreate")
    assert (told["firstName"], told["lastName"], told["locationId"]) == ("Zoë", "Zed", HARBOUR)
    assert "dateUpdated" not in told
    contact = {"location_id": HARBOUR, "id": told["id"], "email": "new@zed.example"}
    saved = world.control("/contacts", contact)
    assert (saved["name"], saved["email"]) == ("Zoë Zed", "new@zed.example")
    assert receiver.wait(3)[2].json["type"] == "ContactUpdate"


@pytest.mark.faults
def test_a_killed_sandbox_delivers_after_its_restart_what_it_had_promised(
    tmp_path: Path, receiver: Receiver
) -> None:
    port = free_port()
    command = [sys.executable, "-m", "sandbox", "--port", str(port), "--data", str(tmp_path / "data")]
    world = World(f"http://localhost:{port}/hoopai")
    with running(command, tmp_path / "first") as process:
        wait_for_web(port, "/healthz")
        world.hook(receiver)
        world.control("/webhooks/pause", {})
        invoice = world.invoice()
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
    with running(command, tmp_path / "second"):
        wait_for_web(port, "/healthz")
        assert world.control(f"/invoices/{invoice['_id']}") == invoice
        world.control("/webhooks/resume", {})
        receiver.wait(2)
    assert receiver.types() == ["InvoiceCreate", "InvoiceSent"]
