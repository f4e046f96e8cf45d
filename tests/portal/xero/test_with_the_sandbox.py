"""The whole letterbox against the stand-in for Xero: consent, reference data, documents, faults, limits."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from redis import Redis

from portal.xero import errors, oauth, payloads, replies
from portal.xero.client import XeroClient
from portal.xero.limits import Quota
from portal.xero.payloads import (
    AllocationOut,
    ContactOut,
    CreditNoteOut,
    InvoiceOut,
    LineOut,
    PaymentOut,
    VoidOut,
)
from tests.support import consent

CLIENT = ("SANDBOXCLIENT0000000000000000001", "sandbox-secret-not-for-production")
BACK = "http://localhost:8000/integrations/xero/callback"
TODAY = date(2026, 10, 1)


def consented(sandbox, country="AU", user="mia", scopes=oauth.NEEDED_SCOPES):
    verifier = oauth.new_verifier()
    url = oauth.authorize_url(
        f"{sandbox}/xero/identity/connect/authorize", CLIENT[0], BACK, scopes, "state-1", verifier
    )
    answer = consent.allow(url, user, country)
    assert answer["state"] == "state-1"
    return oauth.exchange(f"{sandbox}/xero", *CLIENT, answer["code"], BACK, verifier)


@pytest.fixture
def tokens(sandbox):
    return consented(sandbox)


@pytest.fixture
def client(sandbox, tokens):
    (one,) = oauth.connections(f"{sandbox}/xero", tokens.access_token, tokens.auth_event_id)
    with XeroClient(f"{sandbox}/xero", tokens.access_token, one.tenant_id, timeout=(2, 5)) as made:
        yield made


def put(client, collection, *outs):
    body = payloads.batch_body(collection, [payloads.written(payloads.element(out)) for out in outs])
    return replies.results(client.write("PUT", collection, body, uuid4().hex), collection)


def sales(client):
    return next(one for one in replies.account_facts(client.accounts()) if one.takes_sales)


def bank(client):
    return next(one for one in replies.account_facts(client.accounts()) if one.takes_payments)


def customer(client, name="Lantern Foods"):
    (made,) = put(
        client, "Contacts", ContactOut(f"hoop-{uuid4().hex[:12]}", name, email="ap@lantern.example")
    )
    assert made.ok, made.messages
    return made.xero_id


def invoice(client, number, contact_id, *lines, **more):
    code = sales(client).code
    lines = lines or (LineOut("Care plan", Decimal(2), Decimal("150"), account_code=code, tax_type="OUTPUT"),)
    facts = {
        "number": number, "contact_id": contact_id, "date": TODAY, "due_date": TODAY + timedelta(14),
        "currency": "AUD", "lines": lines, "amounts": "Exclusive",
    }  # fmt: skip
    return InvoiceOut(**{**facts, **more})


def test_consent_names_the_person_the_scopes_and_one_organisation(sandbox, tokens):
    assert tokens.missing_scopes == frozenset()
    assert tokens.email == "mia@ledgerly.example"
    assert tokens.auth_event_id
    found = oauth.connections(f"{sandbox}/xero", tokens.access_token, tokens.auth_event_id)
    assert len(found) == 1
    assert found[0].tenant_type == "ORGANISATION"


def test_a_second_organisation_of_the_same_person_is_told_apart_by_its_consent(sandbox, tokens):
    again = consented(sandbox, "NZ")
    assert again.xero_user_id == tokens.xero_user_id
    everything = oauth.connections(f"{sandbox}/xero", again.access_token)
    (only,) = oauth.connections(f"{sandbox}/xero", again.access_token, again.auth_event_id)
    assert len(everything) == 2
    assert oauth.delete_connection(f"{sandbox}/xero", again.access_token, only.id)
    assert len(oauth.connections(f"{sandbox}/xero", again.access_token)) == 1
    assert not oauth.delete_connection(f"{sandbox}/xero", again.access_token, only.id)


def test_a_wrong_verifier_or_a_used_code_is_a_lost_grant(sandbox):
    url = oauth.authorize_url(
        f"{sandbox}/xero/identity/connect/authorize",
        CLIENT[0],
        BACK,
        oauth.NEEDED_SCOPES,
        "s",
        oauth.new_verifier(),
    )
    code = consent.allow(url, "mia", "AU")["code"]
    with pytest.raises(errors.GrantLost):
        oauth.exchange(f"{sandbox}/xero", *CLIENT, code, BACK, oauth.new_verifier())


def test_a_refresh_rotates_and_revoking_ends_it(sandbox, tokens):
    fresh = oauth.refresh(f"{sandbox}/xero", *CLIENT, tokens.refresh_token)
    assert fresh.refresh_token != tokens.refresh_token
    assert oauth.refresh(f"{sandbox}/xero", *CLIENT, tokens.refresh_token), "the grace of 30 minutes"
    with pytest.raises(errors.AppMisconfigured):
        oauth.refresh(f"{sandbox}/xero", CLIENT[0], "wrong", fresh.refresh_token)
    oauth.revoke(f"{sandbox}/xero", *CLIENT, fresh.refresh_token)
    with pytest.raises(errors.GrantLost):
        oauth.refresh(f"{sandbox}/xero", *CLIENT, fresh.refresh_token)


def test_reference_data_is_read_and_understood(client):
    organisation = replies.organisation_facts(client.organisation())
    assert (organisation.country, organisation.base_currency) == ("AU", "AUD")
    accounts = replies.account_facts(client.accounts())
    assert any(one.takes_sales for one in accounts)
    assert any(one.takes_payments and not one.code for one in accounts), "a bank account without a code"
    assert not any(one.takes_sales and one.system_account for one in accounts)
    rates = replies.tax_rate_facts(client.tax_rates())
    assert any(one.tax_type == "OUTPUT" and one.rate == 10 and one.applies_to_revenue for one in rates)
    assert "AUD" in {one["Code"] for one in client.currencies()}
    assert client.branding_themes()
    assert isinstance(client.tracking_categories(), list)
    assert client.actions()["CreateApprovedInvoice"]


def test_contact_invoice_and_payments_arrive_as_sent(client):
    contact_id, code = customer(client), sales(client).code
    lines = (
        LineOut("Plan", Decimal(2), Decimal("150.0000"), code, tax_type="OUTPUT", discount_rate=Decimal(10)),
        LineOut("Odd price", Decimal("3"), Decimal("33.3333"), code, tax_type="OUTPUT"),
    )
    (made,) = put(
        client, "Invoices", invoice(client, "1042", contact_id, *lines, url="https://portal.example/i/1")
    )
    assert (made.ok, made.number, made.status) == (True, "1042", "AUTHORISED"), made.messages
    assert made.total == Decimal("406.9999").quantize(Decimal("0.01"))
    mark = payloads.payment_mark(17)
    paid = PaymentOut(made.xero_id, bank(client).account_id, TODAY, Decimal("100.50"), f"1042 {mark}")
    (payment,) = put(client, "Payments", paid)
    assert payment.ok, payment.messages
    (read,) = client.invoices_numbered(["1042"]).data["Invoices"]
    assert read["LineItems"][1]["UnitAmount"] == Decimal("33.3333")
    (seen,) = replies.payments_in(read)
    assert (seen.payment_id, seen.amount, seen.date) == (payment.xero_id, Decimal("100.5"), TODAY)
    assert payloads.mark_in(seen.reference, mark)
    assert replies.payments_in(client.payments_of(made.xero_id).data)[0].payment_id == payment.xero_id
    assert client.invoices([made.xero_id]).data["Invoices"][0]["InvoiceNumber"] == "1042"


def test_a_batch_lands_element_by_element(client):
    contact_id = customer(client)
    put(client, "Invoices", invoice(client, "2", contact_id))
    bad_account = LineOut("x", Decimal(1), Decimal(1), account_code="nope")
    done = put(
        client, "Invoices", invoice(client, "1", contact_id), invoice(client, "2", contact_id),
        invoice(client, "3", contact_id, bad_account), invoice(client, "4", contact_id),
    )  # fmt: skip
    assert [one.ok for one in done] == [True, False, False, True]
    assert "unique" in done[1].messages[0]
    assert done[2].xero_id is None
    assert len(client.invoices_numbered(["1", "2", "3", "4"]).data["Invoices"]) == 3


def test_contacts_are_found_by_number_name_id_and_by_change(client):
    contact_id = customer(client, 'Lantern "Quay" Foods')
    (fact,) = replies.contact_facts(client.contacts([contact_id]).data["Contacts"])
    assert fact.name == 'Lantern "Quay" Foods'
    assert fact.contact_number is not None
    by_number = client.contacts_numbered([fact.contact_number, "hoop-nobody"]).data["Contacts"]
    assert [one["ContactID"] for one in by_number] == [contact_id]
    assert client.contacts_named(fact.name).data["Contacts"][0]["ContactID"] == contact_id
    recent = client.contacts_changed_since(datetime.now(UTC) - timedelta(minutes=5), 1).data["Contacts"]
    assert contact_id in {one["ContactID"] for one in recent}
    assert client.contacts_changed_since(datetime.now(UTC) + timedelta(minutes=5), 1).data["Contacts"] == []


def test_a_credit_note_is_made_and_set_against_its_invoice(client):
    contact_id = customer(client)
    (made,) = put(client, "Invoices", invoice(client, "77", contact_id))
    line = LineOut("Back", Decimal(1), Decimal(100), account_code=sales(client).code, tax_type="OUTPUT")
    (note,) = put(
        client, "CreditNotes", CreditNoteOut("CN-77", contact_id, TODAY, "AUD", (line,), "Exclusive")
    )
    assert (note.ok, note.total) == (True, 110), note.messages
    out = AllocationOut(note.xero_id, made.xero_id, Decimal(110), TODAY)
    method, path = payloads.route(out)
    client.write(
        method,
        path,
        payloads.batch_body("Allocations", [payloads.written(payloads.element(out))]),
        uuid4().hex,
    )
    (read,) = client.invoices_numbered(["77"]).data["Invoices"]
    assert (read["AmountDue"], read["AmountCredited"]) == (220, 110)


def test_an_invoice_is_voided_by_its_id(client):
    (made,) = put(client, "Invoices", invoice(client, "9", customer(client)))
    out = VoidOut(made.xero_id)
    method, path = payloads.route(out)
    reply = client.write(method, path, payloads.written(payloads.element(out)), uuid4().hex)
    assert replies.results(reply, "Invoices")[0].status == "VOIDED"


def test_the_same_letter_under_the_same_key_makes_one_payment_and_another_letter_is_refused(client):
    (made,) = put(client, "Invoices", invoice(client, "5", customer(client)))
    paid = PaymentOut(made.xero_id, bank(client).account_id, TODAY, Decimal(10), "H-AAAAAA")
    body = payloads.batch_body("Payments", [payloads.written(payloads.element(paid))])
    first = replies.results(client.write("PUT", "Payments", body, "key-5"), "Payments")[0]
    again = replies.results(client.write("PUT", "Payments", body, "key-5"), "Payments")[0]
    assert first.xero_id == again.xero_id
    with pytest.raises(errors.Rejected) as caught:
        client.write("PUT", "Payments", body.replace(b"10", b"11"), "key-5")
    assert caught.value.key_clash


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("lost_reply", errors.NoAnswer),
        ("refuse", errors.NoAnswer),
        ("500", errors.NoAnswer),
        ("garbled", errors.NoAnswer),
        ("truncated", errors.NoAnswer),
        ("503", errors.Busy),
        ("429-minute", errors.Busy),
        ("429-concurrent", errors.Busy),
        ("429-day", errors.DayLimitUsed),
        ("token-expired", errors.SignInExpired),
        ("403", errors.AccessDenied),
    ],
)
def test_every_fault_is_named_by_what_to_do_next(client, xero, kind, error):
    contact_id = customer(client)
    body = payloads.batch_body(
        "Invoices", [payloads.written(payloads.element(invoice(client, "31", contact_id)))]
    )
    xero.fault(kind, "Invoices", method="PUT")
    with pytest.raises(error) as caught:
        client.write("PUT", "Invoices", body, "key-31")
    if kind == "429-day":
        assert caught.value.retry_after
    xero.mend()
    reply = client.write("PUT", "Invoices", body, "key-31" if error is errors.NoAnswer else "key-32")
    assert replies.results(reply, "Invoices")[0].ok or kind == "500"
    assert len(client.invoices_numbered(["31"]).data["Invoices"]) <= 1


def test_a_removed_app_and_a_missing_scope_are_told_apart(sandbox, client, xero):
    narrow = consented(sandbox, "NZ", user="tom", scopes=("offline_access", "accounting.contacts"))
    assert "accounting.invoices" in narrow.missing_scopes
    (one,) = oauth.connections(f"{sandbox}/xero", narrow.access_token, narrow.auth_event_id)
    with XeroClient(f"{sandbox}/xero", narrow.access_token, one.tenant_id) as toms:
        assert toms.contacts_changed_since(None, 1).status == 200
        with pytest.raises(errors.ScopeMissing):
            toms.invoices_numbered(["1"])
    xero.remove_app(client.tenant_id)
    with pytest.raises(errors.AccessDenied):
        client.organisation()


def test_within_the_quota_xero_never_has_to_refuse(client, xero, valkey_url):
    client.organisation()
    quota = Quota(Redis.from_url(valkey_url))
    first = uuid4().hex
    assert quota.acquire(client.tenant_id, first).ok
    quota.release(client.tenant_id, first, client._get("Currencies").limits)

    def ask(number):
        token = f"t{number}"
        said = quota.acquire(client.tenant_id, token)
        while not said.ok and said.reason == "slots":
            time.sleep(0.01)
            said = quota.acquire(client.tenant_id, token)
        if not said.ok:
            return said.reason
        try:
            reply = client._get("Currencies")
        except errors.Busy as busy:
            quota.release(client.tenant_id, token, throttled=busy)
            return "429"
        quota.release(client.tenant_id, token, reply.limits)
        return "ok"

    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(ask, range(80)))
    assert "429" not in said
    assert said.count("ok") == 58, "all that is left after the two calls at the beginning"
    assert said.count("ok") + said.count("minute") == 80
    left = quota.left(client.tenant_id)
    assert (left.day_limit, left.day is not None and 4900 < left.day < 5000) == (5000, True)
