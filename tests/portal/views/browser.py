"""A browser without JavaScript: keeps cookies, finds the form token, posts forms."""

import html
import re
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


class Browser:
    """One person's browser on the portal."""

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client()

    def get(self, path: str, **headers: str) -> TestResponse:
        """Open an address."""
        return self.client.get(path, headers=_dashed(headers))

    def post(
        self, path: str, data: dict[str, Any] | None = None, token: str | None = None, **headers: str
    ) -> TestResponse:
        """Post a form with the token that the pages carry."""
        fields = {"csrf_token": token if token is not None else self.token(), **(data or {})}
        return self.client.post(path, data=fields, headers=_dashed(headers))

    def token(self) -> str:
        """A form token of this browser's session."""
        pages = ("/", "/sign-in", "/account/second-factor")
        found = next(filter(None, (TOKEN.search(self.client.get(page).text) for page in pages)), None)
        assert found, "no page with a form token"
        return html.unescape(found[1])

    def sign_in(self, email: str, password: str, next_page: str = "") -> TestResponse:
        """Fill in the sign-in form."""
        return self.post("/sign-in", {"email": email, "password": password, "next": next_page})


def _dashed(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
