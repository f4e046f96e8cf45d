"""The operator's commands, `flask --app wsgi …`. Each takes `--json`; a refusal ends with code 1."""

import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from functools import wraps
from typing import Any, TypeVar

import click
import simplejson
from flask import Flask
from flask.cli import AppGroup, with_appcontext

from portal.errors import PortalError
from portal.models import Role
from portal.services import agencies, api_keys, demo, doctor, invitations, people, secrets, users

F = TypeVar("F", bound=Callable[..., Any])
as_json = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")


def register(app: Flask) -> None:
    """Hang the commands on the app."""
    groups = (agencies_group, users_group, locations_group, keys_group, tokens_group)
    for command in (*groups, doctor_command, demo_command):
        app.cli.add_command(command)


agencies_group = AppGroup("agencies", help="Agencies.")
users_group = AppGroup("users", help="People who sign in.")
locations_group = AppGroup("locations", help="HoopAI accounts.")
keys_group = AppGroup("api-keys", help="Keys with which other programs use the API.")
tokens_group = AppGroup("tokens", help="Kept secrets.")


def plainly(command: F) -> F:
    """Show a refusal as its sentence, not as a traceback."""

    @wraps(command)
    def run(*args: Any, **named: Any) -> Any:
        try:
            return command(*args, **named)
        except PortalError as error:
            raise click.ClickException(str(error)) from error

    return run  # type: ignore[return-value]


@agencies_group.command("add")
@click.argument("name")
@as_json
@plainly
def agencies_add(name: str, as_json: bool) -> None:
    """Add an agency; its id."""
    agency = agencies.add(name)
    _answer(as_json, {"id": agency.id, "name": agency.name}, str(agency.id))


@users_group.command("add")
@click.argument("email")
@click.option("--agency", required=True, help="The agency's name.")
@click.option("--role", required=True, type=click.Choice([str(role) for role in Role]))
@click.option("--name", default="", help="The person's name.")
@click.option("--location", "locations", multiple=True, help="A location they may enter; may be repeated.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@as_json
@plainly
def users_add(
    email: str,
    agency: str,
    role: str,
    name: str,
    locations: Iterable[str],
    password_stdin: bool,
    as_json: bool,
) -> None:
    """Add a person who may sign in, with a password from standard input; without one, a link that invites them."""
    owner = agencies.named(agency)
    given = [agencies.located(owner, hoop_id) for hoop_id in locations]
    if not password_stdin:
        made = invitations.offer(owner, email, Role(role), given, name)
        told = {"email": made.email, "role": made.role, "invitation_url": made.link}
        _answer(as_json, told, f"{made.email} may join within seven days, once: {made.link}")
        return
    password = sys.stdin.readline().rstrip("\r\n")
    user = users.add(email, owner, Role(role), password, name=name, locations=given)
    _answer(as_json, {"id": user.id, "email": user.email, "role": user.role}, f"{user.email} may sign in.")


@users_group.command("forget-second-factor")
@click.argument("email")
@as_json
@plainly
def users_forget_second_factor(email: str, as_json: bool) -> None:
    """Switch off the second factor of somebody who lost phone and recovery codes, and sign them out everywhere."""
    email, ended = people.forget_second_factor_of(email)
    told = f"{email} signs in with the password alone now, and was signed out everywhere ({ended} sessions)."
    _answer(as_json, {"email": email, "sessions_ended": ended}, told)


@locations_group.command("add")
@click.argument("location_id")
@click.argument("name")
@click.option("--agency", required=True, help="The agency's name.")
@click.option("--timezone", default="UTC", show_default=True, help="For example Australia/Sydney.")
@as_json
@plainly
def locations_add(location_id: str, name: str, agency: str, timezone: str, as_json: bool) -> None:
    """Add a HoopAI account; the webhook address and secret to enter in HoopAI."""
    added = agencies.add_location(agencies.named(agency), location_id, name, timezone)
    lines = f"Webhook address: {added.webhook_url}\nWebhook secret:  {added.webhook_secret}"
    _answer(as_json, {"webhook_url": added.webhook_url, "webhook_secret": added.webhook_secret}, lines)


@keys_group.command("add")
@click.option("--location", "location_id", required=True, help="The HoopAI account that the key opens.")
@click.option("--name", required=True, help="The program that will use it.")
@click.option("--read-only", is_flag=True, help="The key may not change anything.")
@as_json
@plainly
def api_keys_add(location_id: str, name: str, read_only: bool, as_json: bool) -> None:
    """Make a key to a location; it is shown once."""
    made = api_keys.add(agencies.location(location_id), name, may_write=not read_only)
    answer = {"id": made.id, "name": made.name, "key": made.secret, "read_only": read_only}
    _answer(as_json, answer, made.secret)


@tokens_group.command("rotate-keys")
@as_json
@plainly
def rotate_keys(as_json: bool) -> None:
    """Seal every kept secret under the first key of TOKEN_KEYS; may be stopped and run again."""
    done = secrets.reseal()
    told = ", ".join(f"{count} {what}" for what, count in done.items())
    _answer(as_json, {"resealed": done}, f"Resealed: {told}.")


@click.command("doctor")
@as_json
@with_appcontext
def doctor_command(as_json: bool) -> None:
    """Check everything the portal needs; exit code 1 if anything is wrong."""
    found = doctor.examine()
    good = all(each.ok for each in found)
    lines = "\n".join(f"{'ok ' if each.ok else 'BAD'}  {each.name}: {each.sentence}" for each in found)
    _answer(as_json, {"ok": good, "checks": [asdict(each) for each in found]}, lines)
    if not good:
        raise SystemExit(1)


@click.command("demo")
@as_json
@with_appcontext
@plainly
def demo_command(as_json: bool) -> None:
    """Seed the demo agency, once; its sign-in and what its locations' webhooks need, always in JSON."""
    locations = demo.seed()
    signing_in = {"email": demo.EMAIL, "password": demo.PASSWORD}
    _answer(True, {"sign_in": signing_in, "locations": [asdict(each) for each in locations]}, "")


def _answer(as_json: bool, data: dict[str, Any], words: str) -> None:
    click.echo(simplejson.dumps(data, use_decimal=True) if as_json else words)
