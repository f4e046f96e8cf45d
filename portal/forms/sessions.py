"""Signing in."""

from flask_wtf import FlaskForm
from wtforms import EmailField, PasswordField, StringField
from wtforms.validators import InputRequired, Length


class SignIn(FlaskForm):  # type: ignore[misc]
    """E-mail and password; `next` is where to go afterwards."""

    email = EmailField("E-mail", [InputRequired("Type your e-mail address."), Length(max=255)])
    password = PasswordField("Password", [InputRequired("Type your password."), Length(max=1000)])
    next = StringField()
