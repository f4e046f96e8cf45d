"""When a batch may go again and when it may be looked up: the times that the proof in docs/engine.md rests on."""

from datetime import datetime, timedelta

from portal import clock
from portal.config import settings
from portal.models import Batch, Document, Operation

PAUSES = (2, 5, 15, 60, 300, 900)
A_MINUTE, AN_HOUR = timedelta(minutes=1), timedelta(hours=1)


def pause(tries: int) -> timedelta:
    """How long to wait after this many tries: two seconds at first, a quarter of an hour at last."""
    return timedelta(seconds=PAUSES[min(max(tries, 0), len(PAUSES) - 1)])


def resendable(batch: Batch) -> bool:
    """Whether the same bytes may go again under the same key: only what Xero itself keeps unique."""
    return batch.operation == Operation.CREATE and batch.document in (Document.CONTACT, Document.INVOICE)


def may_resend(batch: Batch) -> bool:
    """Whether it may go again now: Xero must still know the key for certain."""
    first = batch.first_sent_at
    window = timedelta(seconds=settings().timings.resend)
    return resendable(batch) and first is not None and clock.now() < first + window


def quiet_end(batch: Batch) -> datetime:
    """From here on nothing of the batch can still arrive in Xero, so what is not there never will be."""
    return (batch.last_sent_at or batch.created_at) + timedelta(seconds=settings().timings.quiet)


def next_look(batch: Batch) -> datetime:
    """When a batch without an answer is taken up again: soon where it may be sent again, else after the quiet time."""
    soon = clock.now() + pause(batch.tries - 1)
    window = timedelta(seconds=settings().timings.resend)
    in_time = resendable(batch) and batch.first_sent_at is not None and soon < batch.first_sent_at + window
    return soon if in_time else quiet_end(batch)


def after_breaking(batch: Batch) -> datetime:
    """When a batch that something of ours broke on is looked up: after the quiet time, then ever more seldom."""
    quiet, moment = quiet_end(batch), clock.now()
    return quiet if moment < quiet else moment + min(max(moment - quiet, A_MINUTE), AN_HOUR)
