"""The mapping's history, taking it along as CSV, copying it from another location, and the first questions."""

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.errors import ChooseAgain
from portal.filters import plural
from portal.forms import ids
from portal.models import MappingKind
from portal.render import done, page_or
from portal.security import here, me, must_be_able_to_change
from portal.services import mapping_csv, mapping_history, mapping_transfer, mappings, recoding
from portal.services.paging import Page
from portal.views.recodings import mapping_csv_response

BASE = "/locations/<location_id>/settings/integrations/xero/account-mapping"
SIZE = 20
room = Blueprint("mapping_history", __name__, url_prefix=BASE)


@room.get("/history")
def index() -> Response:
    """Every save: who, when, from, to."""
    number = max(1, request.args.get("page", 1, ids.number))
    saves, total = mapping_history.listing(here().id, number, SIZE)
    return page_or(
        "mapping_history/_list.html",
        "mapping_history/index.html",
        page=Page(saves, number, total, SIZE),
        recodings=recoding.latest(here().id, [save.id for save in saves]),
    )


@room.get("/history/<int:save_id>/freed")
def freed(save_id: int) -> Response:
    """How far what a save set free has come."""
    found = mapping_history.one(here().id, save_id)
    return page_or(
        "mappings/_freed.html",
        "mapping_history/freed.html",
        save_id=save_id,
        freed=mapping_history.progress(found),
    )


@room.post("/history/<int:save_id>/restore")
def restore(save_id: int) -> AnyResponse:
    """Take a save back, or one change of it: what was chosen before is chosen again."""
    found = mapping_history.one(here().id, save_id)
    only = ids.ids(request.form.getlist("change"))
    try:
        saved = mappings.save(here().id, me(), mapping_history.before(found, only), how="restore")
    except ChooseAgain as refusal:
        sentence = " ".join([str(refusal), *refusal.fields.values()])
        return done(sentence, url_for("mapping_history.index"), "danger")
    return done(f"{plural(saved.changed, 'choice')} restored.", url_for("mapping_history.index"))


@room.get("/mapping.csv")
def export() -> Response:
    """The whole mapping as CSV."""
    return mapping_csv_response(mapping_csv.export(here().id), "account-mapping.csv")


@room.get("/transfer")
def transfer() -> Response:
    """Import a CSV file, or copy from another location."""
    must_be_able_to_change()
    return _transfer({}, "", 200)


@room.post("/import")
def take() -> AnyResponse:
    """Read a CSV file; nothing is saved while a row is wrong, unless the good ones are asked for."""
    upload = request.files.get("file")
    text = upload.read().decode("utf-8-sig", "replace") if upload else request.form.get("text", "")
    read = mapping_csv.read(here().id, text)
    if read.wrong and "good" not in request.form:
        return _transfer({"read": read, "text": text}, "Some rows cannot be used. Nothing was saved.", 422)
    try:
        saved = mappings.save(here().id, me(), read.choices, how="import")
    except ChooseAgain as refusal:
        return _transfer(
            {"read": read, "text": text}, " ".join([str(refusal), *refusal.fields.values()]), 422
        )
    return done(f"{plural(saved.changed, 'choice')} imported.", url_for("mappings.index"))


@room.post("/copy")
def copy() -> AnyResponse:
    """Copy what fits from another location of the agency."""
    try:
        copied = mapping_transfer.copy(here().id, request.form.get("from", 0, ids.number), me())
    except ChooseAgain as refusal:
        return _transfer({}, str(refusal), 422)
    return _transfer({"copied": copied}, "", 200)


@room.get("/questions")
def questions() -> Response:
    """The first questions, which fill the table."""
    must_be_able_to_change()
    return _questions({}, None)


@room.post("/questions")
def answer() -> AnyResponse:
    """Take the answers."""
    form = request.form
    asked = mapping_transfer.questions(here().id)
    try:
        saved = mapping_transfer.answer(here().id, me(), asked, form)
    except ChooseAgain as refusal:
        return _questions(refusal.fields, str(refusal))
    return done(f"{plural(saved.changed, 'choice')} saved.", url_for("mappings.index"))


def _questions(refused: dict[str, str], refusal: str | None) -> Response:
    return page_or(
        "mapping_history/_questions.html",
        "mapping_history/questions.html",
        422 if refusal else 200,
        asked=mapping_transfer.questions(here().id),
        refused=refused,
        refusal=refusal,
        typed=request.form,
    )


def _transfer(found: dict[str, object], refusal: str, status: int) -> Response:
    context: dict[str, object] = {"read": None, "text": "", "copied": None, **found}
    return page_or(
        "mapping_history/_transfer.html",
        "mapping_history/transfer.html",
        status,
        refusal=refusal,
        others=mapping_transfer.sources(here(), me()),
        kinds=MappingKind,
        **context,
    )
