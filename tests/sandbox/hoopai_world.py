"""A stand-in HoopAI on a real port and a receiver that takes its webhooks, for the tests of both."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests
import simplejson
from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from sandbox import hoopai
from sandbox.clock import Clock
from sandbox.store import Store
from tests.support.servers import serving, wait_until

HARBOUR = "loc7Qm2VrX0tB4kPz9Ya"
KAURI = "locK3wN8sT1uC6mRd5Eb"
LANTERN = "conLanternFoods00001"
GST = "66e0aa00bb11cc22dd33ee44"
LEVY = "66e0aa00bb11cc22dd33ee46"
CARE_PLAN = "66f09c1d0000000000000a03"
CARE_AND_WORKSHOP = "66f09c1d0000000000000a04"
SECRET = "whsec-for-tests"
Json = dict[str, Any]


@dataclass
class Letter:
    """One webhook as it arrived."""

    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Json:
        """The body with exact numbers."""
        found: Json = simplejson.loads(self.raw, use_decimal=True)
        return found


@dataclass
class Receiver:
    """Takes webhooks; answers with the next of `script` (statuses), then with 200."""

    url: str = ""
    letters: list[Letter] = field(default_factory=list)
    script: list[int] = field(default_factory=list)

    def types(self) -> list[str]:
        """The event names in the order of arrival."""
        return [letter.json["type"] for letter in self.letters]

    def wait(self, count: int) -> list[Letter]:
        """Wait until so many webhooks arrived."""
        wait_until(lambda: len(self.letters) >= count, 10, f"{count} webhooks")
        return self.letters


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on a port of its own."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 65536

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            status = receiver.script.pop(0) if receiver.script else 200
            receiver.letters.append(Letter({name.lower(): text for name, text in self.headers.items()}, raw))
            text = b"taken" if status == 200 else b"not now"
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hooks/hoopai/abc"
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


class World:
    """The stand-in at `url`; `control` and `rest` call it and give back status and exact JSON."""

    def __init__(self, url: str) -> None:
        self.url = url

    def control(self, path: str, body: Json | None = None, *, expect: int | None = None) -> Json:
        """POST (or GET without a body) to the control interface; fails unless 2xx, or the expected status."""
        method = "GET" if body is None else "POST"
        reply = requests.request(
            method, f"{self.url}/control{path}", data=simplejson.dumps(body, use_decimal=True), timeout=10
        )
        assert reply.status_code == expect if expect else reply.ok, f"{reply.status_code} {reply.text}"
        found: Json = simplejson.loads(reply.text, use_decimal=True)
        return found

    def hook(self, receiver: Receiver, **more: Any) -> None:
        """Send Harbour Studio's webhooks to the receiver."""
        self.control("/webhooks", {"location_id": HARBOUR, "url": receiver.url, "secret": SECRET, **more})

    def invoice(self, **more: Any) -> Json:
        """A sent invoice of 2 x 150 with GST and 1 x 200 untaxed to Lantern Foods, or as `more` says."""
        lines = [
            {"product_id": CARE_PLAN, "qty": 2, "amount": 150, "taxes": [GST]},
            {"name": "Kick-off", "qty": 1, "amount": 200},
        ]
        wish = {"location_id": HARBOUR, "contact_id": LANTERN, "lines": lines, "send": True, **more}
        return self.control("/invoices", wish)

    def act(self, invoice: Json, verb: str, body: Json | None = None, *, expect: int | None = None) -> Json:
        """Do one of the verbs with the invoice."""
        return self.control(f"/invoices/{invoice['_id']}/{verb}", body or {}, expect=expect)

    def rest(
        self, path: str, *, token: str | None = None, version: str | None = "2021-07-28"
    ) -> requests.Response:
        """GET from the REST interface with Harbour Studio's demo token."""
        headers = {"Authorization": f"Bearer {token or f'pit-sandbox-{HARBOUR}'}"}
        headers |= {"Version": version} if version else {}
        return requests.get(self.url + path, headers=headers, timeout=10)

    def page(self, path: str, form: Json | None = None) -> requests.Response:
        """A page for people, or what posting a form there leads to."""
        method = "POST" if form is not None else "GET"
        return requests.request(method, self.url + path, data=form, timeout=10)


@contextmanager
def hoopai_world(data: Path | None = None) -> Iterator[World]:
    """A stand-in HoopAI on a port of its own, over a store in `data` (None: in memory)."""
    store = Store(data / "sandbox.sqlite3" if data else None)
    settings: dict[str, Any] = {}
    app = DispatcherMiddleware(Flask("front"), {"/hoopai": hoopai.create_app(store, Clock(store), settings)})
    try:
        with serving(app) as url:
            yield World(f"{url}/hoopai")
    finally:
        for close in settings["at_close"]:
            close()
        store.close()
