"""What the stand-in is told at its start."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CLIENT_ID = "SANDBOXCLIENT0000000000000000001"
CLIENT_SECRET = "sandbox-secret-not-for-production"
CALLBACK = "/integrations/xero/callback"
_LOCAL = re.compile(r"^http://localhost(:\d+)?/integrations/xero/callback$")


@dataclass(frozen=True)
class Settings:
    """The one registered app. `redirect_uris`: exact texts; None allows the portal's callback on any local port."""

    client_id: str = CLIENT_ID
    client_secret: str = CLIENT_SECRET
    app_name: str = "HoopAI portal"
    portal_url: str = "http://localhost:8000"
    redirect_uris: tuple[str, ...] | None = None

    @classmethod
    def read(cls, given: Mapping[str, Any] | None) -> Settings:
        """From the sandbox's settings, prefixed `xero_` (`xero_redirect_uris`, `xero_client_id`, …)."""
        given = given or {}
        known = {name: given[f"xero_{name}"] for name in cls.__dataclass_fields__ if f"xero_{name}" in given}
        if "portal_url" in given:
            known["portal_url"] = str(given["portal_url"]).rstrip("/")
        if known.get("redirect_uris") is not None:
            known["redirect_uris"] = tuple(known["redirect_uris"])
        return cls(**known)

    def redirect_allowed(self, uri: str) -> bool:
        """Exact match with a registered address: https, or http on the name localhost."""
        if not uri.startswith(("https://", "http://localhost:", "http://localhost/")):
            return False
        if self.redirect_uris is not None:
            return uri in self.redirect_uris
        return uri == f"{self.portal_url}{CALLBACK}" or bool(_LOCAL.match(uri))
