"""Apply what HoopAI has told us."""

from portal.services import intake


def apply() -> None:
    """Apply all deliveries that have been received."""
    intake.apply()
