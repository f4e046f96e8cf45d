"""RQ's entry points: a name and an id. The thinking is in portal.services."""
