"""What an operator wants to know first: is everything here that the portal needs."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import requests
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from portal import bell, clock, database
from portal.config import settings
from portal.extensions import db
from portal.mail import postman
from portal.mail.postman import NotDelivered
from portal.models import Authorisation, AuthorisationState
from portal.services import heartbeats, mailing
from portal.services.unit import release

TIMEOUT = 5.0
MIGRATIONS = Path(__file__).parent.parent / "migrations"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    name: str
    ok: bool
    sentence: str


def examine() -> list[Finding]:
    """Look at settings, database, migrations, Redis, workers, ticker, mail, Xero and HoopAI; changes nothing."""
    app = settings()
    looks: dict[str, Callable[[], str]] = {
        "settings": lambda: f"All settings are there; people reach the portal at {app.base_url}.",
        "database": _database,
        "migrations": _migrations,
        "redis": _redis,
        "workers": lambda: _heartbeats("worker"),
        "ticker": lambda: _heartbeats("ticker"),
        "sign-ins": _sign_ins,
        "mail": _mail,
        "xero sign-in": lambda: _reached(app.xero_identity_url),
        "xero api": lambda: _reached(app.xero_api_url),
        "hoopai api": lambda: _reached(app.hoop_api_url),
    }
    found = [_looked(name, look) for name, look in looks.items()]
    release()
    return found


class Wrong(Exception):
    """Something is not as it has to be; the message says what."""


def _looked(name: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, look())
    except Wrong as problem:
        return Finding(name, False, str(problem))
    except SQLAlchemyError as problem:
        db.session.rollback()
        return Finding(name, False, f"The database refused: {type(problem).__name__}.")


def _database() -> str:
    db.session.execute(select(1))
    if db.engine.dialect.name != "sqlite":
        version = db.session.scalar(text("show server_version"))
        return f"PostgreSQL {version} answers."
    version = db.session.scalar(text("select sqlite_version()"))
    fixed = ".".join(map(str, database.FIXED))
    if tuple(map(int, str(version).split("."))) < database.FIXED:
        raise Wrong(f"SQLite {version} can lose commits; {fixed} or newer is needed.")
    return f"SQLite {version} answers; it keeps what it committed ({fixed} or newer)."


def _migrations() -> str:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    try:
        heads = set(ScriptDirectory.from_config(config).get_heads())
    except CommandError as problem:
        raise Wrong(f"The migrations cannot be read: {problem}") from problem
    here = set(MigrationContext.configure(db.session.connection()).get_current_heads())
    if here != heads:
        raise Wrong("The tables are not the newest. Run: flask --app wsgi db upgrade")
    return "The tables are the newest."


def _redis() -> str:
    if not bell.alive():
        raise Wrong("Redis does not answer. Work goes on through the ticker, slower.")
    return "Redis answers."


def _heartbeats(kind: str) -> str:
    life = heartbeats.life(kind, heartbeats.recent())
    if not life.alive:
        raise Wrong(f"No {kind} has shown itself lately. Start: python -m jobs.{kind}")
    if life.failing:
        raise Wrong(
            f"{life.alive} alive; the last {life.most} jobs of {life.failing} of them failed: see its log."
        )
    return f"{life.alive} alive."


def _sign_ins() -> str:
    states = select(Authorisation.failing_reason, func.count()).where(
        Authorisation.state == AuthorisationState.ACTIVE
    )
    found = dict(db.session.execute(states.group_by(Authorisation.failing_reason)).all())
    if found.get("app"):
        raise Wrong(
            f"Xero does not accept the portal's own settings ({found['app']} sign-ins wait). Check XERO_CLIENT_ID "
            "and XERO_CLIENT_SECRET. No customer was disconnected by it."
        )
    if found.get("busy"):
        raise Wrong(f"{found['busy']} sign-ins could not be renewed yet; it is tried again by itself.")
    return f"{found.get(None, 0)} valid."


def _mail() -> str:
    route = settings().mail_route
    given_up, late, problem = mailing.troubles(clock.now() - timedelta(days=1))
    if given_up or late:
        raise Wrong(
            f"{given_up} letters were given up since yesterday and {late} wait. The newest reason: {problem}"
        )
    if route.prints:
        return "MAIL_URL is not set, so letters are printed to the log and reach nobody."
    try:
        postman.reach(route)
    except NotDelivered as problem:
        raise Wrong(str(problem)) from problem
    return f"{route.host}:{route.port} takes letters."


def _reached(url: str) -> str:
    host = urlsplit(url).netloc
    try:
        status = requests.get(url, timeout=TIMEOUT, allow_redirects=False).status_code
    except requests.RequestException as problem:
        raise Wrong(f"{host} cannot be reached ({type(problem).__name__}).") from problem
    if status >= 500:
        raise Wrong(f"{host} answers with {status}.")
    return f"{host} answers."
