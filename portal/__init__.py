"""The HoopAI–Xero portal: `create_app` is the only place where the rooms are joined."""

from flask import Flask

from portal import bell, database
from portal.config import Settings
from portal.extensions import csrf, db, login, migrate
from portal.models import Base


def create_app(settings: Settings) -> Flask:
    """The portal as a WSGI application. Raises SettingMissing when it could not work."""
    app = Flask(__name__, template_folder="../templates", static_folder="../static")
    app.extensions["portal.settings"] = settings
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=database.engine_options(settings.database_url),
        BOOTSTRAP_SERVE_LOCAL=True,
    )
    bell.register(app, settings.redis_url)
    _join(app, settings)
    return app


def _join(app: Flask, settings: Settings) -> None:
    """Rooms are read only when an app is made: a letterbox or a model can be used without the pages."""
    from portal import api, assets, cli, filters, handlers, security, views

    security.configure(app, settings)
    _bind(app)
    for room in (assets, filters, handlers, views, api, cli):
        room.register(app)


def _bind(app: Flask) -> None:
    db.init_app(app)
    login.init_app(app)
    csrf.init_app(app)
    migrate.init_app(app, db, directory="portal/migrations", render_as_batch=True)
    with app.app_context():
        db.metadatas[None] = Base.metadata
        database.prepare(db.engine)
