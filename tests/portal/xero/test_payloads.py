import json
from datetime import date
from decimal import Decimal

import pytest
import simplejson
from hypothesis import given
from hypothesis import strategies as st

from portal.xero import numbers, payloads
from portal.xero.payloads import (
    AddressOut,
    AllocationOut,
    ContactOut,
    CreditNoteOut,
    InvoiceOut,
    LineOut,
    NotExact,
    PaymentDeletionOut,
    PaymentOut,
    RefundOut,
    TrackingOut,
    VoidOut,
)

money = st.decimals(min_value=-(10**9), max_value=10**9, places=4, allow_nan=False)
LINE = LineOut("Care plan", Decimal(2), Decimal("150.00"), account_code="200", tax_type="OUTPUT")


def invoice(**more):
    facts = {
        "number": "1042", "contact_id": "c-1", "date": date(2026, 10, 1), "due_date": date(2026, 10, 15),
        "currency": "AUD", "lines": (LINE,), "amounts": "Exclusive",
    }  # fmt: skip
    return InvoiceOut(**{**facts, **more})


@given(money)
def test_every_amount_arrives_exactly_and_in_plain_form(amount):
    line = LineOut("x", Decimal(1), amount)
    body = payloads.batch_body("Invoices", [payloads.written(payloads.element(invoice(lines=(line,))))])
    sent = simplejson.loads(body, use_decimal=True)["Invoices"][0]["LineItems"][0]["UnitAmount"]
    assert Decimal(sent) == amount
    written = body.decode().split('"UnitAmount":')[1].split("}")[0]
    assert set(written) <= set("-0123456789.")


@given(st.integers(-(10**12), 10**12), st.integers(0, 6))
def test_equal_amounts_give_equal_bytes(whole, zeros):
    one, other = Decimal(whole), Decimal(f"{whole}.{'0' * zeros}") if zeros else Decimal(whole).normalize()
    assert numbers.dump({"a": one}) == numbers.dump({"a": other})


def test_the_same_batch_always_has_the_same_bytes():
    made = {
        payloads.batch_body("Invoices", [payloads.written(payloads.element(invoice()))] * 3) for _ in range(5)
    }
    assert len(made) == 1


def test_a_float_never_gets_into_a_letter():
    with pytest.raises(TypeError):
        payloads.written({"Amount": 0.1})
    with pytest.raises(ValueError, match="number"):
        payloads.written({"Amount": Decimal("NaN")})


def test_an_invoice_says_all_that_an_approval_needs():
    out = invoice(reference="October", url="https://portal.example/i/1", branding_theme_id="b-1")
    assert payloads.element(out) == {
        "Type": "ACCREC",
        "InvoiceNumber": "1042",
        "Contact": {"ContactID": "c-1"},
        "Date": "2026-10-01",
        "DueDate": "2026-10-15",
        "CurrencyCode": "AUD",
        "LineAmountTypes": "Exclusive",
        "Status": "AUTHORISED",
        "Reference": "October",
        "Url": "https://portal.example/i/1",
        "BrandingThemeID": "b-1",
        "LineItems": [
            {
                "Description": "Care plan",
                "Quantity": Decimal(2),
                "UnitAmount": Decimal(150),
                "AccountCode": "200",
                "TaxType": "OUTPUT",
            }
        ],
    }
    assert payloads.route(out) == ("PUT", "Invoices")


def test_a_line_never_sends_its_sum_or_its_tax():
    line = LineOut(
        "x", Decimal(1), Decimal(1), account_id="a-1", discount_rate=Decimal("10"), line_item_id="l-1",
        tracking=(TrackingOut("t-1", "o-1"),),
    )  # fmt: skip
    sent = payloads.element(invoice(lines=(line,)))["LineItems"][0]
    assert not {"LineAmount", "TaxAmount"} & set(sent)
    assert sent["AccountID"] == "a-1"
    assert sent["DiscountRate"] == 10
    assert sent["LineItemID"] == "l-1"
    assert sent["Tracking"] == [{"TrackingCategoryID": "t-1", "TrackingOptionID": "o-1"}]


@pytest.mark.parametrize(
    "line",
    [
        LineOut("x", Decimal("1.00001"), Decimal(1)),
        LineOut("x", Decimal(1), Decimal("0.12345")),
        LineOut("x", Decimal(1), Decimal(1), discount_amount=Decimal("0.123")),
    ],
)
def test_what_xero_would_round_is_not_sent(line):
    with pytest.raises(NotExact):
        payloads.element(invoice(lines=(line,)))


def test_a_payment_to_a_thousandth_is_not_sent():
    with pytest.raises(NotExact):
        payloads.element(PaymentOut("i", "a", date(2026, 1, 1), Decimal("1.001"), "r"))


def test_one_kind_of_discount_a_line():
    line = LineOut("x", Decimal(1), Decimal(1), discount_rate=Decimal(1), discount_amount=Decimal(1))
    with pytest.raises(ValueError, match="discount"):
        payloads.element(invoice(lines=(line,)))
    rebated = LineOut("x", Decimal(1), Decimal(1), discount_rate=Decimal(1))
    note = CreditNoteOut("CN1", "c", date(2026, 1, 1), "AUD", (rebated,), "Exclusive")
    with pytest.raises(ValueError, match="discount"):
        payloads.element(note)


def test_changing_goes_by_xeros_id_and_creating_never_overwrites():
    assert payloads.route(invoice(invoice_id="i-9")) == ("POST", "Invoices/i-9")
    assert payloads.element(invoice(invoice_id="i-9"))["InvoiceID"] == "i-9"
    assert payloads.route(VoidOut("i-9")) == ("POST", "Invoices/i-9")
    assert payloads.element(VoidOut("i-9")) == {"InvoiceID": "i-9", "Status": "VOIDED"}
    assert payloads.route(PaymentDeletionOut("p-1")) == ("POST", "Payments/p-1")
    assert payloads.element(PaymentDeletionOut("p-1")) == {"Status": "DELETED"}
    assert payloads.route(ContactOut("n", "N")) == ("PUT", "Contacts")
    assert (
        payloads.route(AllocationOut("n-1", "i-1", Decimal(1), date(2026, 1, 1)))[1]
        == "CreditNotes/n-1/Allocations"
    )


def test_money_names_its_account_and_document():
    paid = payloads.element(PaymentOut("i-1", "a-1", date(2026, 10, 6), Decimal("238.50"), "1042 H-7K3Q9P"))
    assert paid == {
        "Invoice": {"InvoiceID": "i-1"},
        "Account": {"AccountID": "a-1"},
        "Date": "2026-10-06",
        "Amount": Decimal("238.5"),
        "Reference": "1042 H-7K3Q9P",
    }
    back = payloads.element(RefundOut("n-1", "a-1", date(2026, 10, 6), Decimal(5), "r"))
    assert back["CreditNote"] == {"CreditNoteID": "n-1"}
    assert "Invoice" not in back


def test_a_contact_is_said_in_xeros_words_without_what_xero_refuses():
    out = ContactOut(
        "hoop-c1", "  Lantern  <Foods> ", email="müller@x.example", phone="+61 400",
        address=AddressOut("8 Lantern Rd", city="Brisbane", postal_code="4000", country="AU"),
    )  # fmt: skip
    said = payloads.element(out)
    assert said["Name"] == "Lantern Foods"
    assert "EmailAddress" not in said
    assert said["Phones"] == [{"PhoneType": "DEFAULT", "PhoneNumber": "+61 400"}]
    assert said["Addresses"][0]["AddressType"] == "POBOX"
    assert "AddressLine2" not in said["Addresses"][0]


@given(st.text(max_size=600))
def test_a_cleaned_name_is_always_acceptable_and_cleaning_again_changes_nothing(text):
    name = payloads.contact_name(text)
    assert len(name) <= 255
    assert not set("<>\r\n\t") & set(name)
    assert "  " not in name
    assert name == name.strip() == payloads.contact_name(name)


@given(st.text(max_size=6000))
def test_whatever_a_line_is_called_its_description_fits(text):
    sent = payloads.element(invoice(lines=(LineOut(text, Decimal(1), Decimal(1)),)))["LineItems"][0]
    assert len(sent.get("Description", "")) <= 4000


def test_batches_stay_below_the_limits():
    small = [payloads.written({"Name": "x"})] * 60
    assert payloads.fitting(small) == 50
    with pytest.raises(ValueError, match="elements"):
        payloads.batch_body("Contacts", small)
    with pytest.raises(ValueError, match="elements"):
        payloads.batch_body("Contacts", [])
    large = [payloads.written({"Name": "x" * 100_000})] * 50
    count = payloads.fitting(large)
    assert 25 <= count < 31
    assert len(payloads.batch_body("Contacts", large[:count])) <= payloads.MAX_BYTES
    with pytest.raises(ValueError, match="bytes"):
        payloads.batch_body("Contacts", large)


@pytest.mark.parametrize(
    ("number", "fine"),
    [
        ("1042", True),
        ("INV #7/a", True),
        ("", False),
        (" 1", False),
        ("Nº 7", False),
        ("a\nb", False),
        ("x" * 256, False),
    ],
)
def test_a_number_xero_would_not_keep_is_told(number, fine):
    assert (payloads.invoice_number_problem(number) is None) is fine


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://portal.example/i/1", True),
        ("https://portal.example/xero/1", False),
        ("/i/1", False),
        ("javascript:alert(1)", False),
        (None, False),
    ],
)
def test_a_link_xero_would_refuse_is_left_out(url, kept):
    assert (payloads.link_back(url) is not None) is kept


def test_marks_are_short_readable_and_never_the_same():
    marks = {payloads.payment_mark(number) for number in range(20_000)}
    assert len(marks) == 20_000
    assert all(len(mark) == 8 and mark.startswith("H-") for mark in marks)
    assert not any(set("ILOU") & set(mark[2:]) for mark in marks)
    assert payloads.payment_mark(2**30) not in marks


@given(st.integers(0, 2**40), st.integers(0, 2**40))
def test_two_pushes_have_two_marks(one, other):
    assert (payloads.payment_mark(one) == payloads.payment_mark(other)) is (one == other)


@given(st.integers(0, 2**40), st.text(max_size=40), st.text(max_size=40))
def test_a_mark_is_found_as_a_word_of_its_own(number, before, after):
    mark = payloads.payment_mark(number)
    assert payloads.mark_in(f"{before} {mark} {after}", mark)
    assert payloads.mark_in(mark.lower(), mark)
    assert not payloads.mark_in(f"{mark}0", mark)
    assert not payloads.mark_in(f"A{mark}", mark)
    assert not payloads.mark_in(None, mark)


def test_letters_are_valid_json_in_utf8():
    body = payloads.written({"Name": "Zoë – 東京"})
    assert json.loads(body) == {"Name": "Zoë – 東京"}
