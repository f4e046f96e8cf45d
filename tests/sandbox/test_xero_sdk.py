"""The stand-in Xero driven by Xero's own Python SDK: it must speak the wire format that SDK reads and writes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.sandbox.xero_world import ALL_SCOPES, APP, World, fresh, xero_world

pytest.importorskip("xero_python")

from xero_python.accounting import (
    AccountingApi,
    Allocation,
    Allocations,
    BankTransaction,
    BankTransactions,
    Contact,
    Contacts,
    CreditNote,
    CreditNotes,
    HistoryRecord,
    HistoryRecords,
    Invoice,
    Invoices,
    LineAmountTypes,
    LineItem,
    Payment,
    PaymentDelete,
    Payments,
)
from xero_python.api_client import ApiClient
from xero_python.api_client.configuration import Configuration
from xero_python.api_client.oauth2 import OAuth2Token, TokenApi
from xero_python.exceptions import (
    AccountingBadRequestException,
    ApiException,
    HTTPStatusException,
    OAuth2InvalidGrantError,
    RateLimitException,
)
from xero_python.identity import IdentityApi


@pytest.fixture(scope="module")
def running() -> Iterator[World]:
    with xero_world() as made:
        yield made


@pytest.fixture
def world(running: World, monkeypatch: pytest.MonkeyPatch) -> World:
    for name in ("refresh_token_url", "client_credentials_token_url"):
        monkeypatch.setattr(TokenApi, name, f"{running.url}/connect/token")
    monkeypatch.setattr(TokenApi, "revoke_token_url", f"{running.url}/connect/revocation")
    return fresh(running)


class Caller:
    """The SDK's client with its token kept here."""

    def __init__(self, world: World) -> None:
        self.tenant = world.tenant
        self.token: dict[str, Any] = {
            "access_token": world.token,
            "refresh_token": world.refresh_token,
            "expires_in": 1800,
            "expires_at": time.time() + 1800,
            "scope": ALL_SCOPES.split(),
            "token_type": "Bearer",
        }
        settings = Configuration(oauth2_token=OAuth2Token(client_id=APP[0], client_secret=APP[1]))
        self.client = ApiClient(
            settings, oauth2_token_getter=lambda: self.token, oauth2_token_saver=self._save, pool_threads=1
        )
        self.accounting = AccountingApi(self.client, base_url=f"{world.url}/api.xro/2.0")
        self.identity = IdentityApi(self.client, base_url=world.url)

    def _save(self, token: dict[str, Any]) -> None:
        self.token = token


@pytest.fixture
def caller(world: World) -> Caller:
    return Caller(world)


def invoice(contact_id: str, number: str, account: str = "200") -> Invoice:
    rows = [LineItem(description="Design", quantity=2.0, unit_amount=50.25, account_code=account)]
    return Invoice(
        type="ACCREC",
        contact=Contact(contact_id=contact_id),
        line_items=rows,
        date=date(2026, 11, 20),
        due_date=date(2026, 12, 20),
        line_amount_types=LineAmountTypes.EXCLUSIVE,
        invoice_number=number,
        status="AUTHORISED",
    )


def contact(caller: Caller, name: str = "Acme") -> str:
    made = caller.accounting.create_contacts(
        caller.tenant, Contacts(contacts=[Contact(name=name, contact_number=name)])
    )
    return str(made.contacts[0].contact_id)


def test_the_sdk_refreshes_an_old_token_by_itself(caller: Caller) -> None:
    first = dict(caller.token)
    caller.token["expires_at"] = time.time() - 10
    rows = caller.identity.get_connections()
    assert [row.tenant_name for row in rows] == ["Harbour Studio Pty Ltd"]
    assert caller.token["access_token"] != first["access_token"]
    assert caller.token["refresh_token"] != first["refresh_token"]


def test_a_dead_refresh_token_is_the_sdks_invalid_grant(caller: Caller) -> None:
    caller.token |= {"refresh_token": "long gone", "expires_at": time.time() - 10}
    with pytest.raises(OAuth2InvalidGrantError):
        caller.identity.get_connections()


def test_connections_are_listed_and_deleted(caller: Caller) -> None:
    row = caller.identity.get_connections()[0]
    assert str(row.tenant_id) == caller.tenant
    assert row.tenant_type == "ORGANISATION"
    assert isinstance(row.created_date_utc, datetime)
    caller.identity.delete_connection(row.id)
    assert caller.identity.get_connections() == []
    with pytest.raises(HTTPStatusException) as refused:
        caller.accounting.get_organisations(caller.tenant)
    assert refused.value.status == 403


def test_the_sdk_reads_the_reference_data(caller: Caller) -> None:
    api, tenant = caller.accounting, caller.tenant
    organisation = api.get_organisations(tenant).organisations[0]
    assert (organisation.name, organisation.base_currency.value) == ("Harbour Studio Pty Ltd", "AUD")
    accounts = api.get_accounts(tenant, where='Status=="ACTIVE" AND Type=="BANK"').accounts
    assert len(accounts) == 4
    rates = {one.tax_type: one for one in api.get_tax_rates(tenant).tax_rates}
    assert rates["OUTPUT"].effective_rate == 10
    assert rates["OUTPUT"].can_apply_to_revenue is True
    assert [one.code.value for one in api.get_currencies(tenant).currencies] == ["AUD", "USD", "NZD"]
    assert api.get_branding_themes(tenant).branding_themes[0].name == "Standard"
    assert len(api.get_tracking_categories(tenant).tracking_categories[0].options) == 2
    assert api.get_organisation_actions(tenant).actions[0].status == "ALLOWED"


@pytest.mark.parametrize("key", ["au", "nz", "uk"])
def test_every_account_and_tax_rate_is_one_the_sdk_knows(world: World, key: str) -> None:
    world.grant(key)
    caller = Caller(world)
    assert len(caller.accounting.get_accounts(caller.tenant).accounts) >= 25
    assert len(caller.accounting.get_tax_rates(caller.tenant).tax_rates) >= 6
    assert caller.accounting.get_organisations(caller.tenant).organisations[0].tax_number


def test_a_full_minute_is_the_sdks_rate_limit_exception(caller: Caller, world: World) -> None:
    world.control("limits", {"concurrent": 0})
    caller.client.rest_client.pool_manager.connection_pool_kw["retries"] = False
    with pytest.raises(RateLimitException) as refused:
        caller.accounting.get_currencies(caller.tenant)
    assert refused.value.rate_limit == "concurrent"


def test_the_sdk_makes_a_batch_and_reads_every_element(caller: Caller) -> None:
    who = contact(caller)
    rows = Invoices(invoices=[invoice(who, "H-1"), invoice(who, "H-2", "999"), invoice(who, "H-3")])
    made = caller.accounting.create_invoices(
        caller.tenant, rows, summarize_errors=False, unitdp=4, idempotency_key="sdk-1"
    ).invoices
    assert [one.status_attribute_string for one in made] == ["OK", "ERROR", "OK"]
    assert made[0].total == Decimal("110.55")
    assert made[0].date == date(2026, 11, 20)
    assert made[1].validation_errors[0].message == "Account code '999' is not a valid code for this document."
    assert made[1].has_errors is True


def test_a_summarised_error_is_the_sdks_own_exception(caller: Caller) -> None:
    rows = Invoices(invoices=[invoice(contact(caller), "H-1", "999")])
    with pytest.raises(AccountingBadRequestException) as refused:
        caller.accounting.create_invoices(caller.tenant, rows, summarize_errors=True)
    said = refused.value.error_data
    assert (said["ErrorNumber"], said["Type"]) == (10, "ValidationException")
    assert refused.value.reason == "Account code '999' is not a valid code for this document."


def test_the_sdk_reads_lists_with_every_parameter(caller: Caller) -> None:
    who = contact(caller)
    caller.accounting.create_invoices(
        caller.tenant, Invoices(invoices=[invoice(who, f"H-{n}") for n in range(5)])
    )
    found = caller.accounting.get_invoices(
        caller.tenant,
        if_modified_since=datetime(2026, 1, 1, tzinfo=UTC),
        where='Type=="ACCREC" AND Date>=DateTime(2026,11,01)',
        order="InvoiceNumber DESC",
        statuses=["AUTHORISED"],
        contact_i_ds=[who],
        page=1,
        page_size=3,
    )
    assert [one.invoice_number for one in found.invoices] == ["H-4", "H-3", "H-2"]
    assert found.invoices[0].line_items[0].line_amount == Decimal("100.50")
    assert (found.pagination.item_count, found.pagination.page_count) == (5, 2)
    later = datetime.now(UTC) + timedelta(days=1)
    assert caller.accounting.get_invoices(caller.tenant, if_modified_since=later).invoices == []
    named = caller.accounting.get_invoices(caller.tenant, invoice_numbers=["H-0", "H-3"]).invoices
    assert sorted(one.invoice_number for one in named) == ["H-0", "H-3"]


def test_the_sdk_pays_reads_and_removes_a_payment(caller: Caller) -> None:
    api, tenant = caller.accounting, caller.tenant
    made = api.create_invoices(tenant, Invoices(invoices=[invoice(contact(caller), "H-1")])).invoices[0]
    account = api.get_accounts(tenant, where='Code=="855"').accounts[0]
    wish = Payment(
        invoice=Invoice(invoice_id=made.invoice_id),
        account=account.__class__(account_id=account.account_id),
        date=date(2026, 11, 21),
        amount=110.55,
        reference="hp-1",
    )
    done = api.create_payments(tenant, Payments(payments=[wish]), idempotency_key="pay-1").payments[0]
    assert (done.payment_type, done.amount) == ("ACCRECPAYMENT", Decimal("110.55"))
    shown = api.get_invoice(tenant, made.invoice_id).invoices[0]
    assert (shown.status, shown.amount_due) == ("PAID", 0)
    assert shown.fully_paid_on_date == date(2026, 11, 21)
    found = api.get_payments(tenant, where=f'Invoice.InvoiceID==guid("{made.invoice_id}")').payments
    assert [one.reference for one in found] == ["hp-1"]
    gone = api.delete_payment(tenant, done.payment_id, PaymentDelete(status="DELETED")).payments[0]
    assert gone.status == "DELETED"
    with pytest.raises(AccountingBadRequestException) as refused:
        api.delete_payment(tenant, done.payment_id, PaymentDelete(status="DELETED"))
    assert "Payment not of valid status for modification" in refused.value.reason


def test_the_sdk_edits_and_voids_an_invoice_and_notes_its_history(caller: Caller) -> None:
    api, tenant = caller.accounting, caller.tenant
    made = api.create_invoices(tenant, Invoices(invoices=[invoice(contact(caller), "H-1")])).invoices[0]
    edited = api.update_invoice(
        tenant, made.invoice_id, Invoices(invoices=[Invoice(reference="changed")])
    ).invoices[0]
    assert (edited.reference, edited.total) == ("changed", Decimal("110.55"))
    note = HistoryRecords(history_records=[HistoryRecord(details="Made by the portal")])
    assert api.create_invoice_history(tenant, made.invoice_id, note).history_records[0].details
    changes = [one.changes for one in api.get_invoice_history(tenant, made.invoice_id).history_records]
    assert changes == ["Note", "Edited", "Approved"]
    voided = api.update_invoice(
        tenant, made.invoice_id, Invoices(invoices=[Invoice(status="VOIDED")])
    ).invoices[0]
    assert voided.status == "VOIDED"


def test_the_sdk_updates_contacts_and_sees_a_taken_name_as_its_exception(caller: Caller) -> None:
    api, tenant = caller.accounting, caller.tenant
    who = contact(caller)
    wish = Contacts(contacts=[Contact(contact_id=who, email_address="jo@acme.example")])
    assert api.update_or_create_contacts(tenant, wish).contacts[0].name == "Acme"
    assert api.get_contact(tenant, who).contacts[0].email_address == "jo@acme.example"
    with pytest.raises(AccountingBadRequestException) as refused:
        api.create_contacts(tenant, Contacts(contacts=[Contact(name="ACME")]))
    assert "is already assigned to another contact" in refused.value.reason


def test_the_sdk_allocates_a_credit_note(caller: Caller) -> None:
    api, tenant = caller.accounting, caller.tenant
    who = contact(caller)
    made = api.create_invoices(tenant, Invoices(invoices=[invoice(who, "H-1")])).invoices[0]
    wish = CreditNote(
        type="ACCRECCREDIT",
        contact=Contact(contact_id=who),
        date=date(2026, 11, 21),
        status="AUTHORISED",
        line_items=[LineItem(description="Back", quantity=1.0, unit_amount=10.0, account_code="200")],
    )
    credit = api.create_credit_notes(tenant, CreditNotes(credit_notes=[wish])).credit_notes[0]
    assert credit.remaining_credit == 11
    part = Allocation(amount=11.0, date=date(2026, 11, 22), invoice=Invoice(invoice_id=made.invoice_id))
    done = api.create_credit_note_allocation(
        tenant, credit.credit_note_id, Allocations(allocations=[part])
    ).allocations[0]
    assert done.amount == 11
    assert api.get_invoice(tenant, made.invoice_id).invoices[0].amount_credited == 11
    assert api.get_credit_note(tenant, credit.credit_note_id).credit_notes[0].status == "PAID"


def test_the_sdk_makes_and_reads_an_overpayment(caller: Caller) -> None:
    api, tenant = caller.accounting, caller.tenant
    accounts = api.get_accounts(tenant).accounts
    bank = next(
        each for each in accounts if str(each.type).endswith("BANK") and str(each.status).endswith("ACTIVE")
    )
    (payer,) = api.create_contacts(tenant, Contacts(contacts=[Contact(name="Sdk Surplus")])).contacts
    wish = BankTransaction(
        type="RECEIVE-OVERPAYMENT", contact=Contact(contact_id=payer.contact_id), bank_account=bank,
        date=date(2026, 11, 20), reference="sdk surplus", line_amount_types=LineAmountTypes.NOTAX,
        line_items=[LineItem(description="Too much", quantity=Decimal(1), unit_amount=Decimal("50.25"))],
    )  # fmt: skip
    (made,) = api.create_bank_transactions(
        tenant, BankTransactions(bank_transactions=[wish])
    ).bank_transactions
    assert (made.type, Decimal(str(made.total))) == ("RECEIVE-OVERPAYMENT", Decimal("50.25"))
    (kept,) = api.get_overpayment(tenant, made.overpayment_id).overpayments
    assert (kept.reference, kept.date) == ("sdk surplus", date(2026, 11, 20))
    assert Decimal(str(kept.remaining_credit)) == Decimal("50.25")


def test_a_missing_document_is_the_sdks_404(caller: Caller) -> None:
    with pytest.raises(ApiException) as missing:
        caller.accounting.get_invoice(caller.tenant, "d4ad8fd6-5c72-4924-91b1-07f1472eb4c3")
    assert missing.value.status == 404


def test_an_expired_access_token_is_the_sdks_401(caller: Caller, world: World) -> None:
    world.control("clock", {"advance": 1801})
    with pytest.raises(HTTPStatusException) as refused:
        caller.accounting.get_organisations(caller.tenant)
    assert refused.value.status == 401
    assert "TokenExpired" in str(refused.value.body)
