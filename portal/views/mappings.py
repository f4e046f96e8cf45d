"""Settings > Integrations > Xero > Account Mapping."""

from typing import Any

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.errors import ChooseAgain, NotFoundHere
from portal.filters import plural
from portal.forms.mappings import choices
from portal.render import done, page_or
from portal.security import here, me
from portal.services import connections, mapping_table, mappings
from portal.services.mappings import Saved

room = Blueprint(
    "mappings", __name__, url_prefix="/locations/<location_id>/settings/integrations/xero/account-mapping"
)


@room.get("")
def index() -> Response:
    """Categories, taxes and payment methods with their choices."""
    return _page({}, {}, None)


@room.post("")
def save() -> AnyResponse:
    """Save what was changed; what cannot be used is said at its field and nothing is saved."""
    try:
        saved = mappings.save(here().id, me(), choices(request.form))
    except ChooseAgain as refusal:
        return _page(request.form, refusal.fields, str(refusal))
    return done(_told(saved), url_for("mappings.index", **_query()))


@room.get("/category")
def category() -> Response:
    """One category with its list of accounts, for organisations with many."""
    return _category(request.args.get("key", ""), None)


@room.post("/category")
def save_category() -> AnyResponse:
    """Save the account of one category."""
    try:
        saved = mappings.save(here().id, me(), choices(request.form))
    except ChooseAgain as refusal:
        return _category(request.args.get("key", ""), next(iter(refusal.fields.values()), str(refusal)))
    return done(_told(saved), url_for("mappings.index"))


def _page(typed: dict[str, str], refused: dict[str, str], refusal: str | None) -> Response:
    only = request.args.get("only", "all")
    search = request.args.get("q", "").strip()[:100]
    return page_or(
        "mappings/_table.html",
        "mappings/index.html",
        422 if refusal else 200,
        table=mapping_table.table(here().id, only, search, request.args.get("page", 1, int)),
        connection=connections.of(here().id),
        only=only,
        search=search,
        suggest="suggest" in request.args,
        typed=typed,
        refused=refused,
        refusal=refusal,
    )


def _query() -> dict[str, Any]:
    return {name: request.args[name] for name in ("only", "q", "page") if name in request.args}


def _category(key: str, refusal: str | None) -> Response:
    row, accounts, default = mapping_table.category(here().id, key)
    if row is None:
        raise NotFoundHere("HoopAI has not used such a category here.")
    return page_or(
        "mappings/_category.html",
        "mappings/category.html",
        422 if refusal else 200,
        row=row,
        accounts=accounts,
        default=default,
        refusal=refusal,
    )


def _told(saved: Saved) -> str:
    if not saved.changed:
        return "Nothing was changed."
    freed = ""
    if saved.freed:
        verb = "is" if saved.freed == 1 else "are"
        freed = f" {plural(saved.freed, 'document')} waited for this and {verb} on the way now."
    return f"{plural(saved.changed, 'choice')} saved.{freed}"
