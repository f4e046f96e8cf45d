"""Delivers webhooks: a durable outbox, a thread that empties it, retries by the documented policies."""

from __future__ import annotations

import heapq
import logging
import random
import threading
import time
import uuid
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import requests

from sandbox.hoopai.books import DELIVERIES, EVENTS, SETTINGS, WEBHOOKS, Books, hex_id
from sandbox.hoopai.envelopes import wrapped
from sandbox.hoopai.keys import Keyring
from sandbox.store import Document

POLICIES: dict[str, dict[str, Any]] = {
    # HoopAI documents 10 s to answer and exponential backoff on all but 2xx; the numbers are ours.
    "hoopai": {"first_seconds": 5, "factor": 2, "retries": 8, "timeout_seconds": 10, "jitter_seconds": 0},
    # HighLevel, webhook guide: only 429 is tried again, six times, ten minutes apart with jitter.
    "highlevel": {
        "first_seconds": 600,
        "factor": 1,
        "retries": 6,
        "timeout_seconds": 10,
        "jitter_seconds": 60,
    },
}
_LOOKAHEAD = 200


class Postman:
    """Delivers events, in order for each invoice, `senders` at a time, and remembers every attempt."""

    def __init__(self, books: Books, senders: int = 4) -> None:
        self.books = books
        self.keyring = Keyring(books)
        self._senders = senders
        self._bell = threading.Condition()
        self._fresh: deque[tuple[str, str]] = deque()
        self._again: list[tuple[datetime, int, str, str]] = []
        self._busy: set[str] = set()
        self._stopping = False
        self._paused = bool(self._settings().get("paused"))
        self._thread: threading.Thread | None = None
        self._local = threading.local()

    # what the shop says

    def announce(self, kind: str, location_id: str, payload: dict[str, Any], about: str) -> Document:
        """Record an event and queue its delivery. Call inside the `unit()` that changes the books: both are
        then durable together. `about` is the id of the thing; events about one thing are sent one after
        another.
        """
        number = self.books.count_up("event")
        event: Document = {
            "id": hex_id(), "n": number, "type": kind, "location_id": location_id, "about": about,
            "webhook_id": str(uuid.uuid4()), "at": self.books.stamp(), "payload": payload,
        }  # fmt: skip
        self.books.store.put(EVENTS, event["id"], event)
        self.queue(event)
        return event

    def queue(self, event: Document, **mischief: bool) -> Document | None:
        """Queue a delivery of the event (`unsigned=True`, `tampered=True`: mischief); None when the location
        has no webhook or does not subscribe to that kind of event.
        """
        hook = self.webhook(event["location_id"])
        if hook is None or not event["type"].startswith(tuple(hook["events"])):
            return None
        delivery = {
            "id": hex_id(), "n": self.books.count_up("delivery"), "event_id": event["id"],
            "type": event["type"],
            "webhook_id": event["webhook_id"], "location_id": event["location_id"], "about": event["about"],
            "envelope": hook["envelope"], "body": wrapped(event, hook["envelope"]), "state": "queued",
            "next_at": None, "attempts": [], **mischief,
        }  # fmt: skip
        self.books.store.put(DELIVERIES, delivery["id"], delivery)
        with self._bell:
            self._fresh.append((delivery["id"], delivery["about"]))
            self._bell.notify_all()
        return delivery

    def webhook(self, location_id: str) -> Document | None:
        """Where and how the location's events go, as set by `setup.set_webhook`; None: nowhere."""
        return self.books.store.get(WEBHOOKS, location_id)

    def policy(self, hook: Document) -> dict[str, Any]:
        """The retry policy in force for a webhook, with the settings made by control on top."""
        name = hook.get("policy", "hoopai")
        return {"name": name, **POLICIES[name], **self._settings().get("policies", {}).get(name, {})}

    def pause(self, paused: bool, *, backwards: bool = False) -> None:
        """Hold deliveries back (events are still recorded), or let them go, `backwards`: the newest first."""
        with self.books.store.unit():
            self.books.store.put(SETTINGS, "postman", {**self._settings(), "paused": paused})
        with self._bell:
            if backwards:
                self._fresh.reverse()
            self._paused = paused
            self._bell.notify_all()

    @property
    def paused(self) -> bool:
        """Whether deliveries are held back."""
        return self._paused

    def tune(self, policy: str, values: dict[str, Any]) -> dict[str, Any]:
        """Change a retry policy's numbers, durably; answers the policy in force."""
        with self.books.store.unit():
            settings = self._settings()
            policies = settings.setdefault("policies", {})
            policies[policy] = {**policies.get(policy, {}), **values}
            self.books.store.put(SETTINGS, "postman", settings)
        return self.policy({"policy": policy})

    def forget(self) -> None:
        """Drop what waits in memory; the caller has cleared the documents."""
        with self._bell:
            self._fresh.clear()
            self._again.clear()

    def idle(self) -> bool:
        """Whether nothing is queued for a first attempt or on its way (retries that wait don't count)."""
        with self._bell:
            return not self._fresh and not self._busy

    # the thread

    def start(self) -> None:
        """Take up what a former run left undelivered and begin."""
        for delivery in self.books.store.all(DELIVERIES):
            if delivery["state"] == "queued":
                self._fresh.append((delivery["id"], delivery["about"]))
            elif delivery["state"] == "waiting":
                self._wait_again(delivery)
        self._thread = threading.Thread(target=self._run, name="hoopai-postman", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish what is on its way and end the thread; the rest stays in the outbox."""
        with self._bell:
            self._stopping = True
            self._bell.notify_all()
        if self._thread is not None:
            self._thread.join(timeout=15)

    def _run(self) -> None:
        with ThreadPoolExecutor(self._senders, thread_name_prefix="hoopai-sender") as pool:
            while not self._stopping:
                taken = self._take()
                if taken is not None:
                    pool.submit(self._guarded, *taken)

    def _take(self) -> tuple[str, str] | None:
        with self._bell:
            found = None if self._paused or len(self._busy) >= self._senders else self._next()
            if found is None:
                self._bell.wait(0.25 if self._again else 5)
                return None
            self._busy.add(found[1])
            return found

    def _next(self) -> tuple[str, str] | None:
        if self._again and self._again[0][0] <= self.books.now() and self._again[0][3] not in self._busy:
            _due, _n, key, about = heapq.heappop(self._again)
            return key, about
        for place, (key, about) in enumerate(self._fresh):
            if about not in self._busy:
                del self._fresh[place]
                return key, about
            if place > _LOOKAHEAD:
                break
        return None

    def _guarded(self, key: str, about: str) -> None:
        try:
            self._deliver(key)
        except Exception:
            logging.getLogger(__name__).exception("A delivery could not be made")
        finally:
            with self._bell:
                self._busy.discard(about)
                self._bell.notify_all()

    def _deliver(self, key: str) -> None:
        delivery = self.books.store.get(DELIVERIES, key)
        hook = self.webhook(delivery["location_id"]) if delivery else None
        if delivery is None or hook is None:
            return
        policy = self.policy(hook)
        attempt = self._post(delivery, hook, policy["timeout_seconds"])
        with self.books.store.unit():
            kept = self.books.store.get(DELIVERIES, key)
            if kept is None:
                return
            kept["attempts"].append(attempt)
            self._judge(kept, attempt["status"], policy)
            self.books.store.put(DELIVERIES, key, kept)
        if kept["state"] == "waiting":
            with self._bell:
                self._wait_again(kept)

    def _post(self, delivery: Document, hook: Document, timeout: float) -> dict[str, Any]:
        body = delivery["body"].encode()
        scheme = "none" if delivery.get("unsigned") else hook["scheme"]
        headers = {"Content-Type": "application/json", "User-Agent": "hoopai-stand-in"}
        headers |= self.keyring.sign(body, scheme, hook["secret"])
        if delivery.get("tampered"):
            body = body.replace(b'"amountPaid":', b'"amountPaid" :', 1)
        attempt: dict[str, Any] = {
            "at": self.books.stamp(),
            "url": hook["url"],
            "scheme": scheme,
            "status": None,
        }
        began = time.monotonic()
        try:
            answer = self._session().post(
                hook["url"], data=body, headers=headers, timeout=float(timeout), allow_redirects=False
            )
            attempt |= {"status": answer.status_code, "answer": answer.text[:500]}
        except requests.RequestException as problem:
            attempt["error"] = f"{type(problem).__name__}: no answer"
        return {**attempt, "ms": round((time.monotonic() - began) * 1000)}

    def _judge(self, delivery: Document, status: int | None, policy: dict[str, Any]) -> None:
        delivered = status is not None and 200 <= status < 300
        final = policy["name"] == "highlevel" and status != 429
        tries = len(delivery["attempts"])
        if delivered or final or tries > policy["retries"]:
            delivery |= {"state": "delivered" if delivered else "given up", "next_at": None}
            return
        pause = float(policy["first_seconds"]) * float(policy["factor"]) ** (tries - 1)
        pause += random.uniform(0, float(policy["jitter_seconds"]))
        due = self.books.now() + timedelta(seconds=pause)
        delivery |= {"state": "waiting", "next_at": due.isoformat()}

    def _wait_again(self, delivery: Document) -> None:
        due = datetime.fromisoformat(delivery["next_at"])
        heapq.heappush(self._again, (due, delivery["n"], delivery["id"], delivery["about"]))

    def _session(self) -> requests.Session:
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._local.session.trust_env = False
        session: requests.Session = self._local.session
        return session

    def _settings(self) -> Document:
        return self.books.store.get(SETTINGS, "postman") or {}
