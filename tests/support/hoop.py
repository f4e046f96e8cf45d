"""Being the HoopAI user: create, send, pay and void invoices in the stand-in, and look at its deliveries."""

from typing import Any

import requests
import simplejson

GST = "66e0aa00bb11cc22dd33ee44"


class Hoop:
    """Control of one sandbox's HoopAI, for one location."""

    def __init__(self, url: str, location_id: str) -> None:
        self.url = url
        self.location_id = location_id

    def listen(self, url: str, secret: str, scheme: str = "x-wl-signature", envelope: str = "flat") -> None:
        """Have this location's events delivered to an address."""
        wish = {"url": url, "secret": secret, "scheme": scheme, "envelope": envelope}
        self._say("POST", "webhooks", {"location_id": self.location_id, **wish})

    def listening(self) -> str:
        """Where this location's events are delivered."""
        hooks = self._say("GET", "webhooks")["webhooks"]
        return next(str(each["url"]) for each in hooks if each["location_id"] == self.location_id)

    def create(self, *lines: dict[str, Any], send: bool = True, **more: Any) -> dict[str, Any]:
        """A new invoice for Lantern Foods unless another contact is named."""
        contact = {"name": "Mira Okafor", "companyName": "Lantern Foods", "email": "mira@lantern.example"}
        wish = {"location_id": self.location_id, "contact": contact, "lines": list(lines), "send": send}
        made: dict[str, Any] = self._say("POST", "invoices", {**wish, **more})
        return made

    def tell_of(self, *kinds: str) -> None:
        """Which events are delivered, by how their names begin."""
        self._say("POST", "webhooks", {"location_id": self.location_id, "events": list(kinds)})

    def contact(self, **fields: Any) -> dict[str, Any]:
        """Make a contact, or change the one whose `id` is given."""
        kept: dict[str, Any] = self._say("POST", "contacts", {"location_id": self.location_id, **fields})
        return kept

    def act(self, invoice_id: str, verb: str, **more: Any) -> dict[str, Any]:
        """send, pay, void, delete, edit … an invoice."""
        after: dict[str, Any] = self._say("POST", f"invoices/{invoice_id}/{verb}", more)
        return after

    def bulk(self, count: int, **more: Any) -> Any:
        """Many invoices at once."""
        return self._say("POST", "invoices/bulk", {"location_id": self.location_id, "count": count, **more})

    def redeliver(self, **how: Any) -> Any:
        """Send a delivery again: `times`, `unsigned`, `out_of_order`."""
        return self._say("POST", "redeliver", {"event_id": "last", "location_id": self.location_id, **how})

    def token(self, *scopes: str) -> str:
        """A new private integration token, with all scopes unless some are named."""
        wish = {"location_id": self.location_id, **({"scopes": list(scopes)} if scopes else {})}
        return str(self._say("POST", "tokens", wish)["token"])

    def revoke(self, token: str) -> None:
        """Take a token away."""
        self._say("DELETE", f"tokens/{token}")

    def hold(self, held: bool, *, backwards: bool = False) -> None:
        """Hold deliveries back, or let them go, `backwards`: the newest first."""
        self._say(
            "POST",
            "webhooks/pause" if held else "webhooks/resume",
            {"order": "reversed" if backwards else ""},
        )

    def limit(self, burst: int = 100, day: int = 200_000) -> None:
        """The REST rate limits: calls in ten seconds and a day."""
        self._say("POST", "limits", {"burst": burst, "day": day})

    def deaf(self, deaf: bool = True) -> None:
        """Deliver nothing any more, as if every webhook were lost; False: again to the same address."""
        hooks = self._say("GET", "webhooks")["webhooks"]
        mine = next((each for each in hooks if each["location_id"] == self.location_id), None)
        if deaf and mine:
            self._heard_at = {name: mine[name] for name in ("url", "secret", "scheme", "envelope")}
        wish = {"url": ""} if deaf else self._heard_at
        self._say("POST", "webhooks", {"location_id": self.location_id, **wish})

    def collection(self, name: str, **more: Any) -> str:
        """A product collection; its id."""
        wish = {"location_id": self.location_id, "name": name, **more}
        return str(self._say("POST", "collections", wish)["_id"])

    def product(self, name: str, amount: str, *collections: str, **more: Any) -> str:
        """A product in some collections; its id."""
        wish = {"location_id": self.location_id, "name": name, "amount": amount, **more}
        return str(self._say("POST", "products", {**wish, "collection_ids": list(collections)})["_id"])

    def transactions(self, invoice_id: str) -> list[dict[str, Any]]:
        """The invoice's transactions as HoopAI keeps them."""
        books = self._say("GET", f"books?location_id={self.location_id}")["locations"][0]
        return [each for each in books["transactions"] if each["entityId"] == invoice_id]

    def keys(self) -> dict[str, str]:
        """The public keys that the stand-in signs with."""
        found: dict[str, str] = self._say("GET", "keys")
        return found

    def books(self) -> dict[str, Any]:
        """Everything HoopAI has of this location."""
        found: dict[str, Any] = self._say("GET", f"books?location_id={self.location_id}")["locations"][0]
        return found

    def deliveries(self) -> list[dict[str, Any]]:
        """What was delivered, with every attempt."""
        heard = self._say("GET", f"deliveries?location_id={self.location_id}")
        found: list[dict[str, Any]] = heard["deliveries"]
        return found

    def idle(self) -> bool:
        """Whether everything that happened has been delivered, or given up."""
        return bool(self._say("GET", "postman")["idle"])

    def _say(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = simplejson.dumps(body, use_decimal=True) if body is not None else None
        headers = {"Content-Type": "application/json"}
        url = f"{self.url}/hoopai/control/{path}"
        answer = requests.request(method, url, data=data, headers=headers, timeout=20)
        assert answer.ok, answer.text
        return simplejson.loads(answer.content, use_decimal=True) if answer.content else None


def line(name: str, amount: str, qty: str = "1", *taxes: str, **more: Any) -> dict[str, Any]:
    """One line of an invoice; taxes by id."""
    return {"name": name, "amount": amount, "qty": qty, "taxes": list(taxes), **more}
