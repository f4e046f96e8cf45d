"""A stand-in Xero on a real port, a caller with a token for it, and short ways to ask and to write bodies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import simplejson
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.wrappers import Response

from sandbox import xero
from sandbox.clock import Clock
from sandbox.store import Store
from tests.support.servers import serving

APP = ("SANDBOXCLIENT0000000000000000001", "sandbox-secret-not-for-production")
CALLBACK = "http://localhost:8000/integrations/xero/callback"
ALL_SCOPES = (
    "openid profile email offline_access accounting.invoices accounting.payments accounting.contacts "
    "accounting.settings.read accounting.banktransactions"
)
Json = dict[str, Any]


@dataclass
class World:
    """The stand-in at `url` and a caller with `token` for `tenant`."""

    url: str
    token: str = ""
    refresh_token: str = ""
    tenant: str = ""
    connection: Json = field(default_factory=dict)

    def control(self, path: str, body: Json | None = None, method: str = "") -> Any:
        """One call of the control interface; its JSON."""
        method = method or ("GET" if body is None else "POST")
        answer = requests.request(method, f"{self.url}/control/{path}", json=body, timeout=10)
        assert answer.ok, answer.text
        return simplejson.loads(answer.content, use_decimal=True)

    def grant(self, tenant: str = "au", user: str = "mia", scope: str = ALL_SCOPES) -> Json:
        """Connect and become that caller."""
        reply: Json = self.control("grant", {"tenant": tenant, "user": user, "scope": scope})
        self.token, self.refresh_token = reply["access_token"], reply.get("refresh_token", "")
        self.connection, self.tenant = reply["connection"], reply["connection"]["tenantId"]
        return reply

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        """One call of the accounting API; header names in snake case."""
        named = {
            "Authorization": f"Bearer {self.token}",
            "xero-tenant-id": self.tenant,
            "Accept": "application/json",
        }
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = None if body is None else simplejson.dumps(body, use_decimal=True)
        return requests.request(
            method, f"{self.url}/api.xro/2.0/{path}", data=data, headers=named, timeout=10
        )

    def get(self, path: str, **headers: str) -> Json:
        """The JSON of a read that works."""
        answer = self.ask("GET", path, **headers)
        assert answer.status_code == 200, answer.text
        return read(answer)

    def put(
        self, plural: str, *rows: Json, query: str = "summarizeErrors=false&unitdp=4", **headers: str
    ) -> list[Json]:
        """The elements of a PUT that answers 200."""
        answer = self.ask("PUT", f"{plural}?{query}", {plural: list(rows)}, **headers)
        assert answer.status_code == 200, answer.text
        found: list[Json] = read(answer)[plural]
        return found

    def post(self, path: str, *rows: Json, query: str = "summarizeErrors=false&unitdp=4") -> list[Json]:
        """The elements of a POST that answers 200."""
        plural = path.partition("/")[0]
        answer = self.ask("POST", f"{path}?{query}", {plural: list(rows)})
        assert answer.status_code == 200, answer.text
        found: list[Json] = read(answer)[plural]
        return found

    def contact(self, name: str = "Acme Ltd", **more: Any) -> Json:
        """A new contact."""
        return self.put("Contacts", {"Name": name, **more})[0]

    def invoice(self, contact: Json, number: str = "H-1", **more: Any) -> Json:
        """A new invoice over 100.00 plus tax, as it was answered."""
        return self.put("Invoices", invoice(contact, number, **more))[0]

    def payment(self, document: Json, amount: str, **more: Any) -> Json:
        """A new payment, as it was answered."""
        return self.put("Payments", payment(document, amount, **more))[0]

    def books(self) -> Json:
        """The books of the caller's organisation."""
        found: Json = self.control(f"books?tenant={self.tenant}")["organisations"][0]
        return found


def read(answer: requests.Response) -> Json:
    """A JSON body with exact numbers."""
    found: Json = simplejson.loads(answer.content, use_decimal=True)
    return found


def invoice(contact: Json, number: str = "H-1", **more: Any) -> Json:
    """An invoice to be approved, over one line of 100.00 plus tax."""
    body = {
        "Type": "ACCREC",
        "Contact": {"ContactID": contact["ContactID"]},
        "InvoiceNumber": number,
        "Date": "2026-11-20",
        "DueDate": "2026-12-20",
        "LineAmountTypes": "Exclusive",
        "Status": "AUTHORISED",
        "LineItems": [line()],
    }
    return body | more


def line(amount: str = "100.00", account: str = "200", **more: Any) -> Json:
    """A line of quantity 1."""
    return {"Description": "Design", "Quantity": "1", "UnitAmount": amount, "AccountCode": account} | more


def payment(document: Json, amount: str, **more: Any) -> Json:
    """A payment into the first bank account."""
    body = {"Invoice": {"InvoiceID": document["InvoiceID"]}, "Account": {"Code": "090"}, "Date": "2026-11-21"}
    return body | {"Amount": amount} | more


def errors(element: Json) -> list[str]:
    """The messages of a refused element."""
    assert element["StatusAttributeString"] == "ERROR", element
    return [one["Message"] for one in element["ValidationErrors"]]


@contextmanager
def xero_world(data: Path | None = None, **settings: Any) -> Iterator[World]:
    """A stand-in served at /xero of a free port; `data`: the file that keeps its state."""
    store = Store(data)
    app = xero.create_app(store, Clock(store), settings)
    try:
        with serving(DispatcherMiddleware(Response("", 404), {"/xero": app})) as url:
            yield World(f"{url}/xero")
    finally:
        store.close()


def fresh(world: World) -> World:
    """The world as on the first day, connected to the Australian organisation, without rate limits."""
    world.control("reset", {})
    world.control("clock", {"real": True})
    world.control("limits", {"off": True})
    world.grant()
    return world
