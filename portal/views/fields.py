"""Putting what a verb refused at the fields of its form."""

from flask_wtf import FlaskForm

from portal.errors import ChooseAgain


def refuse(form: FlaskForm, refusal: ChooseAgain) -> None:
    """Say a refusal at the fields it names; one without fields is said above the form."""
    for name, sentence in refusal.fields.items():
        if name in form:
            form[name].errors = [*form[name].errors, sentence]
    if not any(name in form for name in refusal.fields):
        form.form_errors = [*form.form_errors, str(refusal)]
