"""Settings > Integrations > Xero > Account Mapping."""

from typing import Any

from flask import Blueprint, Response, flash, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.errors import ChooseAgain, NotFoundHere
from portal.filters import plural
from portal.forms import ids
from portal.forms.mappings import choices, seen
from portal.render import done, page_or
from portal.security import here, me
from portal.services import (
    category_products,
    health,
    mapping_history,
    mapping_preview,
    mapping_table,
    mappings,
    recoding,
    suggesting,
)
from portal.services.mapping_book import Choices
from portal.services.mappings import Saved
from portal.views import frame

room = Blueprint(
    "mappings", __name__, url_prefix="/locations/<location_id>/settings/integrations/xero/account-mapping"
)
QUERY = ("only", "q", "page", "sort", "wide")


@room.get("")
def index() -> Response:
    """Categories, taxes and payment methods with their choices."""
    return _page({}, {}, None)


@room.post("")
def save() -> AnyResponse:
    """Save what was changed; what cannot be used is said at its field and nothing is saved.

    Where invoices in Xero are concerned, or the person asks what it means, that is shown first.
    """
    if group := request.form.get("stop"):
        return _save(mappings.of_tracking(here().id, group), {})
    return _save(choices(request.form), seen(request.form))


@room.post("/suggestions")
def accept() -> AnyResponse:
    """Choose everything that is suggested, by way of the page that says what it means."""
    found = mapping_table.suggestions(here().id)
    if not found:
        return done("There is nothing to suggest.", url_for("mappings.index"), "warning")
    return _preview(found, mappings.book(here().id).chosen)


@room.post("/last-invoices")
def look() -> AnyResponse:
    """Learn from the organisation's last invoices which account a name went to."""
    try:
        count = suggesting.look(here().id)
    except ChooseAgain as refusal:
        return done(str(refusal), url_for("mappings.index"), "danger")
    return done(
        f"Your last invoices name {plural(count, 'kind')} of lines.", url_for("mappings.index", suggest=1)
    )


@room.get("/category")
def category() -> Response:
    """One category with its list of accounts, and the products in it."""
    return _category(request.args.get("key", ""), {}, None)


@room.post("/category")
def save_category() -> AnyResponse:
    """Save the account of one category or of its products."""
    try:
        return _saved_or_preview(choices(request.form), seen(request.form))
    except ChooseAgain as refusal:
        return _category(request.args.get("key", ""), refusal.fields, str(refusal))


def _save(wanted: Choices, was: Choices) -> AnyResponse:
    try:
        return _saved_or_preview(wanted, was)
    except ChooseAgain as refusal:
        return _page(request.form, refusal.fields, str(refusal))


def _saved_or_preview(wanted: Choices, was: Choices) -> AnyResponse:
    if "sure" not in request.form:
        found = mapping_preview.preview(here().id, wanted)
        if found.changes and (found.sent or "look" in request.form):
            return _shown(found, wanted, was)
    saved = mappings.save(here().id, me(), wanted, was)
    for sentence in saved.meanwhile:
        flash(sentence, "warning")
    if "recode" in request.form and saved.save_id:
        recoding_id = recoding.start(here().id, me(), saved.save_id)
        return done(_told(saved), url_for("recodings.index", recoding_id=recoding_id))
    shown = _query() | ({"saved": saved.save_id} if saved.freed else {})
    return done(_told(saved), url_for("mappings.index", **shown))


def _preview(wanted: Choices, was: Choices) -> Response:
    kept = {target: was.get(target, "") for target in wanted}
    return _shown(mapping_preview.preview(here().id, wanted), wanted, kept)


def _shown(found: mapping_preview.Preview, wanted: Choices, was: Choices) -> Response:
    return page_or(
        "mappings/_preview.html",
        "mappings/preview.html",
        preview=found,
        wanted=wanted,
        was=was,
        query=_query(),
    )


def _page(typed: Any, refused: dict[str, str], refusal: str | None) -> Response:
    args = request.args
    save_id = args.get("saved", 0, ids.number)
    asked = mapping_table.Asked(
        args.get("only", "all"), args.get("q", "").strip()[:100], args.get("sort", ""), args.get("page", 1, ids.number),
        "wide" in args,
    )  # fmt: skip
    connection = frame.glance().connection
    table = mapping_table.table(here().id, asked, connection.organisation if connection else {})
    return page_or(
        "mappings/_table.html",
        "mappings/index.html",
        422 if refusal else 200,
        table=table,
        connection=connection,
        alarms=health.alarms(here().id, table.book),
        looked_at=table.looked_at,
        save_id=save_id,
        freed=mapping_history.progress(mapping_history.one(here().id, save_id)) if save_id else None,
        only=asked.only,
        search=asked.search,
        sort=asked.sort,
        wide=asked.wide,
        suggest="suggest" in args,
        typed=typed,
        refused=refused,
        refusal=refusal,
    )


def _query() -> dict[str, Any]:
    return {name: request.args[name] for name in QUERY if name in request.args}


def _category(key: str, refused: dict[str, str], refusal: str | None) -> Response:
    row, accounts, default = mapping_table.category(here().id, key)
    if row is None:
        raise NotFoundHere("HoopAI has not used such a category here.")
    return page_or(
        "mappings/_category.html",
        "mappings/category.html",
        422 if refusal else 200,
        row=row,
        products=category_products.products(here().id, key),
        accounts=accounts,
        default=default,
        refused=refused,
        refusal=refusal,
        typed=request.form,
    )


def _told(saved: Saved) -> str:
    if not saved.changed:
        return "Nothing was changed."
    freed = ""
    if saved.freed:
        verb = "is" if saved.freed == 1 else "are"
        freed = f" {plural(saved.freed, 'document')} waited for this and {verb} on the way now."
    return f"{plural(saved.changed, 'choice')} saved.{freed}"
