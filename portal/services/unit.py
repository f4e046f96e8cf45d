"""One way to write: a short transaction that begins as a writer and ends committed or rolled back."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from portal.database import writing
from portal.extensions import db


@contextmanager
def transaction() -> Iterator[Session]:
    """Run the block as one write transaction and commit it; any error rolls all of it back.

    A read that was under way ends first, so that on SQLite the writer's lock is taken at the beginning
    (an upgrade in the middle fails without waiting). Nested use joins the outer transaction.
    """
    session = db.session()
    if writing.get():
        yield session
        return
    session.rollback()
    token = writing.set(True)
    try:
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        writing.reset(token)


def release() -> None:
    """End any open read, so that no transaction is open while a letter is on its way."""
    db.session.rollback()
