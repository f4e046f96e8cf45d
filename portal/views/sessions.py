"""Signing in and out."""

from flask import Blueprint, make_response, redirect, render_template, request, session, url_for
from flask_login import login_user, logout_user
from werkzeug.wrappers import Response

from portal import throttle
from portal.errors import ChooseAgain
from portal.filters import plural
from portal.forms.people import Code
from portal.forms.sessions import SignIn
from portal.security import admitted, browser, client_address, person, safe_next
from portal.services import users
from portal.views.fields import refuse

room = Blueprint("sessions", __name__)
PENDING = "pending"


@room.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> Response:
    """The sign-in page and its form."""
    if person() is not None:
        return redirect(safe_next(request.values.get("next")), 303)
    form = SignIn(next=request.args.get("next"))
    if not form.validate_on_submit():
        return _page(form, None, 422 if form.is_submitted() else 200)
    try:
        key = _try((form.email.data or "").strip(), form.password.data or "")
    except ChooseAgain as refusal:
        return _page(form, str(refusal), 422)
    session.clear()
    if users.is_pending(key):
        session[PENDING] = key
        return redirect(url_for("sessions.code", next=form.next.data or None), 303)
    return _enter(key, form.next.data)


@room.route("/sign-in/code", methods=["GET", "POST"])
def code() -> Response:
    """The second factor's code, after the password."""
    key = str(session.get(PENDING, ""))
    if not users.is_pending(key):
        return redirect(url_for("sessions.sign_in"), 303)
    form = Code()
    if form.validate_on_submit():
        try:
            return _enter(_try_code(key, form.code.data or ""), request.args.get("next"))
        except ChooseAgain as refusal:
            refuse(form, refusal)
    status = 422 if form.is_submitted() else 200
    return make_response(render_template("sessions/code.html", form=form), status)


@room.post("/sign-out")
def sign_out() -> Response:
    """End the session here and in the database."""
    if found := person():
        users.sign_out(found.key)
    logout_user()
    session.clear()
    return redirect(url_for("sessions.sign_in"), 303)


def _enter(key: str, wanted: str | None) -> Response:
    session.clear()
    session.permanent = True
    login_user(admitted(key))
    return redirect(safe_next(wanted), 303)


def _try_code(key: str, typed: str) -> str:
    """A guess at the code counts against the account, wherever it comes from."""
    account = f"code {users.who_is_pending(key)}"
    if wait := throttle.wait_before(account, client_address()):
        raise ChooseAgain(f"Too many tries. The next one counts in {plural(wait, 'second')}.")
    entered = users.enter_code(key, typed, client_address(), browser())
    throttle.forgive(account, client_address())
    return entered


def _try(email: str, password: str) -> str:
    if wait := throttle.wait_before(email, client_address()):
        raise ChooseAgain(f"Too many tries. The next one counts in {plural(wait, 'second')}.")
    key = users.sign_in(email, password, client_address(), browser())
    throttle.forgive(email, client_address())
    return key


def _page(form: SignIn, refusal: str | None, status: int) -> Response:
    return make_response(render_template("sessions/sign_in.html", form=form, refusal=refusal), status)
