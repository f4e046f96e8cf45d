import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.hoopai import invoices, people, reading, transactions
from portal.hoopai.invoices import BadInvoice, DiscountSaid, Reader, TaxSaid, mention, said
from tests.portal.hoopai.builders import invoice


def heard(event=None, **changes):
    return said(reading.load(json.dumps(invoice(**changes)).encode()), event)


def test_an_invoice_is_read_as_it_was_told():
    one = heard()
    assert (one.hoop_id, one.number, one.status, one.live_mode) == (
        "66a0000000000000000000f1", "2041", "partially_paid", True,
    )  # fmt: skip
    assert (one.currency, one.total, one.amount_paid, one.amount_due) == (
        "NZD", Decimal("290.5"), Decimal(100), Decimal("190.5"),
    )  # fmt: skip
    assert (one.issue_date, one.due_date) == (date(2026, 11, 2), date(2026, 11, 16))
    assert one.discount == DiscountSaid("percentage", Decimal(10), ())
    assert one.updated_at == datetime(2026, 11, 3, 2, 3, 4, 567000, tzinfo=UTC)
    first, second = one.lines
    assert first.taxes == (TaxSaid("tx15", "GST", Decimal(15), "exclusive"),)
    assert (first.product_id, first.quantity, first.amount, first.tax_inclusive) == ("p1", 1, 200, None)
    assert (second.product_id, second.quantity, second.amount) == (None, Decimal("2.5"), Decimal("37.2"))
    assert one.contact is not None
    assert one.contact.address is not None
    assert (one.contact.hoop_id, one.contact.company_name, one.contact.address.country) == (
        "conTest1", "Kauri Ltd", "NZ",
    )  # fmt: skip
    assert not one.reduced


@given(st.decimals(min_value=0, max_value=10**11, places=4, allow_nan=False))
def test_amounts_are_exact_as_numbers_and_in_quotes(amount):
    for written in (f"{amount:f}", f'"{amount:f}"'):
        body = json.dumps(invoice(total="TOTAL")).replace('"TOTAL"', written)
        assert said(reading.load(body.encode())).total == amount


@given(st.integers(0, 10**9))
def test_dust_of_binary_sums_is_swept_away(cents):
    exact = Decimal(cents) / 100
    computed = cents / 100 + 0.1 + 0.2 - 0.3
    told = reading.load(json.dumps(invoice(total=computed)).encode())
    assert said(told).total == exact


def test_a_number_may_come_as_a_number_and_a_prefix_apart():
    assert heard(invoiceNumber=19).number == "19"
    assert heard(invoiceNumber="19", invoiceNumberPrefix="INV-").number == "INV-19"
    assert heard(invoiceNumber="INV-19", invoiceNumberPrefix="INV-").number == "INV-19"
    assert heard(invoiceNumber=None).number is None


def test_what_may_be_missing_may_be_missing():
    one = heard(
        contactDetails=None, discount=None, totalSummary=None, createdAt=None, updatedAt=None, dueDate=None,
        issueDate=None, title=None, name=None, liveMode=None, amountDue=None, amountPaid=None,
    )  # fmt: skip
    assert (one.contact, one.discount, one.updated_at, one.due_date) == (None,) * 4
    assert one.live_mode
    assert (one.amount_paid, one.amount_due) == (0, Decimal("290.5"))
    assert heard(status="paid", amountPaid=None, amountDue=None).amount_paid == Decimal("290.5")


def test_a_message_without_lines_is_marked_as_reduced():
    one = heard(invoiceItems=None, status="void")
    assert (one.reduced, one.lines, one.status) == (True, (), "void")
    assert not heard(invoiceItems=[]).reduced


def test_void_and_delete_work_from_the_id_alone():
    assert mention({"_id": "x1"}, "InvoiceVoid").status == "void"
    assert mention({"_id": "x1"}, "InvoiceDelete").status == "delete"
    assert mention({"_id": "x1", "status": "void"}, "InvoiceDelete").status == "delete"
    assert mention({"_id": "x1"}).status is None
    with pytest.raises(BadInvoice):
        mention({}, "InvoiceVoid")


@pytest.mark.parametrize(
    ("changes", "inclusive"),
    [
        ({"taxInclusive": True}, True),
        ({"taxInclusive": False}, False),
        ({"taxes": [{"_id": "t", "name": "GST", "rate": 15, "calculation": "Inclusive"}]}, True),
        ({}, None),
    ],
)
def test_whether_tax_is_inside_is_told_or_unknown(changes, inclusive):
    line = {"name": "x", "qty": 1, "amount": 10, **changes}
    assert heard(invoiceItems=[line]).lines[0].tax_inclusive is inclusive


def test_a_tax_without_an_id_is_known_by_name_and_rate():
    line = {"name": "x", "qty": 1, "amount": 10, "taxes": [{"name": "State", "rate": "8.8750"}]}
    assert heard(invoiceItems=[line]).lines[0].taxes[0].key == "State@8.875"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"_id": None}, "_id"),
        ({"_id": {"$oid": "1"}}, "_id"),
        ({"total": None}, "total"),
        ({"total": "a lot"}, "total"),
        ({"total": True}, "total"),
        ({"total": [1]}, "total"),
        ({"total": "NaN"}, "total"),
        ({"total": "Infinity"}, "total"),
        ({"total": "1e400"}, "total"),
        ({"total": 10**12}, "total"),
        ({"total": 1.23456}, "total"),
        ({"amountPaid": "x"}, "amountPaid"),
        ({"currency": None}, "currency"),
        ({"currency": "dollars"}, "currency"),
        ({"status": None}, "status"),
        ({"status": "overdue-ish"}, "status"),
        ({"issueDate": "02/11/2026"}, "issueDate"),
        ({"issueDate": "2026-02-30"}, "issueDate"),
        ({"updatedAt": "yesterday"}, "updatedAt"),
        ({"liveMode": "maybe"}, "liveMode"),
        ({"discount": {"type": "percentage", "value": 101}}, "discount"),
        ({"discount": {"type": "bogus", "value": 1}}, "discount"),
        ({"invoiceItems": "none"}, "invoiceItems"),
        ({"invoiceItems": [1]}, "invoiceItems"),
        ({"invoiceItems": [{"name": "x", "qty": 1}]}, "invoiceItems[0].amount"),
        ({"invoiceItems": [{"amount": 1, "qty": "two"}]}, "invoiceItems[0].qty"),
        ({"invoiceItems": [{"amount": 1, "taxes": [{"rate": 400}]}]}, "invoiceItems[0].taxes.rate"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_name(changes, field):
    with pytest.raises(BadInvoice) as caught:
        heard(**changes)
    assert caught.value.field == field
    assert "a lot" not in str(caught.value)


def test_days_are_taken_as_written():
    assert heard(issueDate="2026-11-02T23:30:00.000-08:00").issue_date == date(2026, 11, 2)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.text(max_size=6)
    | st.decimals(allow_nan=True, allow_infinity=True),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@given(st.sampled_from(sorted(invoice())), _JSON)
def test_whatever_stands_in_one_field_the_reader_answers_or_refuses(field, value):
    told = invoice() | {field: value}
    try:
        one = said(told)
    except BadInvoice:
        return
    assert one.total.is_finite()
    assert all(line.amount.is_finite() and line.quantity.is_finite() for line in one.lines)


def test_a_contact_event_is_read():
    one = people.said(
        {"id": "c1", "firstName": "Tui", "lastName": "Rangi", "email": "t@k.example", "phone": "+64",
         "address1": "1 Bay St",
         "country": "NZ", "companyName": None}
    )  # fmt: skip
    assert (one.hoop_id, one.name, one.first_name, one.phone, one.company_name) == (
        "c1",
        "Tui Rangi",
        "Tui",
        "+64",
        None,
    )
    assert one.address is not None
    assert one.address.line1 == "1 Bay St"
    with pytest.raises(reading.BadValue):
        people.said({"name": "x"})


def transaction(**changes):
    told = {
        "_id": "t1", "status": "succeeded", "amount": 100, "amountRefunded": 0, "currency": "nzd", "liveMode": True,
        "entityType": "invoice", "entityId": "i1", "entitySourceType": "invoice", "paymentProviderType": "Stripe",
        "createdAt": "2026-11-03T00:00:00Z", "fulfilledAt": "2026-11-03T01:00:00Z", "invoiceId": "in_foreign",
    }  # fmt: skip
    return transactions.said(reading.load(json.dumps({**told, **changes}).encode()))


def test_a_transaction_names_our_invoice_and_not_the_gateways():
    one = transaction()
    assert (one.invoice_id, one.method, one.currency, one.succeeded) == ("i1", "stripe", "NZD", True)
    assert one.charged_at == datetime(2026, 11, 3, 1, tzinfo=UTC)
    assert transaction(entityType="order", entitySourceType="funnel").invoice_id is None


def test_manual_money_and_refunds_are_recognised():
    assert transaction(paymentProviderType="manual").method == "manual"
    assert transaction(entitySourceType="manual", paymentProviderType=None).method == "manual"
    back = transaction(status="Partially refunded", amountRefunded="30.25")
    assert (back.status, back.amount_refunded, back.succeeded) == (
        "partially_refunded",
        Decimal("30.25"),
        True,
    )
    assert not transaction(status="failed").succeeded
    with pytest.raises(reading.BadValue):
        transaction(_id=None)


NAMES = sorted(invoice())


@given(
    st.lists(
        st.tuples(st.sampled_from(NAMES), st.sampled_from([None, "", "7", 7, 7.0, 1, "paid", [], {}, True]))
    )
)
def test_a_reader_who_remembers_reads_what_one_who_does_not_reads(changes):
    reader, told = Reader(), invoice()
    for name, value in [
        ("name", "First"),
        ("updatedAt", "no time"),
        ("updatedAt", None),
        *changes,
        ("status", "paid"),
        ("title", "Last"),
    ]:
        told = told | {name: value}
        payload = reading.load(json.dumps(told).encode())
        assert outcome(reader.said, payload) == outcome(said, payload)


def test_a_reader_compares_all_that_is_read():
    asked = set()

    class Asked(dict):
        def get(self, name, *rest):
            asked.add(name)
            return super().get(name, *rest)

    said(Asked(reading.load(json.dumps(invoice(_id=None, id="one")).encode())))
    assert asked == {*invoices._PARTS, "status", "amountPaid", "amountDue", "updatedAt"}


def outcome(read, payload):
    try:
        return read(payload)
    except BadInvoice as bad:
        return str(bad)
