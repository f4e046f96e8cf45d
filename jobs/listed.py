"""The list of jobs: whatever is not on it is never run, whoever put it into Redis."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

JOBS = {
    "jobs.intake.apply",
    "jobs.sources.look_up",
    "jobs.sources.catch_up",
    "jobs.pushes.drain",
    "jobs.tokens.refresh",
    "jobs.reconciliation.go_on",
    "jobs.webhooks.deliver",
    "jobs.mails.send",
    "jobs.notices.look",
    "jobs.housekeeping.facts",
    "jobs.housekeeping.examine",
    "jobs.housekeeping.forget",
    "jobs.housekeeping.roll_call",
    "jobs.housekeeping.withdraw",
    "jobs.housekeeping.forget_choice",
    "jobs.housekeeping.take_up",
    "jobs.housekeeping.read_approvals",
}


class NotOnTheList(Exception):
    """Somebody asked for a job that the portal does not have."""


def function(name: str) -> Callable[..., Any]:
    """The job of this name. Raises NotOnTheList."""
    if name not in JOBS:
        raise NotOnTheList(f"{name} is no job of the portal.")
    module, _, verb = name.rpartition(".")
    found: Callable[..., Any] = getattr(import_module(module), verb)
    return found
