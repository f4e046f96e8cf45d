"""The portal for an application server: `gunicorn wsgi:app`."""

import sys

from portal import create_app, logs, memory
from portal.config import Settings
from portal.errors import SettingMissing

logs.configure()
try:
    app = create_app(Settings.from_env())
    memory.settle()
except SettingMissing as error:
    sys.exit(f"The portal cannot start: {error}")
