"""One accepted call: who asks, for which organisation, and the common parts of its answer."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sandbox.xero.books import Book, Doc
from sandbox.xero.dates import ms_now
from sandbox.xero.fields import Element, elements
from sandbox.xero.here import Here
from sandbox.xero.users import User
from sandbox.xero.wire import Answer, Asked, json_answer


@dataclass
class Call:
    """What a handler gets. `book` is the organisation named by the xero-tenant-id header."""

    asked: Asked
    here: Here
    user: User
    app: str
    claims: Doc
    tenant: str = ""

    @cached_property
    def book(self) -> Book:
        """The books the call is about."""
        return self.here.books.book(self.tenant)

    @cached_property
    def query(self) -> dict[str, str]:
        """Query parameters by lower-case name."""
        return self.asked.query

    @property
    def writing(self) -> bool:
        """Whether the call changes something."""
        return self.asked.method != "GET"

    @cached_property
    def decimals(self) -> int:
        """Decimals of unit amounts: 4 with `unitdp=4`, else 2."""
        return 4 if self.query.get("unitdp") == "4" else 2

    def asks(self, name: str, default: bool = False) -> bool:
        """A true-or-false query parameter."""
        return self.query.get(name.lower(), str(default)).lower() == "true"

    def listed(self, name: str) -> list[str]:
        """A comma-separated query parameter; quotes around items are dropped."""
        given = self.query.get(name.lower(), "")
        return [item.strip().strip('"') for item in given.split(",") if item.strip()]

    def posted(self, plural: str) -> list[Element]:
        """The objects in the body."""
        return elements(self.asked.body, plural)

    def reply(self, plural: str, rows: list[Any], **more: Any) -> Answer:
        """200 with the usual envelope around `rows`."""
        return json_answer(200, self.envelope() | more | {plural: rows})

    def envelope(self) -> dict[str, Any]:
        """`{Id, Status, ProviderName, DateTimeUTC}`."""
        return {
            "Id": str(uuid.uuid4()),
            "Status": "OK",
            "ProviderName": self.here.settings.app_name,
            "DateTimeUTC": ms_now(self.here.clock.now()),
        }
