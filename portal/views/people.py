"""Agency > People: who works here, who is invited, and what each may do."""

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.errors import ChooseAgain
from portal.forms.ids import ids
from portal.models import Role
from portal.render import done, page_or
from portal.security import me, must_be_agency_admin
from portal.services import invitations, people
from portal.services.people import Person

room = Blueprint("people", __name__, url_prefix="/people")
room.before_request(must_be_agency_admin)


@room.get("")
def index() -> Response:
    """Everybody of the agency, and the invitations that wait."""
    return _list()


@room.post("/invite")
def invite() -> AnyResponse:
    """Invite somebody by mail."""
    try:
        made = invitations.invite(me(), request.form.get("email", ""), _role(), _locations())
    except ChooseAgain as refusal:
        return _list(422, refusal)
    return done(
        f"A letter to {made.email} is on its way. Its link works for seven days.", url_for("people.index")
    )


@room.post("/invitations/<int:invitation_id>/resend")
def resend(invitation_id: int) -> AnyResponse:
    """Send the letter again; the link in the earlier one ends."""
    try:
        email = invitations.resend(me(), invitation_id)
    except ChooseAgain as refusal:
        return done(str(refusal), url_for("people.index"), "warning")
    return done(
        f"A new letter to {email} is on its way; the link before it has ended.", url_for("people.index")
    )


@room.post("/invitations/<int:invitation_id>/withdraw")
def withdraw(invitation_id: int) -> AnyResponse:
    """End an invitation."""
    email = invitations.withdraw(me(), invitation_id)
    return done(f"The invitation of {email} has ended.", url_for("people.index"))


@room.get("/<int:user_id>")
def edit(user_id: int) -> Response:
    """One person: role, locations, access."""
    return _person(people.one(me().agency_id, user_id))


@room.post("/<int:user_id>")
def save(user_id: int) -> AnyResponse:
    """Save role and locations."""
    try:
        name = people.change(me(), user_id, _role(), _locations())
    except ChooseAgain as refusal:
        return _person(people.one(me().agency_id, user_id), 422, refusal)
    return done(f"Saved. It counts from {name}'s next click on.", url_for("people.index"))


@room.post("/<int:user_id>/deactivate")
def deactivate(user_id: int) -> AnyResponse:
    """Take away somebody's access, at once."""
    try:
        name = people.deactivate(me(), user_id)
    except ChooseAgain as refusal:
        return _person(people.one(me().agency_id, user_id), 422, refusal)
    return done(f"{name} is signed out everywhere and cannot sign in any more.", url_for("people.index"))


@room.post("/<int:user_id>/activate")
def activate(user_id: int) -> AnyResponse:
    """Let somebody in again."""
    name = people.activate(me(), user_id)
    return done(f"{name} may sign in again.", url_for("people.edit", user_id=user_id))


@room.post("/second-factor")
def require_second_factor() -> AnyResponse:
    """Whether everybody of the agency needs a second factor."""
    wanted = request.form.get("required") == "yes"
    people.require_second_factor(me(), wanted)
    told = "Everybody needs a second factor now; people without one set it up at their next click."
    return done(told if wanted else "A second factor is up to each person now.", url_for("people.index"))


@room.post("/<int:user_id>/second-factor/off")
def forget_second_factor(user_id: int) -> AnyResponse:
    """For somebody who lost phone and recovery codes."""
    try:
        name = people.forget_second_factor(me(), user_id)
    except ChooseAgain as refusal:
        return _person(people.one(me().agency_id, user_id), 422, refusal)
    told = f"{name} is signed out everywhere and signs in with the password alone."
    return done(told, url_for("people.edit", user_id=user_id))


def _role() -> Role:
    try:
        return Role(request.form.get("role", ""))
    except ValueError:
        raise ChooseAgain("Choose a role.", {"role": "Choose a role."}) from None


def _locations() -> list[int]:
    return ids(request.form.getlist("location"))


def _list(status: int = 200, refusal: ChooseAgain | None = None) -> Response:
    agency_id = me().agency_id
    return page_or(
        "people/_list.html",
        "people/index.html",
        status,
        people=people.of(agency_id),
        invitations=invitations.waiting(agency_id),
        places=people.locations(agency_id),
        roles=invitations.ROLES,
        refusal=refusal,
        typed=request.form,
        ticked=_locations(),
    )


def _person(found: Person, status: int = 200, refusal: ChooseAgain | None = None) -> Response:
    given = [each.id for each in found.locations]
    return page_or(
        "people/_person.html",
        "people/edit.html",
        status,
        found=found,
        places=people.locations(found.user.agency_id),
        roles=invitations.ROLES,
        refusal=refusal,
        role=request.form.get("role") or found.user.role,
        ticked=_locations() if refusal else given,
    )
