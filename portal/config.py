"""Settings of one portal, read once from the environment."""

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from urllib.parse import urlsplit

from flask import current_app

from portal.errors import SettingMissing
from portal.mail import routes

KEY_LIFE = 360
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
DEFAULTS = {
    "BASE_URL": "http://localhost:8000",
    "XERO_AUTHORIZE_URL": "https://login.xero.com/identity/connect/authorize",
    "XERO_IDENTITY_URL": "https://identity.xero.com",
    "XERO_API_URL": "https://api.xero.com",
    "HOOP_API_URL": "https://services.leadconnectorhq.com",
    "MAIL_URL": "log://",
    "METRICS_TOKEN": "",
    "ENGINE_TIMINGS": "",
    "RETENTION_DAYS": "400",
}
REQUIRED = {
    "DATABASE_URL": "an SQLAlchemy URL, for example postgresql://user:pass@host/portal",
    "REDIS_URL": "redis://host:6379/0 or unix:///path/to/socket",
    "SECRET_KEY": "at least 32 random characters",
    "TOKEN_KEYS": "comma-separated id:base64 of 256-bit keys",
    "XERO_CLIENT_ID": "the client id of your Xero app",
    "XERO_CLIENT_SECRET": "the client secret of your Xero app",
}


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds that the push protocol lives by; `docs/engine.md` says why they are what they are.

    The proof needs resend + send + quiet < 360, the life of Xero's idempotency keys.
    """

    lease: float = 30
    send: float = 5
    resend: float = 60
    quiet: float = 180
    quantum: float = 10

    @classmethod
    def parse(cls, text: str) -> "Timings":
        """`"lease=2,quiet=3"` → Timings; unnamed ones keep their default. Raises SettingMissing."""
        known = {f.name for f in fields(cls)}
        try:
            pairs = dict(part.split("=", 1) for part in text.split(",") if part.strip())
            values = {name.strip(): float(value) for name, value in pairs.items()}
        except ValueError as error:
            raise SettingMissing(f"ENGINE_TIMINGS is not name=seconds,…: {text!r}") from error
        if unknown := set(values) - known:
            raise SettingMissing(f"ENGINE_TIMINGS names {sorted(unknown)}; known are {sorted(known)}.")
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the portal takes from outside; secrets never appear in `repr`."""

    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    secret_key: str = field(repr=False)
    token_keys: str = field(repr=False)
    xero_client_id: str
    xero_client_secret: str = field(repr=False)
    base_url: str
    xero_authorize_url: str
    xero_identity_url: str
    xero_api_url: str
    hoop_api_url: str
    mail_url: str = field(repr=False)
    metrics_token: str = field(repr=False)
    timings: Timings = Timings()
    retention_days: int = 400

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> "Settings":
        """Read and check all settings. Raises SettingMissing naming the first that is wrong."""
        source = os.environ if env is None else env
        values = {name: _value(source, name) for name in [*REQUIRED, *DEFAULTS]}
        timings = Timings.parse(values.pop("ENGINE_TIMINGS"))
        days = _days(values.pop("RETENTION_DAYS"))
        plain = {name.lower(): value for name, value in values.items()}
        settings = cls(**plain, timings=timings, retention_days=days)
        _check(settings)
        return settings

    @property
    def secure(self) -> bool:
        """Whether people reach the portal over https."""
        return self.base_url.startswith("https://")

    @property
    def redirect_uri(self) -> str:
        """The one redirect URI registered with the Xero app."""
        return f"{self.base_url}/integrations/xero/callback"

    @property
    def mail_route(self) -> routes.Route:
        """Where letters to people go."""
        return routes.read(self.mail_url)


def settings() -> Settings:
    """The settings of the current app."""
    found: Settings = current_app.extensions["portal.settings"]
    return found


def _value(source: Mapping[str, str], name: str) -> str:
    path = source.get(f"{name}_FILE")
    text = _from_file(name, path) if path else source.get(name, DEFAULTS.get(name, ""))
    if not text and name in REQUIRED:
        raise SettingMissing(f"{name} is not set; expected {REQUIRED[name]}.")
    return text.rstrip("/") if name.endswith("_URL") and name not in (*REQUIRED, "MAIL_URL") else text


def _from_file(name: str, path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise SettingMissing(f"{name}_FILE names {path}, which cannot be read: {error.strerror}.") from error


def _days(text: str) -> int:
    if not text.isdigit() or int(text) < 31:
        raise SettingMissing(f"RETENTION_DAYS is {text!r}; expected a whole number of days, 31 or more.")
    return int(text)


def _check(settings: Settings) -> None:
    if len(settings.secret_key) < 32:
        raise SettingMissing(f"SECRET_KEY is too short; expected {REQUIRED['SECRET_KEY']}.")
    _check_keys(settings.token_keys)
    _check_timings(settings)
    _check_mail(settings.mail_url)
    for name in ("base_url", "xero_authorize_url", "xero_identity_url", "xero_api_url", "hoop_api_url"):
        _check_address(name.upper(), getattr(settings, name))


def _check_timings(settings: Settings) -> None:
    """The proof of exactly once needs these; shorter ones are for tests on this machine alone."""
    timings = settings.timings
    if timings.resend + timings.send + timings.quiet >= KEY_LIFE:
        raise SettingMissing(
            f"ENGINE_TIMINGS: resend, send and quiet must make less than {KEY_LIFE} seconds."
        )
    local = urlsplit(settings.xero_api_url).hostname in LOOPBACK
    if not local and (timings.quiet < Timings().quiet or timings.send > Timings().send):
        raise SettingMissing(
            "ENGINE_TIMINGS: with the real Xero, quiet is at least 180 and send at most 5 seconds."
        )


def _check_mail(url: str) -> None:
    try:
        routes.read(url)
    except ValueError as error:
        raise SettingMissing(f"MAIL_URL is malformed ({error}); expected {routes.EXPECTED}.") from None


def _check_keys(text: str) -> None:
    for part in text.split(","):
        key_id, _, encoded = part.strip().partition(":")
        try:
            good = bool(key_id) and len(base64.b64decode(encoded, validate=True)) == 32
        except ValueError:
            good = False
        if not good:
            raise SettingMissing(f"TOKEN_KEYS is malformed; expected {REQUIRED['TOKEN_KEYS']}.")


def _check_address(name: str, url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname and "@" not in parts.netloc:
        return
    if parts.scheme == "http" and parts.hostname in LOOPBACK:
        return
    raise SettingMissing(f"{name} is {url!r}; expected an https:// address (http:// only for localhost).")
