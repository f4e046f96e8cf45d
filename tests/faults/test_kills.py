"""Real processes of a real run die in the worst moment; Xero's books are the judge of what became of it."""

import os
import signal
from collections.abc import Iterator
from decimal import Decimal

import pytest
from redis import Redis

from tests.faults.conftest import Ground
from tests.support.servers import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.faults]
D = Decimal
TOTAL = D(330)
PUSH_ENDS = ("slow", "lost_reply", "late")
"""What becomes of the call: Xero does it after the caller's death; has done it; does it later, unheard."""


@pytest.fixture(autouse=True)
def calm(ground: Ground) -> Iterator[None]:
    """Before and after each test all programs run and no fault is left."""
    wait_until(ground.house.whole, 30, "all programs")
    yield
    ground.xero.mend()


@pytest.mark.parametrize("end", PUSH_ENDS)
def test_a_worker_killed_in_mid_push_leaves_exactly_one_invoice(ground: Ground, end: str) -> None:
    ground.xero.fault(end, "Invoices", method="PUT", seconds=1.5)
    made = ground.bill()
    ground.under_way()
    os.kill(ground.sender(), signal.SIGKILL)
    ground.settled()
    (invoice,) = ground.invoices(made["invoiceNumber"])
    assert (invoice["Status"], invoice["Total"]) == ("AUTHORISED", TOTAL)
    assert ground.contacts("Lantern Foods") == 1
    assert "Status Sent Awaiting payment" in ground.story(made)


@pytest.mark.parametrize("end", PUSH_ENDS)
def test_a_worker_killed_while_it_sends_a_payment_leaves_exactly_one_payment(
    ground: Ground, end: str
) -> None:
    made = ground.bill()
    ground.settled()
    ground.xero.fault(end, "Payments", method="PUT", seconds=1.5)
    ground.hoop.act(made["_id"], "pay", method="card")
    ground.under_way()
    os.kill(ground.sender(), signal.SIGKILL)
    ground.settled()
    assert [each["Amount"] for each in ground.payments(made["invoiceNumber"])] == [TOTAL]
    assert "Status Paid Paid" in ground.story(made)


def test_valkey_killed_during_a_stream_of_webhooks_loses_and_doubles_nothing(ground: Ground) -> None:
    numbers = [f"V-{place}" for place in range(12)]
    for number in numbers:
        if number == "V-4":
            ground.house.kill("valkey-server")
        ground.bill(number=number)
    ground.settled()
    assert "valkey ended (signal 9)" in ground.house.said()
    assert sorted(each["InvoiceNumber"] for each in ground.invoices(*numbers)) == sorted(numbers)
    made = ground.bill()
    ground.settled()
    assert len(ground.invoices(made["invoiceNumber"])) == 1, f"normal work afterwards: {ground.newest()}"


def test_an_emptied_valkey_loses_and_doubles_nothing(ground: Ground) -> None:
    numbers = [f"F-{place}" for place in range(8)]
    with Redis.from_url(ground.house.environment()["REDIS_URL"]) as line:
        for number in numbers:
            ground.bill(number=number)
            line.flushall()
    ground.settled()
    assert sorted(each["InvoiceNumber"] for each in ground.invoices(*numbers)) == sorted(numbers)


def test_a_killed_ticker_is_started_again_and_sees_to_what_waits(ground: Ground) -> None:
    ground.xero.fault("429-concurrent", "Invoices", method="PUT")
    made = ground.bill()
    ground.under_way()
    ground.house.kill("jobs.ticker")
    ground.settled()
    assert "ticker ended (signal 9)" in ground.house.said()
    assert len(ground.invoices(made["invoiceNumber"])) == 1
    assert "Status Sent Awaiting payment" in ground.story(made)
