"""What a long-lived process has loaded at its start is put aside from Python's search for garbage."""

import gc

from sqlalchemy.orm import configure_mappers

YOUNG = 10_000


def settle() -> None:
    """Leave all that there is now out of every later search: it stays anyway, and looking through it stops a page.

    And look for the first time after 10,000 new objects, not after 700 of the tens of thousands that a batch makes.
    For processes that have just made their app and are about to work for days.
    """
    configure_mappers()
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
