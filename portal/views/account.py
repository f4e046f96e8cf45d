"""Your account: password, second factor, and where you are signed in. For everybody, viewers included."""

from flask import Blueprint, Response, flash, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from portal import throttle
from portal.errors import ChooseAgain
from portal.filters import plural
from portal.forms.people import ChangePassword, Code, SwitchOff
from portal.render import done, page_or
from portal.security import client_address, me, my_session
from portal.services import own_password, second_factor, sign_ins
from portal.views.fields import refuse

room = Blueprint("account", __name__, url_prefix="/account")


@room.get("")
def index() -> Response:
    """Password, second factor, devices."""
    return _account(ChangePassword())


@room.post("/password")
def password() -> AnyResponse:
    """Change the password."""
    form = ChangePassword()
    if form.validate_on_submit():
        try:
            _slowly()
            own_password.change(me(), my_session().id, form.present.data or "", form.password.data or "")
        except ChooseAgain as refusal:
            refuse(form, refusal)
        else:
            return done(
                "Your password is changed. Every other device is signed out.", url_for("account.index")
            )
    return _account(form, 422)


@room.post("/sessions/<int:session_id>/end")
def end(session_id: int) -> AnyResponse:
    """Sign out one device."""
    sign_ins.end(me(), session_id)
    return done("That device is signed out.", url_for("account.index"))


@room.post("/sessions/end-others")
def end_others() -> AnyResponse:
    """Sign out every device but this one."""
    count = sign_ins.end_others(me(), my_session().id)
    return done(f"{plural(count, 'other device')} signed out.", url_for("account.index"))


@room.get("/second-factor")
def factor() -> Response:
    """Set it up, or look after it."""
    return _factor()


@room.post("/second-factor/start")
def start() -> AnyResponse:
    """Make a secret for the app."""
    try:
        second_factor.start(me())
    except ChooseAgain as refusal:
        flash(str(refusal), "warning")
    return done("Now photograph the picture with your app.", url_for("account.factor"))


@room.post("/second-factor/confirm")
def confirm() -> AnyResponse:
    """Switch it on with the first code; the recovery codes are shown once."""
    form = Code()
    if form.validate_on_submit():
        try:
            _slowly()
            return _codes(second_factor.confirm(me(), form.code.data or ""))
        except ChooseAgain as refusal:
            refuse(form, refusal)
    return _factor(422, confirming=form)


@room.post("/second-factor/codes")
def codes() -> AnyResponse:
    """New recovery codes."""
    form = Code(prefix="new")
    if form.validate_on_submit():
        try:
            _slowly()
            return _codes(second_factor.new_codes(me(), form.code.data or ""))
        except ChooseAgain as refusal:
            refuse(form, refusal)
    return _factor(422, renewing=form)


@room.post("/second-factor/off")
def switch_off() -> AnyResponse:
    """Switch it off with the password and a code."""
    form = SwitchOff(prefix="off")
    if form.validate_on_submit():
        try:
            _slowly()
            second_factor.switch_off(me(), form.present.data or "", form.code.data or "")
        except ChooseAgain as refusal:
            refuse(form, refusal)
        else:
            return done(
                "The second factor is off. Signing in takes the password alone.", url_for("account.index")
            )
    return _factor(422, ending=form)


def _slowly() -> None:
    """Guessing a password or a code from a browser that was left open is slowed down as signing in is."""
    if wait := throttle.wait_before(f"own {me().id}", client_address()):
        raise ChooseAgain(f"Too many tries. The next one counts in {plural(wait, 'second')}.")


def _account(form: ChangePassword, status: int = 200) -> Response:
    return page_or(
        "account/_page.html",
        "account/index.html",
        status,
        form=form,
        standing=second_factor.standing(me().id),
        devices=sign_ins.of(me().id, my_session().id),
    )


def _factor(
    status: int = 200,
    confirming: Code | None = None,
    renewing: Code | None = None,
    ending: SwitchOff | None = None,
) -> Response:
    enrolment = second_factor.enrolment(me())
    return page_or(
        "account/_factor.html",
        "account/factor.html",
        status,
        standing=second_factor.standing(me().id),
        enrolment=enrolment,
        picture=Markup(enrolment.picture) if enrolment else "",
        confirming=confirming or Code(formdata=None),
        renewing=renewing or Code(formdata=None, prefix="new"),
        ending=ending or SwitchOff(formdata=None, prefix="off"),
        required=me().agency.second_factor_required,
        posted=request.method == "POST",
    )


def _codes(made: list[str]) -> Response:
    throttle.forgive(f"own {me().id}", client_address())
    return page_or("account/_codes.html", "account/codes.html", codes=made)
