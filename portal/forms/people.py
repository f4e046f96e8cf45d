"""Joining, and choosing a password."""

from flask_wtf import FlaskForm
from wtforms import EmailField, PasswordField, StringField
from wtforms.validators import InputRequired, Length


class Forgot(FlaskForm):  # type: ignore[misc]
    """Whose password was forgotten."""

    email = EmailField("E-mail", [InputRequired("Type your e-mail address."), Length(max=255)])


class NewPassword(FlaskForm):  # type: ignore[misc]
    """A new password, typed once where it can be read back."""

    password = PasswordField("New password", [InputRequired("Type a new password."), Length(max=1000)])


class Join(FlaskForm):  # type: ignore[misc]
    """Who somebody is who was invited."""

    name = StringField("Your name", [InputRequired("Type your name."), Length(max=200)])
    password = PasswordField("Password", [InputRequired("Choose a password."), Length(max=1000)])


class ChangePassword(FlaskForm):  # type: ignore[misc]
    """The present password and the one that is to come after it."""

    present = PasswordField(
        "Present password", [InputRequired("Type your present password."), Length(max=1000)]
    )
    password = PasswordField("New password", [InputRequired("Type a new password."), Length(max=1000)])


class Code(FlaskForm):  # type: ignore[misc]
    """A code of the authenticator app, or a recovery code."""

    code = StringField("Code", [InputRequired("Type the code."), Length(max=40)])


class SwitchOff(FlaskForm):  # type: ignore[misc]
    """What it takes to go without a second factor."""

    present = PasswordField("Your password", [InputRequired("Type your password."), Length(max=1000)])
    code = StringField("Code", [InputRequired("Type the code."), Length(max=40)])
