"""Ways in without a password: an invitation, and a new password by mail."""

from flask import Blueprint, flash, make_response, redirect, render_template, session, url_for
from flask_login import login_user, logout_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response

from portal import throttle
from portal.errors import ChooseAgain
from portal.filters import plural
from portal.forms.people import Forgot, Join, NewPassword
from portal.render import done
from portal.security import admitted, browser, client_address, person
from portal.services import invitations, resets, users
from portal.views.fields import refuse

room = Blueprint("entering", __name__)
ASKED = (
    "If somebody with this address works here, a letter is on its way. The link in it works for one hour. "
    "Look into the spam folder too."
)


@room.route("/forgot-password", methods=["GET", "POST"])
def forgot_password() -> Response:
    """Ask for a link; the answer is the same for every address."""
    form = Forgot()
    if not form.validate_on_submit():
        return _page("sessions/forgot_password.html", form)
    email = (form.email.data or "").strip()
    if wait := throttle.wait_before(f"reset {email}", client_address()):
        form.email.errors = [f"Too many tries. The next one counts in {plural(wait, 'second')}."]
        return _page("sessions/forgot_password.html", form)
    resets.ask(email)
    return done(ASKED, url_for("sessions.sign_in"))


@room.route("/reset-password/<key>", methods=["GET", "POST"])
def reset_password(key: str) -> Response:
    """Choose the new password."""
    form, user = NewPassword(), resets.behind(key)
    if form.validate_on_submit():
        try:
            resets.reset(key, form.password.data or "")
        except ChooseAgain as refusal:
            refuse(form, refusal)
        else:
            _leave()
            return done("Your password is changed. Sign in with it.", url_for("sessions.sign_in"))
    return _page("sessions/reset_password.html", form, email=user.email)


@room.route("/invitations/<key>", methods=["GET", "POST"])
def invitation(key: str) -> Response:
    """Say who one is, choose a password, and be in."""
    found = invitations.behind(key)
    form = Join(name=found.name)
    if form.validate_on_submit():
        try:
            user_id = invitations.accept(key, form.name.data or "", form.password.data or "")
        except ChooseAgain as refusal:
            refuse(form, refusal)
        else:
            return _enter(user_id)
    role = invitations.ROLES[found.role]
    return _page("sessions/invitation.html", form, email=found.email, agency=found.agency.name, role=role)


def _enter(user_id: int) -> Response:
    _leave()
    login_user(admitted(users.begin(user_id, client_address(), browser())))
    session.permanent = True
    flash("Welcome. These are the locations that you work in.", "success")
    return redirect(url_for("overview.index"), 303)


def _leave() -> None:
    """Whoever was signed in on this browser no longer is."""
    if found := person():
        users.sign_out(found.key)
    logout_user()
    session.clear()


def _page(template: str, form: FlaskForm, **context: object) -> Response:
    status = 422 if form.is_submitted() else 200
    return make_response(render_template(template, form=form, **context), status)
