"""A portal for tests: settings of its own, the whole app or only its ground floor, and the demo agency in it."""

import atexit
import secrets
import shutil
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import create_engine

from portal import bell, database
from portal.config import Settings
from portal.crypto import new_key
from portal.extensions import db
from portal.models import Base, Location, User
from portal.services import consents, demo, users
from portal.services.unit import release
from tests.support import consent

HARBOUR, KAURI = demo.LOCATIONS[0][0], demo.LOCATIONS[1][0]
AU, NZ, UK = "AU", "NZ", "GB"


def settings_for(database_url: str, redis_url: str, sandbox_url: str, **changes: str) -> Settings:
    """Settings of a portal that talks to this sandbox; `changes` are environment names."""
    return Settings.from_env(
        {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "SECRET_KEY": secrets.token_hex(32),
            "TOKEN_KEYS": new_key("k1"),
            "BASE_URL": "http://localhost:8000",
            "XERO_CLIENT_ID": "SANDBOXCLIENT0000000000000000001",
            "XERO_CLIENT_SECRET": "sandbox-secret-not-for-production",
            "XERO_AUTHORIZE_URL": f"{sandbox_url}/xero/identity/connect/authorize",
            "XERO_IDENTITY_URL": f"{sandbox_url}/xero",
            "XERO_API_URL": f"{sandbox_url}/xero",
            "HOOP_API_URL": f"{sandbox_url}/hoopai",
            **changes,
        }
    )


def ground_floor(settings: Settings, lines: int = 0) -> Flask:
    """The portal without its pages: settings, database and bell, which is all that services need.

    `lines` is the most connections it opens to PostgreSQL, for many processes beside one another.
    """
    app = Flask("portal")
    app.extensions["portal.settings"] = settings
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=database.engine_options(settings.database_url),
    )
    if lines and settings.database_url.startswith("postgresql"):
        app.config["SQLALCHEMY_ENGINE_OPTIONS"] |= {"pool_size": lines, "max_overflow": 0}
    bell.register(app, settings.redis_url)
    db.init_app(app)
    with app.app_context():
        db.metadatas[None] = Base.metadata
        database.prepare(db.engine)
    return app


def make_tables(app: Flask) -> None:
    """Create all tables in an empty database; an SQLite file is copied from one that was made once."""
    with app.app_context():
        place = db.engine.url.database if db.engine.dialect.name == "sqlite" else None
        if place and not Path(place).exists():
            shutil.copyfile(_empty_file(), place)
        else:
            Base.metadata.create_all(db.engine)


@cache
def _empty_file() -> Path:
    """An SQLite file with all tables and no row."""
    folder = Path(tempfile.mkdtemp(prefix="portal-tables-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    engine = create_engine(sqlite_url(folder), **database.engine_options("sqlite://"))
    database.prepare(engine)
    Base.metadata.create_all(engine)
    engine.dispose()
    return folder / "portal.sqlite3"


def dispose(app: Flask) -> None:
    """Close the app's connections to its database."""
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def sqlite_url(folder: Path) -> str:
    """A database file of this test's own."""
    return f"sqlite:///{folder / 'portal.sqlite3'}"


@dataclass(frozen=True)
class SignedIn:
    """A person of the demo agency with a session; ids only, so that they survive every transaction."""

    user_id: int
    session_id: int
    key: str

    @property
    def user(self) -> User:
        """The person, freshly read."""
        return db.session.get_one(User, self.user_id)


def ana() -> SignedIn:
    """The demo agency's admin, signed in."""
    key = users.sign_in(demo.EMAIL, demo.PASSWORD, "127.0.0.1", "a test")
    session = users.session_for(key)
    assert session is not None
    return SignedIn(session.user_id, session.id, key)


def location(hoop_id: str = HARBOUR) -> Location:
    """A location of the demo agency, freshly read."""
    return users.location_for(db.session.query(User).filter_by(email=demo.EMAIL).one(), hoop_id)


def connect(
    person: SignedIn, hoop_id: str = HARBOUR, country: str = AU, xero_user: str = "mia"
) -> consents.Outcome:
    """Connect a location by going through the sandbox's consent page as a Xero user who allows it."""
    url = consents.begin(location(hoop_id), person.user, person.session_id)
    release()
    return complete(person, consent.allow(url, xero_user, country))


def allow_two(
    person: SignedIn, hoop_id: str, first: str, second: str, xero_user: str = "mia"
) -> dict[str, str]:
    """Xero's answer to a consent after which two organisations may have been meant.

    The first one is allowed, then the second, then the first again: its event is no longer that of the answer.
    """
    answers = []
    for country in (first, second, first):
        url = consents.begin(location(hoop_id), person.user, person.session_id)
        release()
        answers.append(consent.allow(url, xero_user, country))
    return answers[0]


def complete(person: SignedIn, answer: dict[str, str]) -> consents.Outcome:
    """Come back from Xero with this answer."""
    return consents.complete(
        answer.get("state"), answer.get("code"), answer.get("error"), person.session_id, person.user
    )


def sign_in(client: FlaskClient) -> FlaskClient:
    """Sign the demo admin in through the page, form token included."""
    page = client.get("/sign-in")
    form = consent.inputs(page.get_data(as_text=True))
    answer = client.post("/sign-in", data={**form, "email": demo.EMAIL, "password": demo.PASSWORD})
    assert answer.status_code in (302, 303), answer.get_data(as_text=True)
    return client


def connect_through_pages(client: FlaskClient, hoop_id: str = HARBOUR, country: str = AU) -> str:
    """Press Connect, allow in the sandbox, come back; the text of the page that says so."""
    start = client.get(f"/locations/{hoop_id}/settings/integrations/xero/connect")
    back = consent.allow(start.headers["Location"], "mia", country)
    return client.get("/integrations/xero/callback", query_string=back, follow_redirects=True).get_data(
        as_text=True
    )


def query_of(url: str) -> dict[str, str]:
    """The query of an address, one value a name."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def environment(settings: Settings) -> dict[str, str]:
    """The environment that gives another process the same settings."""
    names = (
        "database_url", "redis_url", "secret_key", "token_keys", "base_url", "xero_client_id", "xero_client_secret",
        "xero_authorize_url", "xero_identity_url", "xero_api_url", "hoop_api_url",
    )  # fmt: skip
    return {name.upper(): str(getattr(settings, name)) for name in names}
