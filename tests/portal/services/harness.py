"""The main job without a browser or workers: HoopAI's stand-in tells, intake and drain are called by hand."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, request

from portal.models import MappingKind, Push
from portal.services import connections, draining, intake, mappings, outbox, sources
from portal.services.unit import release, transaction
from tests.support import portal
from tests.support.hoop import Hoop
from tests.support.servers import serving, wait_until
from tests.support.xero import Xero


@dataclass
class Stage:
    """One connected location between the two stand-ins."""

    app: Flask
    hoop: Hoop
    xero: Xero
    person: portal.SignedIn
    location_id: int
    connection_id: int
    tenant_id: str

    def carry(self) -> None:
        """Wait for HoopAI's deliveries, apply them, and drain until nothing is due."""
        release()
        self.heard()
        intake.apply()
        draining.drain(self.connection_id)
        release()

    def heard(self) -> None:
        """Wait until HoopAI has delivered everything it has to say."""
        wait_until(self.hoop.idle, 10, "HoopAI's deliveries")

    def map_all(
        self, account: str = "200", tax: str = "OUTPUT", payments: str = "090", **more: str
    ) -> mappings.Saved:
        """Choose the default account, the tax of GST and the payments account."""
        choices = {
            (MappingKind.DEFAULT, "account"): account,
            (MappingKind.TAX, "rate:10"): tax,
            (MappingKind.PAYMENT, "default"): payments,
        }
        choices |= {(MappingKind.CATEGORY, key): code for key, code in more.items()}
        return mappings.save(self.location_id, self.person.user, choices)

    def books(self) -> dict[str, Any]:
        """What Xero holds for the connected organisation."""
        (found,) = self.xero.organisations(self.tenant_id)
        return found

    def invoices(self) -> list[dict[str, Any]]:
        """Xero's invoices, deleted ones left out."""
        return [each for each in self.books()["invoices"] if each["Status"] != "DELETED"]

    def payments(self) -> list[dict[str, Any]]:
        """Xero's payments, deleted ones left out."""
        return [each for each in self.books()["payments"] if each["Status"] != "DELETED"]

    def states(self) -> dict[str, int]:
        """How many pushes stand in each state that occurs."""
        return {str(state): count for state, count in outbox.counts(self.location_id).items() if count}

    def pushes(self, document: str) -> list[Push]:
        """The pushes of one kind of document, oldest first."""
        found = Push.__table__.c
        rows = self.app.extensions["sqlalchemy"].session.query(Push).filter(found.document == document)
        return list(rows.order_by(found.id))


@contextmanager
def staged(app: Flask, sandbox: str, xero: Xero) -> Iterator[Stage]:
    """Connect Harbour Studio to the Australian organisation and let HoopAI deliver to `intake.receive`."""
    person = portal.ana()
    outcome = portal.connect(person)
    assert outcome.ok, outcome.sentence
    location = portal.location()
    source = sources.of(location.id)
    connection = connections.of(location.id)
    assert source is not None
    assert connection is not None
    secret, token = sources.secret(source), source.hook_token
    hoop = Hoop(sandbox, location.hoop_id)
    stage = Stage(app, hoop, xero, person, location.id, connection.id, connection.tenant_id)
    with transaction() as session:
        mappings.learn(session, location.id, {"name:workshop": "Workshop"}, {})
    release()
    with serving(_ear(app, token)) as url:
        hoop.listen(f"{url}/hook", secret)
        yield stage


def _ear(app: Flask, token: str) -> Flask:
    ear = Flask("ear")

    @ear.post("/hook")
    def hook() -> Response:
        with app.app_context():
            answer = intake.receive(token, request.get_data(), request.headers)
            release()
        return Response(answer.text, answer.status)

    return ear
