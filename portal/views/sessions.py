"""Signing in and out."""

from flask import Blueprint, make_response, redirect, render_template, request, session, url_for
from flask_login import login_user, logout_user
from werkzeug.wrappers import Response

from portal import throttle
from portal.errors import ChooseAgain
from portal.filters import plural
from portal.forms.sessions import SignIn
from portal.security import Person, admitted, browser, client_address, person, safe_next
from portal.services import users

room = Blueprint("sessions", __name__)


@room.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> Response:
    """The sign-in page and its form."""
    if person() is not None:
        return redirect(safe_next(request.values.get("next")), 303)
    form = SignIn(next=request.args.get("next"))
    if not form.validate_on_submit():
        return _page(form, None, 422 if form.is_submitted() else 200)
    try:
        entered = _admit((form.email.data or "").strip(), form.password.data or "")
    except ChooseAgain as refusal:
        return _page(form, str(refusal), 422)
    session.clear()
    session.permanent = True
    login_user(entered)
    return redirect(safe_next(form.next.data), 303)


@room.post("/sign-out")
def sign_out() -> Response:
    """End the session here and in the database."""
    if found := person():
        users.sign_out(found.key)
    logout_user()
    session.clear()
    return redirect(url_for("sessions.sign_in"), 303)


def _admit(email: str, password: str) -> Person:
    if wait := throttle.wait_before(email, client_address()):
        raise ChooseAgain(f"Too many tries. The next one counts in {plural(wait, 'second')}.")
    key = users.sign_in(email, password, client_address(), browser())
    throttle.forgive(email, client_address())
    return admitted(key)


def _page(form: SignIn, refusal: str | None, status: int) -> Response:
    return make_response(render_template("sessions/sign_in.html", form=form, refusal=refusal), status)
