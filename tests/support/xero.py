"""The sandbox's hidden hand: faults, clock, books and call log of the stand-in for Xero."""

from typing import Any

import requests
import simplejson


class Xero:
    """Control of one sandbox's Xero; `url` is the sandbox's own address."""

    def __init__(self, url: str) -> None:
        self.url = url

    def fault(self, kind: str, path: str, *, method: str = "*", times: int = 1, seconds: float = 2) -> None:
        """Let the next `times` calls whose path holds `path` go wrong this way."""
        self._say(
            "POST",
            "faults",
            {"kind": kind, "path": path, "method": method, "times": times, "seconds": seconds},
        )

    def faults(self) -> list[str]:
        """The kinds of fault that are still on."""
        return [str(each["kind"]) for each in self._say("GET", "faults")["faults"]]

    def mend(self) -> None:
        """Switch all faults off."""
        self._say("DELETE", "faults")

    def advance(self, seconds: float) -> None:
        """Move Xero's clock on."""
        self._say("POST", "clock", {"advance": seconds})

    def limits(self, **figures: Any) -> None:
        """Set what Xero allows: `minute`, `day`, `concurrent`, `app_minute`, or `off=True`."""
        self._say("POST", "limits", figures)

    def service_time(self, base: float, per_element: float = 0.0) -> None:
        """How many seconds a call takes at least."""
        self._say("POST", "service-time", {"base": base, "per_element": per_element})

    def calls(self, path: str = "", since: int = 0) -> list[dict[str, Any]]:
        """The logged calls whose path holds `path`."""
        found = self._say("GET", f"calls?since={since}")
        rows = found["calls"] if isinstance(found, dict) else found
        return [row for row in rows if path in row["path"]]

    def last_call(self) -> int:
        """The number of the newest logged call."""
        return max((int(row["n"]) for row in self.calls()), default=0)

    def organisations(self, tenant: str = "") -> list[dict[str, Any]]:
        """Every organisation with its books, or the one of this tenant id."""
        found: list[dict[str, Any]] = self._say("GET", f"books?tenant={tenant}" if tenant else "books")[
            "organisations"
        ]
        return found

    def more_organisations(self, count: int, like: str = "au") -> list[str]:
        """Make more organisations, connected to the portal's app; their tenant ids."""
        made: list[str] = self._say("POST", "organisations", {"like": like, "count": count})["organisations"]
        return made

    def tenant(self, country: str) -> str:
        """The tenant id of the organisation of this country."""
        key = {"GB": "uk"}.get(country, country.lower())
        return next(str(each["tenantId"]) for each in self.organisations() if each["key"] == key)

    def change(self, tenant: str, **fields: Any) -> None:
        """Change an organisation's own fields."""
        self._say("POST", f"organisations/{tenant}", fields)

    def change_account(self, tenant: str, code: str, **fields: Any) -> None:
        """Change one account."""
        self._say("POST", f"accounts/{tenant}/{code}", fields)

    def change_tracking(self, tenant: str, word: str, **fields: Any) -> None:
        """Change a tracking category or one of its options, by name."""
        self._say("POST", f"tracking/{tenant}/{word}", fields)

    def change_contact(self, tenant: str, identity: str, **fields: Any) -> None:
        """Change a contact as a bookkeeper would."""
        self._say("POST", f"contacts/{tenant}/{identity}", fields)

    def change_invoice(self, tenant: str, identity: str, **fields: Any) -> None:
        """Change an invoice as a bookkeeper would, without any check."""
        self._say("POST", f"invoices/{tenant}/{identity}", fields)

    def remove_app(self, tenant: str) -> None:
        """Disconnect the portal from inside Xero."""
        self._say("POST", "remove-app", {"tenant": tenant})

    def type_in(
        self, tenant: str, collection: str, document: dict[str, Any], method: str = "PUT"
    ) -> dict[str, Any]:
        """Make a document in Xero by another hand than the portal's, as a bookkeeper would; it as Xero keeps it.

        With POST the document with its id is changed.
        """
        scope = {"scope": "accounting.banktransactions"} if collection == "BankTransactions" else {}
        token = self._say("POST", "grant", {"user": "tom", "tenant": tenant, **scope})["access_token"]
        answer = requests.request(
            method,
            f"{self.url}/xero/api.xro/2.0/{collection}",
            json={collection: [document]},
            headers={
                "Authorization": f"Bearer {token}",
                "xero-tenant-id": tenant,
                "Accept": "application/json",
            },
            timeout=10,
        )
        assert answer.ok, answer.text
        made: dict[str, Any] = simplejson.loads(answer.content, use_decimal=True)[collection][0]
        return made

    def _say(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        answer = requests.request(method, f"{self.url}/xero/control/{path}", json=body, timeout=10)
        assert answer.ok, answer.text
        return simplejson.loads(answer.content, use_decimal=True) if answer.content else None
