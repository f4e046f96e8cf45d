"""Settings > Integrations > HoopAI: webhooks, their signatures and verdicts, the API token, catching up."""

from typing import Any

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.errors import ChooseAgain, NotFoundHere, NotNow
from portal.models import Source
from portal.render import done, page_or
from portal.security import here, me, must_be_able_to_change
from portal.services import (
    catalogue,
    catching_up,
    deliveries,
    hoop_reader,
    payment_settings,
    sources,
)

room = Blueprint("sources", __name__, url_prefix="/locations/<location_id>/settings/integrations/hoopai")


@room.get("")
def index() -> Response:
    """Address, secret, signatures, token, catch-up and the last deliveries."""
    return _page()


@room.post("/signature")
def sign_with() -> AnyResponse:
    """Choose how deliveries are signed."""
    try:
        sources.sign_with(here().id, me(), request.form.get("scheme", ""), request.form.get("public_key", ""))
    except ChooseAgain as refusal:
        return _page(refusal)
    return done("From now on deliveries are judged by this signature.", url_for("sources.index"))


@room.post("/secret/end")
def end_previous() -> AnyResponse:
    """Refuse the previous secret from now on."""
    sources.end_previous(here().id, me())
    return done("Only the new secret counts now.", url_for("sources.index"))


@room.post("/test")
def send_test() -> AnyResponse:
    """Send a test delivery to the portal's own address."""
    tried = deliveries.send_test(here(), _source())
    kind = "success" if tried.ok else "danger"
    return done(f"{tried.sentence} ({tried.took} ms)", url_for("sources.index"), kind)


@room.post("/token")
def save_token() -> AnyResponse:
    """Try an API token and keep it."""
    try:
        lacking = hoop_reader.save_token(here().id, me(), request.form.get("token", ""))
    except ChooseAgain as refusal:
        return _page(refusal)
    except NotNow as wait:
        return done(str(wait), url_for("sources.index"), "warning")
    told = f" It lacks {', '.join(lacking)}." if lacking else ""
    return done(
        f"HoopAI accepts the token.{told}", url_for("sources.index"), "warning" if lacking else "success"
    )


@room.post("/token/forget")
def forget_token() -> AnyResponse:
    """Forget the API token."""
    hoop_reader.forget_token(here().id, me())
    return done("The token is forgotten. HoopAI is not asked any more.", url_for("sources.index"))


@room.get("/catch-up")
def progress() -> Response:
    """How far the catch-up has come."""
    return page_or("sources/_catch_up.html", "sources/index.html", **_facts())


@room.post("/catch-up")
def catch_up() -> AnyResponse:
    """Begin to catch up now."""
    try:
        catching_up.start(here().id, me())
    except ChooseAgain as refusal:
        return done(str(refusal), url_for("sources.index"), "warning")
    return done("Catching up with HoopAI has begun.", url_for("sources.index"))


@room.post("/catch-up/cancel")
def cancel() -> AnyResponse:
    """Stop the catch-up."""
    stopped = catching_up.cancel(here().id, me())
    told = "Stopped. What was read stays." if stopped else "It had ended already."
    return done(told, url_for("sources.index"))


@room.post("/payments")
def payments() -> AnyResponse:
    """Choose which payment methods are sent."""
    freed = payment_settings.save(
        here().id, me(), request.form.getlist("send"), request.form.getlist("shown")
    )
    told = f" {freed} that waited for this go out now." if freed else ""
    return done(f"Saved.{told}", url_for("sources.index"))


@room.get("/products")
def products() -> Response:
    """Collections in their order, and what each product is mapped by."""
    search = request.args.get("q", "").strip()[:100]
    return page_or(
        "sources/_products.html",
        "sources/products.html",
        shelf=catalogue.shelf(here().id, search),
        search=search,
        source=_source(),
    )


@room.post("/products/collection")
def raise_collection() -> AnyResponse:
    """Let a collection win over the others."""
    catalogue.raise_collection(here().id, me(), request.form.get("collection", ""))
    return done("This collection comes first now.", url_for("sources.products"))


@room.post("/products/own")
def map_alone() -> AnyResponse:
    """Map a product by itself or by its collection."""
    alone = request.form.get("alone") == "1"
    catalogue.map_alone(here().id, me(), request.form.get("product", ""), alone)
    told = "It is a category of its own now." if alone else "It is mapped by its collection now."
    return done(told, url_for("sources.products", q=request.form.get("q") or None))


def _source() -> Source:
    source = sources.of(here().id)
    if source is None:
        raise NotFoundHere()
    return source


def _facts() -> dict[str, Any]:
    source, run = _source(), catching_up.latest(here().id)
    return {
        "source": source,
        "webhook_url": sources.webhook_url(source),
        "schemes": sources.SCHEMES,
        "by_secret": source.scheme in sources.BY_SECRET,
        "rests": hoop_reader.resting(source),
        "scopes": list(hoop_reader.SCOPES),
        "run": run,
        "catch_up": catching_up.progress(run) if run else None,
        "deliveries": deliveries.recent(here().id),
        "methods": payment_settings.methods(here().id),
        "refused": {},
        "refusal": None,
        "typed": {},
    }


def _page(refusal: ChooseAgain | None = None) -> Response:
    if refusal is not None:
        must_be_able_to_change()
    typed = {name: value for name, value in request.form.items() if name != "token"}
    facts = {**_facts(), "typed": typed}
    if refusal is not None:
        facts |= {"refusal": str(refusal), "refused": refusal.fields}
    return page_or("sources/_page.html", "sources/index.html", 422 if refusal else 200, **facts)
