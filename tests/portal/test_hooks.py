"""HoopAI's webhook endpoint over real HTTP: every envelope, every event, every signature, and what becomes of each."""

import base64
import hashlib
import hmac
from collections.abc import Iterator

import pytest
import requests
import simplejson
from flask import Flask
from sqlalchemy import event as happening
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from portal import create_app
from portal.config import Settings
from portal.extensions import db
from portal.hoopai import signatures
from portal.hoopai.people import ContactSaid
from portal.models import Contact, EventState, InboundEvent, Invoice, Source
from portal.services import contacts_in, demo, intake, listening, sources
from portal.services.unit import release, transaction
from tests.portal.conftest import BOTH
from tests.support import portal
from tests.support.hoop import GST, Hoop, line
from tests.support.servers import serving, wait_until

ENVELOPES = ("flat", "body", "data", "sdk", "bare")
pytestmark = pytest.mark.parametrize("database_url", BOTH, indirect=True)


class Door:
    """The webhook address of Harbour Studio at a served portal."""

    def __init__(self, app: Flask, url: str, sandbox: str) -> None:
        self.app = app
        source = sources.of(portal.location().id)
        assert source is not None
        self.address = f"{url}/hooks/hoopai/{source.hook_token}"
        self.secret = sources.secret(source)
        self.hoop = Hoop(sandbox, portal.HARBOUR)
        release()

    def knock(self, body: bytes, **headers: str) -> requests.Response:
        """Deliver these bytes with these headers, and sign them as HoopAI does unless a header is given."""
        signed = headers or {"x-wl-signature": signatures.sign(self.secret, body)}
        named = {name.replace("_", "-"): value for name, value in signed.items()}
        return requests.post(self.address, data=body, headers=named, timeout=20)

    def say(self, event: dict[str, object]) -> requests.Response:
        """Deliver this event, signed."""
        return self.knock(simplejson.dumps(event, use_decimal=True).encode())

    def heard(self) -> None:
        """Wait for the stand-in's deliveries and apply them."""
        wait_until(self.hoop.idle, 10, "HoopAI's deliveries")
        release()
        intake.apply()
        release()

    def events(self) -> list[InboundEvent]:
        release()
        return list(db.session.query(InboundEvent).order_by(InboundEvent.id))

    def verdicts(self) -> list[tuple[str | None, str, str | None]]:
        return [(each.event, str(each.state), each.reason) for each in self.events()]


@pytest.fixture
def door(settings: Settings, sandbox: str) -> Iterator[Door]:
    app = create_app(settings)
    portal.make_tables(app)
    with app.app_context():
        demo.seed()
        with serving(app) as url:
            yield Door(app, url, sandbox)
    portal.dispose(app)


def flat(**changes: object) -> dict[str, object]:
    """An invoice as HoopAI's flat form has it."""
    return {
        "type": "InvoiceSent", "locationId": portal.HARBOUR, "_id": "66f1a2b3c4d5e6f708192a3b", "status": "sent",
        "liveMode": True, "amountPaid": 0, "amountDue": 477, "total": 477, "altId": portal.HARBOUR,
        "altType": "location", "invoiceNumber": "1042", "currency": "AUD", "issueDate": "2026-10-01",
        "contactDetails": {"id": "con1", "name": "Mira"},
        "invoiceItems": [{"name": "Care plan", "qty": 1, "amount": 477}],
        "updatedAt": "2026-10-06T23:01:09.404Z", "createdAt": "2026-10-01T02:10:11.101Z", **changes,
    }  # fmt: skip


@pytest.mark.parametrize("envelope", ENVELOPES)
def test_a_life_in_every_envelope_ends_in_the_same_state(door: Door, envelope: str) -> None:
    door.hoop.listen(door.address, door.secret, envelope=envelope)
    made = door.hoop.create(line("Care plan", "150", "2", GST), line("Workshop", "200"), send=False)
    door.hoop.act(made["_id"], "edit", name="October")
    door.hoop.act(made["_id"], "send")
    door.hoop.act(made["_id"], "pay", amount="100", method="card")
    door.hoop.act(made["_id"], "processing")
    door.hoop.act(made["_id"], "fail")
    door.hoop.act(made["_id"], "void")
    other = door.hoop.create(line("Workshop", "90"))
    door.hoop.act(other["_id"], "pay", method="card")
    door.hoop.act(other["_id"], "delete")
    door.heard()
    assert {str(each.state) for each in door.events()} == {"applied"}
    assert {each.shape for each in door.events()} == {envelope}
    found = {each.hoop_id: each for each in db.session.query(Invoice)}
    assert (found[made["_id"]].status, found[made["_id"]].amount_paid) == ("void", 100)
    assert found[made["_id"]].title == "October"
    assert (found[other["_id"]].status, found[other["_id"]].amount_paid) == ("delete", 90)
    counts = [len(found[each["_id"]].lines) for each in (made, other)]
    assert counts == [2, 1], "reduced bodies take no line away"


@pytest.mark.parametrize("scheme", ["x-wl-signature", "x-wl-signature-base64", "x-wl-signature-sha256",
                                    "x-hook-signature", "x-ghl-signature", "x-wh-signature"])  # fmt: skip
def test_every_signature_scheme_is_accepted_and_every_forgery_refused(door: Door, scheme: str) -> None:
    keys = door.hoop.keys()
    own = {"x-ghl-signature": keys["ed25519_spki"], "x-wh-signature": keys["rsa"]}.get(scheme, "")
    chosen = "x-wl-signature" if scheme.startswith("x-wl") else scheme
    sources.sign_with(portal.location().id, portal.ana().user, chosen, own)
    release()
    door.hoop.listen(door.address, door.secret, scheme=scheme)
    door.hoop.create(line("Workshop", "200"))
    door.heard()
    assert [str(each.state) for each in door.events()] == ["applied", "applied"]
    for wrong in ({"tampered": True}, {"unsigned": True}):
        door.hoop.redeliver(**wrong)
    wait_until(lambda: all(each["attempts"] for each in door.hoop.deliveries()), 10, "the forgeries")
    answers = [each["attempts"][0]["status"] for each in door.hoop.deliveries()]
    assert answers == [200, 200, 401, 401]
    told = door.hoop.deliveries()[2]["attempts"][0]["answer"]
    assert ("the public key" if own else "the secret") in told
    assert len(door.events()) == 2, "nothing of a refused delivery is kept"
    source = db.session.query(Source).filter_by(hook_token=door.address.rsplit("/", 1)[1]).one()
    assert (source.refused_count, source.refused_reason) == (2, f"It carried no {chosen} header.")


def test_every_way_of_writing_the_digest_counts_and_nothing_else(door: Door) -> None:
    body = simplejson.dumps(flat()).encode()
    digest = hmac.digest(door.secret.encode(), body, hashlib.sha256)
    good = [digest.hex(), digest.hex().upper(), f"sha256={digest.hex()}", base64.b64encode(digest).decode(),
            base64.urlsafe_b64encode(digest).decode()]  # fmt: skip
    assert {door.knock(body, x_wl_signature=each).status_code for each in good} == {200}
    bad = ["", "N/A", "0" * 64, digest.hex()[:-1], "sha1=" + digest.hex(), "é" * 8, "x" * 5000]
    answers = {door.knock(body, x_wl_signature=each.encode("latin-1", "replace")).status_code for each in bad}
    assert answers == {401}
    assert len(door.events()) == 1


def test_replays_and_duplicates_change_nothing(door: Door) -> None:
    door.hoop.listen(door.address, door.secret, envelope="data")
    made = door.hoop.create(line("Workshop", "200"))
    door.hoop.act(made["_id"], "pay", amount="80", method="card")
    door.heard()
    (before,) = db.session.query(Invoice.revision, Invoice.amount_paid).all()
    door.hoop.redeliver(times=5)
    door.heard()
    assert len(door.events()) == 3
    assert db.session.query(Invoice.revision, Invoice.amount_paid).all() == [before]


def test_events_in_any_order_end_in_the_right_state(door: Door) -> None:
    moments = [f"2026-10-06T23:0{n}:00.000Z" for n in range(4)]
    paid = flat(type="InvoicePaid", status="paid", amountPaid=477, amountDue=0, updatedAt=moments[3])
    part = flat(
        type="InvoicePartiallyPaid",
        status="partially_paid",
        amountPaid=100,
        amountDue=377,
        updatedAt=moments[2],
    )
    for event in (
        paid,
        flat(updatedAt=moments[1]),
        part,
        flat(type="InvoiceCreate", status="draft", updatedAt=moments[0]),
    ):
        assert door.say(event).status_code == 200
    door.heard()
    assert db.session.query(Invoice.status, Invoice.amount_paid).all() == [("paid", 477)]
    assert [state for _, state, _ in door.verdicts()] == ["applied", "ignored", "ignored", "ignored"]
    assert {reason for _, _, reason in door.verdicts()[1:]} == {
        "A newer state of this invoice is already known."
    }


@pytest.mark.parametrize("reduced", [
    {"type": "InvoiceVoid", "locationId": portal.HARBOUR},
    {"type": "InvoiceDelete", "altId": portal.HARBOUR, "altType": "location"},
])  # fmt: skip
def test_void_and_delete_need_nothing_but_the_id_and_are_final(
    door: Door, reduced: dict[str, object]
) -> None:
    door.say(flat())
    door.say({**reduced, "_id": "66f1a2b3c4d5e6f708192a3b"})
    door.say(flat(type="InvoicePaid", status="paid", updatedAt="2027-01-01T00:00:00Z"))
    door.heard()
    (status,) = db.session.query(Invoice.status).one()
    assert status.final
    assert door.verdicts()[-1][1:] == ("ignored", f"The invoice is already {status}; that is final.")


def test_what_belongs_elsewhere_is_quarantined_and_never_applied(door: Door) -> None:
    foreign = flat(locationId=portal.KAURI, altId=portal.KAURI)
    assert door.say(foreign).status_code == 200
    door.heard()
    assert door.verdicts() == [
        ("InvoiceSent", "quarantined", f"It belongs to location {portal.KAURI}, not to this one.")
    ]
    assert db.session.query(Invoice).count() == 0


@pytest.mark.parametrize(("body", "reason"), [
    ({"type": "OrderCreate", "locationId": portal.HARBOUR, "_id": "o1"}, "OrderCreate is not about an invoice."),
    ({"type": "CallEnded", "locationId": portal.HARBOUR}, "CallEnded is not an event that this portal knows."),
    ({"contact_id": "c1", "customData": {}, "workflow": {"id": "w"}},
     "This came from a Webhook action inside a workflow. Set the address up under Settings > Webhooks instead."),
    ({"hello": "world"}, "This is not an event this portal knows: it has no type and is no invoice."),
    (["a", "list"], "The body is JSON, but not an object."),
    ({"type": "InvoicePaid", "locationId": portal.HARBOUR, "altId": portal.KAURI, "_id": "x"},
     "The delivery names two different locations."),
])  # fmt: skip
def test_what_is_no_invoice_is_kept_as_ignored_with_the_reason(door: Door, body: object, reason: str) -> None:
    answer = door.knock(simplejson.dumps(body).encode())
    assert (answer.status_code, reason in answer.text) == (200, True)
    assert [(state, why) for _, state, why in door.verdicts()] == [("ignored", reason)]


def test_a_workflow_that_signs_nothing_is_told_what_to_do(door: Door) -> None:
    body = simplejson.dumps({"contact_id": "c1", "customData": {}, "workflow": {"id": "w"}}).encode()
    answer = requests.post(door.address, data=body, timeout=20)
    assert answer.status_code == 401
    assert "Webhook action inside a workflow" in answer.text
    assert door.events() == []


@pytest.mark.parametrize("change", [
    {"total": "a lot"}, {"currency": None}, {"status": "on holiday"}, {"invoiceItems": "none"},
    {"amountPaid": "1.23456"}, {"invoiceNumber": "9" * 300},
])  # fmt: skip
def test_an_invoice_that_makes_no_sense_is_broken_and_stops_nobody_else(
    door: Door, change: dict[str, object]
) -> None:
    door.say(flat(**change))
    door.say(flat(_id="66f1a2b3c4d5e6f708192a3c", invoiceNumber="1043"))
    door.heard()
    assert db.session.query(Invoice).filter_by(hoop_id="66f1a2b3c4d5e6f708192a3c").count() == 1
    assert [state for _, state, _ in door.verdicts()] == ["broken", "applied"]


def test_a_bug_over_one_event_harms_none_of_those_it_came_with(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = contacts_in.take

    def stumbles(session: Session, location_id: int, said: ContactSaid) -> Contact:
        contact = whole(session, location_id, said)
        if said.name == "Nobody":
            raise RuntimeError
        return contact

    monkeypatch.setattr(contacts_in, "take", stumbles)
    for number in range(6):
        told = flat(_id=f"66f1a2b3c4d5e6f70819{number:04}", invoiceNumber=str(number), webhookId=str(number))
        name = "Nobody" if number == 3 else "Mira"
        door.say(told | {"contactDetails": {"id": f"con-{name}", "name": name}})
    intake.apply()
    assert [state for _, state, _ in door.verdicts()] == ["applied"] * 3 + ["broken"] + ["applied"] * 2
    assert [each.number for each in db.session.query(Invoice).order_by(Invoice.number)] == [*"01245"]
    assert [each.name for each in db.session.query(Contact)] == ["Mira"]


def test_many_deliveries_ask_the_database_hardly_more_often_than_a_few(door: Door) -> None:
    asked: list[str] = []
    happening.listen(db.engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    counts = []
    for many in (5, 50):
        for number in range(many):
            told = flat(_id=f"66f1a2b3c4d5e6f7{many:04}{number:04}", webhookId=f"{many}-{number}")
            contact = {"id": f"con-{many}-{number}", "name": f"Mira {number}"}
            paid = {"status": "paid", "amountPaid": 477, "contactDetails": contact}
            door.say(told | paid)
        release()
        asked.clear()
        intake.apply()
        counts.append(len(asked))
    assert counts[1] <= counts[0] + 5, "a query for each delivery has crept in"


def test_unknown_fields_and_odd_text_are_taken_as_they_come(door: Door) -> None:
    odd = flat(
        name="Null \u0000 and half \ud800 pair",
        newField={"deep": [1]},
        contactDetails={"id": "c", "name": "\ud83d\udc1d"},
    )
    assert door.knock(simplejson.dumps(odd).encode()).status_code == 200
    door.heard()
    assert [state for _, state, _ in door.verdicts()] == ["applied"]
    assert db.session.query(Invoice.title).scalar() == "Null  and half ? pair"


def test_size_and_form_are_refused_without_a_trace(door: Door) -> None:
    assert door.knock(b" " * 1_048_577).status_code == 413
    assert door.knock(b" " * 5_000_000).status_code == 413
    assert [
        door.knock(each).status_code for each in (b"", b"{", b"<xml/>", b"\xff\xfe", b"NaN", b"[" * 100_000)
    ] == [400] * 6
    assert requests.get(door.address, timeout=20).status_code == 405
    assert requests.post(door.address[:-3] + "abc", data=b"{}", timeout=20).status_code == 404
    assert door.events() == []


def test_trouble_of_ours_is_a_429_that_every_sender_tries_again(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OperationalError("insert", {}, Exception("disk full"))

    monkeypatch.setattr(intake, "_store", broken)
    answer = door.say(flat())
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "30")
    monkeypatch.undo()
    assert door.say(flat()).status_code == 200
    assert len(door.events()) == 1


def test_another_process_follows_a_changed_scheme_within_two_seconds(door: Door) -> None:
    door.say(flat())
    with transaction() as session:
        session.query(Source).update({"scheme": "x-hook-signature"})
    assert door.say(flat(updatedAt="2026-10-07T00:00:00Z")).status_code in (200, 401)
    wait_until(lambda: door.say(flat()).status_code == 401, 2 * listening.KEPT + 1, "the new scheme")


def test_a_test_mode_invoice_and_a_contact_event_say_what_becomes_of_them(door: Door) -> None:
    door.say(flat(liveMode=False))
    door.say({"type": "ContactUpdate", "locationId": portal.HARBOUR, "id": "con1", "name": "Mira Okafor"})
    door.say({"type": "ContactUpdate", "locationId": portal.HARBOUR, "id": "con2", "name": "Nobody"})
    door.heard()
    assert [(event, state) for event, state, _ in door.verdicts()] == [
        ("InvoiceSent", EventState.APPLIED),
        ("ContactUpdate", EventState.APPLIED),
        ("ContactUpdate", EventState.IGNORED),
    ]
