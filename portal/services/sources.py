"""A location's link to HoopAI: the address its webhooks come to, and how they are signed."""

import secrets as random
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.config import settings
from portal.errors import ChooseAgain
from portal.extensions import db
from portal.hoopai import signatures
from portal.hoopai.signatures import Scheme
from portal.models import Location, Source, User
from portal.services import audit, listening, secrets
from portal.services.unit import transaction

OVERLAP = timedelta(days=7)
SCHEMES: dict[str, tuple[str, str]] = {
    Scheme.WL: ("x-wl-signature", "HMAC-SHA256 under the secret; what HoopAI's webhook page promises."),
    Scheme.GHL: ("X-GHL-Signature", "Ed25519 under HighLevel's key; what HighLevel itself sends now."),
    Scheme.WH: ("x-wh-signature", "RSA under the vendor's key; older deliveries."),
    Scheme.HOOK: ("X-Hook-Signature", "HMAC-SHA256 under the secret; named on HoopAI's testing page."),
}
BY_SECRET = frozenset({Scheme.WL, Scheme.HOOK})


def of(location_id: int) -> Source | None:
    """The location's source."""
    return db.session.scalar(select(Source).where(Source.location_id == location_id))


def webhook_url(source: Source) -> str:
    """The address to enter in HoopAI; its token names the source and cannot be guessed (256 bit)."""
    return f"{settings().base_url}/hooks/hoopai/{source.hook_token}"


def secret(source: Source) -> str:
    """The secret that HoopAI signs its deliveries with."""
    return secrets.open(source.secret_sealed, secrets.row_of(source, "secret_sealed"))


def create(session: Session, location: Location) -> Source:
    """Give a new location its source, in the transaction that makes the location."""
    source = Source(location_id=location.id, hook_token=random.token_urlsafe(32))
    source.secret_sealed = secrets.seal(random.token_urlsafe(32), source.row)
    session.add(source)
    session.flush()
    return source


def rotate(location_id: int, user: User) -> str:
    """Make a new secret and answer it; those before it count for seven more days, or until `end_previous`.

    Other processes follow within two seconds.
    """
    with transaction() as session:
        source = _held(session, location_id)
        made = random.token_urlsafe(32)
        secrets.replace(source, made, OVERLAP)
        audit.note(session, user, location_id, "sources.rotate")
        token = source.hook_token
    listening.forget(token)
    return made


def reveal(location_id: int, user: User) -> str | None:
    """The webhook secret for a person who wants to see it, which is noted; None where there is no source."""
    with transaction() as session:
        source = of(location_id)
        if source is None:
            return None
        audit.note(session, user, location_id, "sources.reveal")
        return secret(source)


def end_previous(location_id: int, user: User) -> None:
    """From now on deliveries signed with the previous secret are refused."""
    with transaction() as session:
        source = _held(session, location_id)
        source.previous_secret_sealed = source.previous_until = None
        audit.note(session, user, location_id, "sources.end_previous")
        token = source.hook_token
    listening.forget(token)


def sign_with(location_id: int, user: User, scheme: str, public_key: str = "") -> None:
    """Choose how deliveries are signed; an empty key means the vendor's own. Raises ChooseAgain."""
    if scheme not in SCHEMES:
        raise ChooseAgain("Choose one of the four ways of signing.", {"scheme": "Choose one from the list."})
    key = "" if scheme in BY_SECRET else "\n".join(public_key.split("\r\n")).strip()
    if key and not signatures.is_key(scheme, key):
        kind = "an Ed25519" if scheme == Scheme.GHL else "an RSA"
        raise ChooseAgain(
            "The public key cannot be used.",
            {"public_key": f"This is not {kind} public key in PEM or base64."},
        )
    with transaction() as session:
        source = _held(session, location_id)
        source.scheme, source.public_key = scheme, key or None
        audit.note(session, user, location_id, "sources.sign_with", scheme + (", own key" if key else ""))
        token = source.hook_token
    listening.forget(token)


def _held(session: Session, location_id: int) -> Source:
    return session.scalars(select(Source).where(Source.location_id == location_id).with_for_update()).one()
