"""A portal of its own for every file here: connected, mapped, and with short times in its engine."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from tests.support import house
from tests.support.hoop import GST, Hoop, line
from tests.support.house import HARBOUR, House
from tests.support.servers import wait_until
from tests.support.visitor import Visitor, shown
from tests.support.xero import Xero

TIMINGS = "lease=2,send=2,resend=4,quiet=3"
"""As short as the order of the real ones allows: nothing the tests slow down takes longer than `quiet`."""


@dataclass
class Ground:
    """A connected location of a running portal, and both stand-ins' controls."""

    house: House
    visitor: Visitor
    hoop: Hoop
    xero: Xero

    def bill(self, **more: Any) -> dict[str, Any]:
        """A new invoice over 330.00 AUD, sent."""
        return self.hoop.create(line("Care plan", "150", "2", GST), **more)

    def invoices(self, *numbers: str) -> list[dict[str, Any]]:
        """Xero's invoices with these numbers, removed ones left out."""
        kept = [each for each in self._books()["invoices"] if each["Status"] not in ("DELETED", "VOIDED")]
        return [each for each in kept if each["InvoiceNumber"] in numbers]

    def payments(self, number: str) -> list[dict[str, Any]]:
        """Xero's payments on the invoice of this number, removed ones left out."""
        (invoice,) = self.invoices(number)
        kept = [each for each in self._books()["payments"] if each["Status"] != "DELETED"]
        return [each for each in kept if each["DocumentID"] == invoice["InvoiceID"]]

    def contacts(self, name: str) -> int:
        """How many of Xero's contacts have this name."""
        return [each["Name"] for each in self._books()["contacts"]].count(name)

    def story(self, invoice: dict[str, Any]) -> str:
        """What the portal's page of an invoice shows."""
        return shown(self.visitor.read(self.house.page(HARBOUR, f"invoices/{invoice['_id']}")))

    def settled(self, seconds: float = 30) -> None:
        """Wait until HoopAI has delivered everything and nothing is on its way to Xero any more."""
        wait_until(self.hoop.idle, seconds, "HoopAI's deliveries")
        wait_until(lambda: not self.unsettled(), seconds, "the pushes")

    def unsettled(self) -> int:
        """Deliveries and pushes that are neither done nor waiting for a person."""
        pushes = "SELECT count(*) FROM pushes WHERE state IN ('queued', 'sending', 'waiting')"
        deliveries = "SELECT count(*) FROM inbound_events WHERE applied_at IS NULL"
        # Deliveries first: one that is applied between the two questions is then counted as its pushes.
        return sum(int(self.house.query(each)[0][0]) for each in (deliveries, pushes))

    def newest(self) -> list[tuple[object, ...]]:
        """The newest deliveries and pushes, for a test that has to explain itself."""
        pushes = (
            "SELECT id, document, operation, state, failure, message FROM pushes ORDER BY id DESC LIMIT 4"
        )
        deliveries = (
            "SELECT id, event, state, reason, applied_at FROM inbound_events ORDER BY id DESC LIMIT 4"
        )
        return [row for each in (pushes, deliveries) for row in self.house.query(each)]

    def under_way(self) -> None:
        """Wait until the call that a fault was set for has reached Xero."""
        wait_until(lambda: not self._faults(), 20, "the call to Xero")

    def sender(self) -> int:
        """The worker in mid-push, which holds the connection's lease; any worker when it has just let go."""
        ((owner,),) = self.house.query("SELECT lease_owner FROM connections")
        workers = self.house.processes("jobs.worker")
        process = int(owner.rpartition(":")[2]) if owner else workers[0]
        assert process in workers
        return process

    def _faults(self) -> list[Any]:
        answer = requests.get(f"{self.house.sandbox}/xero/control/faults", timeout=10).json()
        found: list[Any] = answer["faults"] if isinstance(answer, dict) else answer
        return found

    def _books(self) -> dict[str, Any]:
        return next(each for each in self.xero.organisations() if each["key"] == "au")


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Harbour Studio, connected to the Australian organisation and mapped."""
    data = tmp_path_factory.mktemp("faults") / "data"
    with house.up(data, {"ENGINE_TIMINGS": TIMINGS}) as running:
        visitor = Visitor(running)
        visitor.sign_in()
        assert "is connected" in visitor.connect(HARBOUR, "mia", "AU")
        saved = visitor.map(
            HARBOUR,
            revenue=("default:account", "200 "),
            tax=("tax:rate:10", "GST on Income"),
            payments=("payment:default", "090 "),
        )
        assert "3 choices saved." in shown(saved)
        yield Ground(running, visitor, running.hoop(HARBOUR), running.xero)
