"""The htmx script, served out of the package that carries it."""

import hashlib
from importlib.util import find_spec
from pathlib import Path

from flask import Blueprint

SCRIPT = "htmx-2.min.js"
SHA256 = "71ea67185bfa8c98c39d31717c6fce5d852370fcdfd129db4543774d3145c0de"


def blueprint() -> Blueprint:
    """Serves htmx 2. Raises RuntimeError where the package is missing or holds another file than expected."""
    folder = _folder()
    if hashlib.sha256((folder / SCRIPT).read_bytes()).hexdigest() != SHA256:
        raise RuntimeError(f"{SCRIPT} is not the file that was checked; install requirements/assets.txt.")
    return Blueprint("vendor", __name__, static_folder=folder, static_url_path="/vendor/htmx")


def _folder() -> Path:
    spec = find_spec("django_htmx")
    if spec is None or spec.origin is None:
        raise RuntimeError("htmx is not installed; install requirements/assets.txt.")
    return Path(spec.origin).parent / "static" / "django_htmx"
