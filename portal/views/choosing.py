"""After coming back from Xero: choosing the organisation that is meant, and confirming what it means."""

from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.errors import ChooseAgain, NotFoundHere
from portal.render import done, page_or
from portal.security import here, me, must_be_able_to_change, my_session
from portal.services import choosing
from portal.services.settling import Outcome

room = Blueprint(
    "choosing",
    __name__,
    url_prefix="/locations/<location_id>/settings/integrations/xero/choose/<int:choice_id>",
)


@room.get("")
def show(choice_id: int) -> AnyResponse:
    """What was allowed in Xero beside what is connected now."""
    must_be_able_to_change()
    try:
        choice = _choice(choice_id)
    except ChooseAgain as refusal:
        return done(str(refusal), url_for("connections.panel"), "warning")
    chosen = choice.option(request.args.get("organisation", ""))
    return page_or("choosing/_choice.html", "choosing/index.html", choice=choice, chosen=chosen)


@room.post("")
def decide(choice_id: int) -> AnyResponse:
    """Connect the chosen organisation; what needs a word is shown once more first."""
    tenant, sure = request.form.get("organisation", ""), request.form.get("sure") == "yes"
    try:
        chosen = _choice(choice_id).option(tenant)
        if chosen is not None and chosen.needs_word and not sure:
            return _again(choice_id, chosen.tenant_id, "Read what it means and tick the box to confirm.")
        outcome = choosing.decide(choice_id, tenant, my_session().id, me(), sure=sure)
    except ChooseAgain as refusal:
        return _again(choice_id, None, str(refusal))
    return _over(outcome)


@room.post("/keep")
def keep(choice_id: int) -> AnyResponse:
    """Leave everything as it was."""
    _choice(choice_id)
    return _over(choosing.decline(choice_id, my_session().id, me()))


def _choice(choice_id: int) -> choosing.Choice:
    found = choosing.choice(choice_id, my_session().id, me())
    if found.location.id != here().id:
        raise NotFoundHere
    return found


def _again(choice_id: int, tenant: str | None, sentence: str) -> AnyResponse:
    return done(sentence, url_for("choosing.show", choice_id=choice_id, organisation=tenant), "warning")


def _over(outcome: Outcome) -> AnyResponse:
    to = url_for("integrations.index", location_id=outcome.location.hoop_id)
    return done(outcome.sentence, to, "success")
