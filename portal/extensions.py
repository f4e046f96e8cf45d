"""The extensions, made once and bound to the app by `create_app`."""

from flask_login import LoginManager
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect

db = SQLAlchemy(disable_autonaming=True)
login = LoginManager()
csrf = CSRFProtect()
migrate = Migrate()
