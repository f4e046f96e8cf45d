"""Who decided what, and when: append-only."""

from sqlalchemy.orm import Session

from portal.models import AuditEntry, User


def note(session: Session, user: User, location_id: int | None, action: str, detail: str = "") -> None:
    """Write down a person's decision, in the transaction that carries it out. `action` is a constant name."""
    session.add(
        AuditEntry(
            agency_id=user.agency_id,
            location_id=location_id,
            user_id=user.id,
            action=action,
            detail=detail[:500],
        )
    )


def note_operator(
    session: Session, agency_id: int, location_id: int | None, action: str, detail: str
) -> None:
    """Write down what somebody with a shell did, who is no user of the portal."""
    session.add(
        AuditEntry(
            agency_id=agency_id, location_id=location_id, user_id=None, action=action, detail=detail[:500]
        )
    )
