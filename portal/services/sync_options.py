"""Settings > Sync options: how this location's documents are carried to Xero, chosen in plain words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import bell
from portal.errors import ChooseAgain
from portal.extensions import db
from portal.models import Connection, Document, Invoice, Operation, Push, PushState, User
from portal.services import following, organisations, outbox, preferences
from portal.services.preferences import Preferences, SendFrom
from portal.services.unit import transaction
from portal.xero.client import XeroClient
from portal.xero.errors import XeroError

DRAIN = "jobs.pushes.drain"
FLAGS = ("for_approval", "match_by_email", "update_contacts", "drafts_at_limit")
THEMES = "branding_themes"


@dataclass(frozen=True, slots=True)
class Theme:
    """A branding theme of the connected organisation."""

    theme_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Options:
    """What is chosen now and what can be chosen. `themes` is None while Xero was not asked for them."""

    chosen: Preferences
    themes: list[Theme] | None

    @property
    def theme_gone(self) -> bool:
        """Whether the chosen theme is not among those that Xero has."""
        known = {theme.theme_id for theme in self.themes or []}
        return (
            bool(self.chosen.branding_theme)
            and self.themes is not None
            and self.chosen.branding_theme not in known
        )


def of(location_id: int) -> Options:
    """The options of a location."""
    return Options(preferences.of(db.session(), location_id), _themes(_connection(db.session(), location_id)))


def save(location_id: int, user: User, typed: Mapping[str, str]) -> int:
    """Save what was chosen; how many invoices that were too early go now. Raises ChooseAgain naming the field."""
    with transaction() as session:
        connection = outbox.guard(session, location_id)
        theme = typed.get("branding_theme", "")
        before = preferences.of(session, location_id)
        themes = _themes(connection)
        if theme not in ("", before.branding_theme, *(each.theme_id for each in themes or [])):
            raise ChooseAgain(
                "This cannot be set so.", {"branding_theme": "Choose one of the themes offered."}
            )
        changes: dict[str, Any] = {name: name in typed for name in FLAGS}
        changes |= {"send_from": typed.get("send_from", before.send_from), "branding_theme": theme}
        changes["lock_policy"] = typed.get("lock_policy", before.lock_policy)
        after = preferences.put(session, location_id, user, changes)
        unlocked = (after.lock_policy, after.drafts_at_limit) != (before.lock_policy, before.drafts_at_limit)
        again = outbox.recheck(session, location_id) if unlocked and connection else 0
        freed = _take_up_early(session, location_id, connection, after.send_from) if connection else 0
    if (freed or again) and connection is not None:
        bell.ring(DRAIN, connection.id)
    return freed


def read_themes(location_id: int) -> int:
    """Ask Xero for the branding themes and keep them; how many. Raises ChooseAgain, ConnectAgain, NotNow."""
    connection = _connection(db.session(), location_id)
    if connection is None:
        raise ChooseAgain("Connect to Xero first; the themes belong to the organisation.")
    connection_id = connection.id
    try:
        found = organisations.ask(organisations.address_of(connection_id), XeroClient.branding_themes)
    except XeroError as error:
        raise ChooseAgain(
            "Xero could not be asked for its themes just now. Try again in a minute."
        ) from error
    kept = [{"id": str(each["BrandingThemeID"]), "name": str(each.get("Name") or "")} for each in found]
    with transaction() as session:
        row = session.get_one(Connection, connection_id, with_for_update=True, populate_existing=True)
        row.organisation = {**row.organisation, THEMES: kept}
    return len(kept)


def _take_up_early(session: Session, location_id: int, connection: Connection, send_from: SendFrom) -> int:
    """Invoices that waited for a later status and are wanted from now on."""
    held = session.scalars(
        select(Invoice)
        .join(Push, Push.document_id == Invoice.id)
        .where(
            Push.location_id == location_id,
            Push.document == Document.INVOICE,
            Push.operation == Operation.CREATE,
            Push.state == PushState.SKIPPED,
            Push.message.in_(list(following.TOO_EARLY.values())),
        )
    ).all()
    wishes = Preferences(send_from=send_from)
    wanted = [invoice for invoice in held if following.too_early(invoice.status, wishes) is None]
    for invoice in wanted:
        following.push(session, invoice, connection)
    return len(wanted)


def _themes(connection: Connection | None) -> list[Theme] | None:
    kept = connection.organisation.get(THEMES) if connection else None
    if not isinstance(kept, list):
        return None
    return [Theme(str(each["id"]), str(each["name"])) for each in kept]


def _connection(session: Session, location_id: int) -> Connection | None:
    return session.scalar(select(Connection).where(Connection.location_id == location_id))
