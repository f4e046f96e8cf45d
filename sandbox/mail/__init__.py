"""A stand-in for a mail server: takes letters over SMTP and shows them. It passes none on.

`mail_port` in the settings makes it listen, 0 on any free port; without it there is only the page.
"""

from __future__ import annotations

from typing import Any

from flask import Flask

from sandbox.clock import Clock
from sandbox.mail import pages
from sandbox.mail.box import Box
from sandbox.mail.smtp import Receiver
from sandbox.store import Store


def create_app(store: Store, clock: Clock, settings: dict[str, Any]) -> Flask:
    """The mailbox page; the receiver's address goes to `settings["mail_url"]`."""
    app = Flask("sandbox.mail", template_folder="../templates", static_folder=None, root_path=__path__[0])
    box = app.config["BOX"] = Box(store, clock)
    app.register_blueprint(pages.blueprint)
    if settings.get("mail_port") is not None:
        receiver = Receiver(box, int(settings["mail_port"]))
        settings["mail_url"] = f"smtp://127.0.0.1:{receiver.port}"
        settings["at_close"].append(receiver.close)
    return app
