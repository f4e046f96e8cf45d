"""The letterbox from HoopAI against the stand-in: every envelope, every signature, the REST look-ups."""

from decimal import Decimal

import pytest
import requests

from portal.hoopai import envelopes, invoices, people, transactions
from portal.hoopai.client import HoopClient, HoopNotFound, HoopTokenRefused
from portal.hoopai.signatures import verify
from tests.support.hoop import GST, Hoop, line
from tests.support.servers import wait_until

HARBOUR = "loc7Qm2VrX0tB4kPz9Ya"
SECRET = "whsec-of-this-test"


@pytest.fixture
def hoop(sandbox):
    return Hoop(sandbox, HARBOUR)


@pytest.fixture
def token(sandbox):
    made = requests.post(f"{sandbox}/hoopai/control/tokens", json={"location_id": HARBOUR}, timeout=10).json()
    return made["token"]


def letters(server, hoop, count):
    return wait_until(lambda: server.heard[:] if len(server.heard) >= count else None, 10, "deliveries")


@pytest.mark.parametrize("envelope", ["flat", "body", "data", "bare", "sdk"])
def test_every_envelope_tells_the_same_invoice(server, hoop, envelope):
    hoop.listen(f"{server.url}/in", SECRET, envelope=envelope)
    made = hoop.create(line("Care plan", "150", "2", GST), line("Workshop", "200"))
    told = [envelopes.read(one.body) for one in letters(server, hoop, 2)]
    assert all(one.is_invoice and one.location_id == HARBOUR for one in told)
    last = invoices.said(told[-1].payload, told[-1].event)
    assert (last.hoop_id, last.status, last.total, last.currency) == (
        made["_id"],
        "sent",
        Decimal(530),
        "AUD",
    )
    assert [one.quantity * one.amount for one in last.lines] == [300, 200]
    assert (last.lines[0].taxes[0].key, last.lines[0].taxes[0].rate) == (GST, 10)
    assert last.contact is not None
    assert last.contact.company_name == "Lantern Foods"


@pytest.mark.parametrize(
    "scheme", ["x-wl-signature", "x-hook-signature", "x-ghl-signature", "x-wh-signature"]
)
def test_every_signature_is_judged_right(sandbox, server, hoop, scheme):
    public = requests.get(f"{sandbox}/hoopai/control/keys", timeout=10).json()
    keys = {"ed25519_key": public["ed25519_spki"], "rsa_key": public["rsa"]}
    hoop.listen(f"{server.url}/in", SECRET, scheme=scheme)
    hoop.create(line("Workshop", "200"))
    for one in letters(server, hoop, 2):
        assert verify(scheme, [SECRET], one.body, one.headers, **keys).ok
        assert not verify(scheme, [SECRET], one.body + b" ", one.headers, **keys).ok
    if scheme in ("x-wl-signature", "x-hook-signature"):
        assert not verify(scheme, ["another"], one.body, one.headers).ok


def test_a_life_of_an_invoice_is_understood_to_its_end(server, hoop):
    hoop.listen(f"{server.url}/in", SECRET)
    made = hoop.create(line("Workshop", "200.10", "1", GST))
    hoop.act(made["_id"], "pay", amount="100.05", method="card")
    hoop.act(made["_id"], "pay", method="bank_transfer")
    told = [envelopes.read(one.body) for one in letters(server, hoop, 4)]
    said = [invoices.said(one.payload, one.event) for one in told]
    assert [one.status for one in said] == ["draft", "sent", "partially_paid", "paid"]
    assert [one.amount_paid for one in said] == [0, 0, Decimal("100.05"), Decimal("220.11")]


def test_an_update_that_says_nothing_of_the_contact_says_just_that(server, hoop):
    hoop.listen(f"{server.url}/in", SECRET)
    made = hoop.create(line("Workshop", "200"), send=False)
    hoop.act(made["_id"], "edit", name="Another name")
    updated = envelopes.read(letters(server, hoop, 2)[-1].body)
    said = invoices.said(updated.payload, updated.event)
    assert (updated.event, said.contact, said.reduced, len(said.lines)) == ("InvoiceUpdate", None, False, 1)


def test_a_void_is_understood_from_little(server, hoop):
    hoop.listen(f"{server.url}/in", SECRET)
    made = hoop.create(line("Workshop", "200"))
    hoop.act(made["_id"], "void")
    last = envelopes.read(letters(server, hoop, 3)[-1].body)
    assert invoices.mention(last.payload, last.event).status == "void"
    assert invoices.said(last.payload, last.event).reduced


def test_invoices_transactions_contacts_and_products_are_looked_up(sandbox, hoop, token):
    client = HoopClient(f"{sandbox}/hoopai", token, HARBOUR)
    made = [hoop.create(line("Workshop", "200")) for _ in range(3)]
    hoop.act(made[0]["_id"], "pay", amount="50", method="card")
    hoop.act(made[0]["_id"], "pay", amount="25", method="cash")
    assert {one["_id"] for one in client.each_invoice()} >= {one["_id"] for one in made}
    first = invoices.said(client.invoice(made[0]["_id"]))
    assert (first.status, first.amount_paid) == ("partially_paid", 75)
    paid = [transactions.said(one) for one in client.each_transaction(invoice_id=made[0]["_id"])]
    assert sorted((one.amount, one.method == "manual:cash") for one in paid) == [(25, True), (50, False)]
    assert all(one.invoice_id == made[0]["_id"] and one.succeeded for one in paid)
    assert first.contact is not None
    assert first.contact.hoop_id is not None
    assert people.said(client.contact(first.contact.hoop_id)).company_name == "Lantern Foods"
    collections = {one["_id"] for one in client.collections()}
    products = client.products()
    assert collections
    assert any(set(one.get("collectionIds", ())) & collections for one in products)
    assert client.product(products[0]["_id"])["_id"] == products[0]["_id"]


def test_a_small_page_leads_to_the_next(sandbox, hoop, token):
    client = HoopClient(f"{sandbox}/hoopai", token, HARBOUR)
    for _ in range(5):
        hoop.create(line("Workshop", "200"))
    first = client.invoices(0, limit=2)
    assert (len(first.items), first.next_page) == (2, 1)
    seen = [one["_id"] for number in range(3) for one in client.invoices(number, limit=2).items]
    assert len(seen) == len(set(seen)) == 5


def test_a_wrong_token_and_a_missing_invoice_are_told_apart(sandbox, token):
    with pytest.raises(HoopTokenRefused):
        HoopClient(f"{sandbox}/hoopai", "wrong", HARBOUR).collections()
    with pytest.raises(HoopTokenRefused):
        HoopClient(f"{sandbox}/hoopai", token, "locK3wN8sT1uC6mRd5Eb").invoices()
    with pytest.raises(HoopNotFound):
        HoopClient(f"{sandbox}/hoopai", token, HARBOUR).invoice("66a0000000000000000000f1")
