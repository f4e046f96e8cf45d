"""Secrets at rest: sealed with the app's keys and bound to the row they belong to."""

from datetime import timedelta
from typing import TypeVar

from sqlalchemy import select

from portal import clock
from portal.config import settings
from portal.crypto import Sealer
from portal.extensions import db
from portal.models import Authorisation, ConsentRun, Mail, SecondFactor, Source, WebhookEndpoint
from portal.services.unit import transaction

Kept = TypeVar("Kept", Authorisation, Source, ConsentRun, Mail, SecondFactor, WebhookEndpoint)
MOST_BEFORE = 5


def seal(plain: str, row: str) -> str:
    """Seal a secret for the row with this identity, under the first key of TOKEN_KEYS."""
    return _sealer().seal(plain, row)


def open(sealed: str, row: str) -> str:
    """The secret that was sealed for this row; another row's secret, or a changed one, is refused."""
    return _sealer().open(sealed, row)


def hook_secrets(source: Source | WebhookEndpoint) -> list[str]:
    """The secrets that a delivery to this source may be, or to this address is, signed with: the present one, and
    those before it for as long as they count.
    """
    found = [open(source.secret_sealed, source.row)]
    if source.previous_counts:
        column = "previous_secret_sealed"
        found += open(getattr(source, column), row_of(source, column)).split()
    return found


def replace(source: Source | WebhookEndpoint, fresh: str, overlap: timedelta) -> None:
    """Give this row another secret; all that count today, the five newest at most, count on for `overlap`."""
    before = " ".join(hook_secrets(source)[:MOST_BEFORE])
    source.previous_secret_sealed = seal(before, row_of(source, "previous_secret_sealed"))
    source.previous_until = clock.now() + overlap
    source.secret_sealed = seal(fresh, source.row)


def reseal() -> dict[str, int]:
    """Seal every kept secret under the first key; how many of each table were changed.

    A row at a time, so it may be stopped and run again at any moment, and the portal works meanwhile.
    """
    return {
        "authorisations": _each(Authorisation, ("tokens_sealed", "previous_sealed")),
        "sources": _each(Source, ("secret_sealed", "previous_secret_sealed", "api_token_sealed")),
        "consent_runs": _each(ConsentRun, ("verifier_sealed",)),
        "mails": _each(Mail, ("body_sealed",)),
        "second_factors": _each(SecondFactor, ("secret_sealed",)),
        "webhook_endpoints": _each(WebhookEndpoint, ("secret_sealed", "previous_secret_sealed")),
    }


def row_of(
    row: Authorisation | Source | ConsentRun | Mail | SecondFactor | WebhookEndpoint, column: str
) -> str:
    """The identity a column's secret is bound to: the row's, with the column where a row keeps several."""
    plain = {"tokens_sealed", "secret_sealed", "verifier_sealed", "body_sealed"}
    return row.row if column in plain else f"{row.row}:{column.removesuffix('_sealed')}"


def _each(table: type[Kept], columns: tuple[str, ...]) -> int:
    ids = list(db.session.scalars(select(table.id)))
    return sum(_one(table, row_id, columns) for row_id in ids)


def _one(table: type[Kept], row_id: int, columns: tuple[str, ...]) -> int:
    sealer = _sealer()
    with transaction() as session:
        row = session.get(table, row_id, with_for_update=True, populate_existing=True)
        if row is None:
            return 0
        older = [name for name in columns if _is_older(sealer, getattr(row, name))]
        for name in older:
            setattr(row, name, sealer.reseal(getattr(row, name), row_of(row, name)))
    return bool(older)


def _is_older(sealer: Sealer, sealed: str | None) -> bool:
    return bool(sealed) and not sealer.is_current(str(sealed))


def _sealer() -> Sealer:
    return Sealer.from_text(settings().token_keys)
