from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.xero import links, messages, numbers, replies
from portal.xero.client import Reply
from portal.xero.left import LimitsLeft
from portal.xero.message_table import ROWS


def reply(text):
    return Reply(200, numbers.load(text.encode()), text.encode(), {}, 1, None, LimitsLeft())


def test_each_element_answers_for_itself():
    said = reply(
        """{"Invoices":[
        {"StatusAttributeString":"OK","InvoiceID":"i-1","InvoiceNumber":"1","Status":"AUTHORISED","Total":115.10},
        {"StatusAttributeString":"ERROR","HasErrors":true,"InvoiceID":"00000000-0000-0000-0000-000000000000","InvoiceNumber":"2","Total":"7.00",
         "ValidationErrors":[{"Message":"Invoice # must be unique."}],
         "Contact":{"ValidationErrors":[{"Message":"Email address must be valid"}]},
         "LineItems":[{"ValidationErrors":[{"Message":"Invoice # must be unique."}]}]},
        {"StatusAttributeString":"WARNING","InvoiceID":"i-3","InvoiceNumber":"3",
         "Warnings":[{"Message":"Rate ignored"}]}
        ]}"""
    )
    ok, bad, warned = replies.results(said, "Invoices")
    assert (ok.ok, ok.xero_id, ok.number, ok.status, ok.total) == (
        True,
        "i-1",
        "1",
        "AUTHORISED",
        Decimal("115.10"),
    )
    assert (bad.ok, bad.xero_id, bad.number, bad.total) == (False, None, "2", Decimal("7.00"))
    assert bad.messages == ("Invoice # must be unique.", "Email address must be valid")
    assert (warned.ok, warned.warnings) == (True, ("Rate ignored",))
    assert [one.position for one in (ok, bad, warned)] == [0, 1, 2]


def test_contacts_and_payments_are_named_by_their_own_keys():
    contact = reply('{"Contacts":[{"ContactID":"c","ContactNumber":"hoop-1","ContactStatus":"ACTIVE"}]}')
    assert (
        replies.results(contact, "Contacts")[0].number,
        replies.results(contact, "Contacts")[0].status,
    ) == (
        "hoop-1",
        "ACTIVE",
    )
    paid = reply(
        '{"Payments":[{"PaymentID":"p","Reference":"H-7K3Q9P","Amount":10.5,"HasValidationErrors":true}]}'
    )
    one = replies.results(paid, "Payments")[0]
    assert (one.ok, one.number, one.total) == (False, "H-7K3Q9P", Decimal("10.5"))


def test_an_answer_without_the_list_has_no_results():
    assert replies.results(reply("{}"), "Invoices") == []
    assert replies.results(reply('{"Invoices":null}'), "Invoices") == []


def test_payments_of_an_invoice_carry_the_mark():
    document = numbers.load(
        b'{"Payments":[{"PaymentID":"p","Date":"/Date(1759276800000+0000)/","Amount":1.10,"Reference":"x"}]}'
    )
    (one,) = replies.payments_in(document)
    assert (one.date, one.amount, one.reference) == (date(2025, 10, 1), Decimal("1.10"), "x")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("/Date(1552262400000+0000)/", datetime(2019, 3, 11, tzinfo=UTC)),
        ("/Date(1552262400000+1300)/", datetime(2019, 3, 11, tzinfo=UTC)),
        ("/Date(1789378205138)/", datetime(2026, 9, 14, 9, 30, 5, 138000, tzinfo=UTC)),
        ("/Date(-86400000)/", datetime(1969, 12, 31, tzinfo=UTC)),
        ("2026-09-14T00:00:00", datetime(2026, 9, 14, tzinfo=UTC)),
        ("2026-09-14T09:30:05Z", datetime(2026, 9, 14, 9, 30, 5, tzinfo=UTC)),
        ("2026-09-14T09:30:05.1234567Z", datetime(2026, 9, 14, 9, 30, 5, tzinfo=UTC)),
        ("2026-09-14", datetime(2026, 9, 14, tzinfo=UTC)),
        (None, None),
        ("", None),
    ],
)
def test_every_form_of_a_moment_is_read(text, moment):
    assert replies.parse_moment(text) == moment


@pytest.mark.parametrize("text", ["/Date(x)/", "soon", 5, "/Date(99999999999999999)/", "2026-13-01"])
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011
        replies.parse_moment(text)


@given(
    st.dates(date(1971, 1, 1), date(2100, 1, 1)), st.sampled_from(["Pacific/Auckland", "America/Los_Angeles"])
)
def test_a_day_stays_the_same_day_wherever_we_are(day, zone):
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC)
    text = f"/Date({int(moment.timestamp()) * 1000}{moment.astimezone(ZoneInfo(zone)):%z})/"
    assert replies.parse_date(text) == day


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**14), max_value=10**14))
def test_amounts_are_exact_as_numbers_and_in_quotes(amount):
    read = numbers.load(f'{{"a":{amount:f},"b":"{amount:f}"}}'.encode())
    assert replies.parse_money(read["a"]) == replies.parse_money(read["b"]) == amount


@pytest.mark.parametrize("value", [True, 0.1, "x", "NaN", "Infinity", [], Decimal("sNaN")])
def test_what_is_no_exact_amount_is_refused(value):
    with pytest.raises(ValueError, match="amount"):
        replies.parse_money(value)


def test_reference_data_becomes_facts():
    (bank, sales) = replies.account_facts(
        [
            {"AccountID": "a", "Name": "Bank", "Type": "BANK", "Class": "ASSET", "Status": "ACTIVE",
             "CurrencyCode": "NZD"},
            {"AccountID": "b", "Code": "200", "Name": "Sales", "Type": "SALES", "Class": "REVENUE", "Status": "ACTIVE",
             "TaxType": "OUTPUT2", "EnablePaymentsToAccount": False},
        ]
    )  # fmt: skip
    assert (bank.code, bank.takes_payments, bank.takes_sales, bank.currency) == (None, True, False, "NZD")
    assert (sales.code, sales.takes_payments, sales.takes_sales, sales.tax_type) == (
        "200",
        False,
        True,
        "OUTPUT2",
    )
    (rate,) = replies.tax_rate_facts(
        [{"TaxType": "OUTPUT2", "Name": "15% GST", "EffectiveRate": Decimal("15.0000"), "Status": "ACTIVE",
          "CanApplyToRevenue": True, "CanApplyToAssets": False}]
    )  # fmt: skip
    assert (rate.rate, rate.applies_to_revenue, rate.can_apply["assets"]) == (15, True, False)
    organisation = replies.organisation_facts(
        {"OrganisationID": "o", "Name": "Demo", "ShortCode": "!Qj35V", "CountryCode": "NZ", "BaseCurrency": "NZD",
         "Timezone": "NEWZEALANDSTANDARDTIME", "PeriodLockDate": "/Date(1254268800000+0000)/", "IsDemoCompany": True,
         "Class": "DEMO"}
    )  # fmt: skip
    assert organisation.period_lock_date == date(2009, 9, 30)
    assert organisation.end_of_year_lock_date is None
    (contact,) = replies.contact_facts(
        [{"ContactID": "c", "Name": "N", "ContactStatus": "ARCHIVED", "EmailAddress": "", "MergedToContactID": "d",
          "UpdatedDateUTC": "/Date(1789378205138+0000)/"}]
    )  # fmt: skip
    assert (contact.email, contact.merged_into, contact.status) == (None, "d", "ARCHIVED")


def test_links_open_the_document_in_its_organisation():
    assert links.invoice_url("!Qj35V", "i-1") == (
        "https://go.xero.com/organisationlogin/default.aspx?shortcode=!Qj35V"
        "&redirecturl=%2FAccountsReceivable%2FView.aspx%3FInvoiceID%3Di-1"
    )
    assert links.contact_url("!Qj35V", "c-1").endswith("redirecturl=%2FContacts%2FView%2Fc-1")


@pytest.mark.parametrize(
    ("text", "code", "kind", "subject"),
    [
        ("Invoice # must be unique.", "XH001", "conflict", None),
        ("Account code '999' is not a valid code for this document.", "XH007", "mapping", "999"),
        (
            "Account code '260' has been archived, or has been deleted. Each line item must …",
            "XH008",
            "mapping",
            "260",
        ),
        ("Account code or ID must be specified", "XH009", "mapping", None),
        ("The TaxType code 'INPUT' cannot be used with account code '200'.", "XH011", "mapping", "INPUT"),
        ("Payment amount exceeds the amount outstanding on this document", "XH017", "conflict", None),
        ("Payment not of valid status for modification", "XH022", "done", None),
        (
            "The document date cannot be before the end of year lock date, currently set at 30 Jun 2026",
            "XH029",
            "refused",
            "30 Jun 2026",
        ),
        ("The document date cannot be before the period lock date.", "XH028", "refused", None),
        ("Organisation is not subscribed to currency EUR", "XH030", "refused", "EUR"),
        ("The tracking option 'North' is not an active option of 'Region'.", "XH048", "mapping", None),
        (
            "The contact name Lantern Foods is already assigned to another contact. The contact name must be …",
            "XH032",
            "conflict",
            "Lantern Foods",
        ),
        ("IDEMPOTENCY KEY: abc is used with a different request.", "XH045", "bug", None),
        (
            "The status VOIDED cannot be applied to the invoice because it has payments or credit notes allocated to …",
            "XH025",
            "refused",
            "VOIDED",
        ),
    ],
)
def test_known_messages_are_put_in_plain_words(text, code, kind, subject):
    known = messages.explain(text)
    assert known is not None
    assert (known.code, known.kind, known.subject) == (code, kind, subject)
    assert known.sentence.endswith(".")
    assert known.next_step


def test_an_unknown_message_is_not_guessed_at():
    assert messages.explain("The moon is in the wrong house") is None
    assert messages.explain_all(["The moon", "Invoice # must be unique."]).code == "XH001"
    assert messages.explain_all(["Email address must be valid", "Account must be valid."]).kind == "mapping"
    assert messages.explain_all([]) is None


def test_every_row_has_its_own_code_and_says_who_acts():
    assert len({row.known.code for row in ROWS}) == len(ROWS) >= 46
    assert {row.known.who for row in ROWS} == {"you", "bookkeeper", "us"}
    kinds = {row.known.kind for row in ROWS}
    assert kinds <= {"mapping", "refused", "conflict", "limit", "disconnected", "bug", "done"}
