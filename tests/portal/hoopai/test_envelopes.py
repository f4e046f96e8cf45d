import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.hoopai.envelopes import NotAnEvent, NotJson, read
from tests.portal.hoopai.builders import LOCATION, invoice


def raw(value):
    return json.dumps(value).encode()


ENVELOPE = {
    "timestamp": "2026-11-03T02:03:05Z", "webhookId": "wh-1", "type": "InvoicePartiallyPaid", "locationId": LOCATION,
}  # fmt: skip


@pytest.mark.parametrize(
    ("body", "shape", "webhook_id"),
    [
        ({"type": "InvoicePartiallyPaid", "locationId": LOCATION, **invoice()}, "flat", None),
        ({"appId": "a", "versionId": "v", "companyId": "c", **ENVELOPE, **invoice()}, "sdk", "wh-1"),
        ({"type": "InvoicePartiallyPaid", "locationId": LOCATION, "body": invoice()}, "body", None),
        ({**ENVELOPE, "data": invoice()}, "data", "wh-1"),
        (invoice(), "bare", None),
    ],
)
def test_every_documented_shape_tells_the_same(body, shape, webhook_id):
    said = read(raw(body))
    assert (said.event, said.location_id, said.shape) == ("InvoicePartiallyPaid", LOCATION, shape)
    assert said.webhook_id == webhook_id
    assert said.payload["total"] == Decimal("290.5")
    assert said.is_invoice


@pytest.mark.parametrize(
    ("status", "event"),
    [
        ("draft", "InvoiceUpdate"),
        ("sent", "InvoiceSent"),
        ("payment_processing", "InvoiceUpdate"),
        ("paid", "InvoicePaid"),
        ("void", "InvoiceVoid"),
        ("delete", "InvoiceDelete"),
        ("something_new", "InvoiceUpdate"),
    ],
)
def test_a_bare_invoice_is_known_by_its_status(status, event):
    assert read(raw(invoice(status=status))).event == event


@pytest.mark.parametrize(
    ("written", "event"),
    [
        ("invoice.paid", "InvoicePaid"),
        ("invoice.partially_paid", "InvoicePartiallyPaid"),
        ("invoice.voided", "InvoiceVoid"),
        ("contact.created", "ContactCreate"),
        ("INVOICE_PAID", "InvoicePaid"),
        ("order.status_changed", "OrderStatusUpdate"),
    ],
)
def test_other_spellings_of_a_name_are_understood(written, event):
    assert read(raw({"type": written, "locationId": LOCATION, "_id": "x1"})).event == event


def test_an_event_we_have_no_use_for_keeps_its_name():
    assert (
        read(raw({"type": "OpportunityCreate", "locationId": LOCATION, "id": "x"})).event
        == "OpportunityCreate"
    )


def test_an_id_alone_is_enough_for_a_void():
    said = read(raw({"type": "InvoiceVoid", "locationId": LOCATION, "_id": "x1"}))
    assert (said.event, said.payload["_id"]) == ("InvoiceVoid", "x1")


def test_a_prices_own_type_is_not_taken_for_an_event():
    price = {
        "_id": "q1",
        "locationId": LOCATION,
        "product": "p1",
        "type": "recurring",
        "amount": 10,
        "name": "Monthly",
    }
    said = read(raw(price))
    assert (said.event, said.location_id, said.shape) == (None, LOCATION, "bare")


def test_a_product_without_a_type_is_let_in():
    assert read(raw({"_id": "p1", "locationId": LOCATION, "productType": "SERVICE"})).event is None


def test_a_location_event_names_its_location_by_id():
    assert read(raw({"type": "LocationUpdate", "id": LOCATION, "companyId": "c"})).location_id == LOCATION
    assert read(raw({"type": "INSTALL", "companyId": "c", "appId": "a"})).location_id is None


def test_a_delivery_naming_two_locations_is_refused():
    with pytest.raises(NotAnEvent, match="two different"):
        read(raw({"type": "InvoicePaid", "locationId": "locOther", **invoice()}))


def test_a_workflow_action_is_recognised_and_told_what_to_do():
    sent = {
        "contact_id": "c1", "first_name": "Tui", "location": {"id": LOCATION},
        "workflow": {"id": "w", "name": "Dunning"},
        "customData": {}, "invoice": invoice(),
    }  # fmt: skip
    with pytest.raises(NotAnEvent, match="workflow"):
        read(raw(sent))
    with pytest.raises(NotAnEvent, match="workflow"):
        read(raw({"type": "recurring", "customData": {}}))


@pytest.mark.parametrize(
    "body", [b"", b"not json", b"\xff\xfe", b'{"a":NaN}', b'{"a":Infinity}', b"[" * 200_000]
)
def test_what_is_no_json_is_refused(body):
    with pytest.raises(NotJson):
        read(body)


@pytest.mark.parametrize("body", [b"[]", b"1", b"null", b'"x"', b"{}", b'{"hello":"world"}', b'{"type":5}'])
def test_json_that_is_no_event_is_refused(body):
    with pytest.raises(NotAnEvent) as caught:
        read(body)
    assert caught.value.reason.endswith(".")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "locationId", "body", "data", "_id", "id", "altId", "altType", "status",
                             "invoiceNumber", "timestamp", "webhookId", "product", "amount", "productType"]),
            inner, max_size=6,
        ),
        max_leaves=12,
    )
)  # fmt: skip
def test_no_json_whatsoever_breaks_the_reader(value):
    try:
        said = read(raw(value))
    except (NotJson, NotAnEvent):
        return
    assert isinstance(said.payload, dict)
    assert said.location_id is None or said.location_id
