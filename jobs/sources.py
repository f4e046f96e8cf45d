"""Reading in HoopAI what its webhooks did not say."""

from portal.services import catching_up, looking_up


def look_up(location_id: int) -> None:
    """Look up what events of one location left open."""
    looking_up.look_up(location_id)


def catch_up(location_id: int) -> None:
    """Read on in the location's catch-up."""
    catching_up.go_on(location_id)
