"""How Alembic meets the portal's database; called by `flask --app wsgi db …`."""

from typing import Any, Literal

from alembic import context

from portal.extensions import db
from portal.models import Base, ExactJSON, Moment, Money
from portal.models.base import Word

PLAIN = {
    Word: "sa.String(length=20)",
    Moment: "sa.DateTime(timezone=True)",
    ExactJSON: "sa.Text()",
    Money: "Money()",
}


def render_item(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write our column types into a revision as plain ones, so that old revisions never change their meaning."""
    return PLAIN.get(type(item), False) if kind == "type" else False


def run() -> None:
    """Bring the database of the current app to the wanted revision, in one transaction."""
    with db.engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=True,
            render_item=render_item,
            compare_type=False,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
