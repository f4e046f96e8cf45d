"""The limiter against a real Valkey, on its own clock and on ours."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis

from portal.xero.errors import Busy, DayLimitUsed
from portal.xero.limits import LEASE, Granted, LimitsLeft, LocalQuota, Quota, Refused, Share

ORG = "7c5fb1a2"
T0 = 1_790_000_000.0


@pytest.fixture
def redis(valkey_url):
    with Redis.from_url(valkey_url) as line:
        yield line


@pytest.fixture
def quota(redis):
    return Quota(redis)


def one_call(quota, number, now, left=None, org=ORG, **more):
    """Acquire and release at once; what acquire said."""
    said = quota.acquire(org, f"t{number}", now=now)
    if said.ok:
        quota.release(org, f"t{number}", left, now=now, **more)
    return said


def test_the_sixty_first_call_within_a_minute_is_told_when_to_come_back(quota):
    said = [one_call(quota, n, T0 + n * 0.1) for n in range(61)]
    assert all(isinstance(one, Granted) for one in said[:60])
    assert isinstance(said[60], Refused)
    assert said[60].reason == "minute"
    assert said[60].wait_seconds == pytest.approx(61 - 6.0, abs=0.01)
    assert one_call(quota, 99, T0 + 6.0 + said[60].wait_seconds + 0.01).ok


def test_no_rolling_minute_ever_holds_more_than_sixty_whatever_the_arrivals(quota):
    chance = random.Random(7)
    now, granted = T0, []
    for number in range(600):
        now += chance.choice([0.0, 0.05, 0.4, 3.0])
        if one_call(quota, number, now).ok:
            granted.append(now)
    assert len(granted) > 120
    assert all(sum(at <= one < at + 60 for one in granted) <= 60 for at in granted)


def test_only_five_calls_are_open_at_once_and_a_dead_holder_frees_its_slot(quota):
    one_call(quota, "first", T0)
    for number in range(5):
        assert quota.acquire(ORG, f"s{number}", now=T0 + 1).ok
    said = quota.acquire(ORG, "s5", now=T0 + 2)
    assert (said.ok, said.reason) == (False, "slots")
    quota.release(ORG, "s0", now=T0 + 3)
    assert quota.acquire(ORG, "s6", now=T0 + 3).ok
    assert quota.acquire(ORG, "s7", now=T0 + LEASE + 2).ok, "the holders died"


def test_after_all_was_forgotten_the_first_call_goes_alone(quota):
    assert quota.acquire(ORG, "a", now=T0).ok
    assert quota.acquire(ORG, "b", now=T0).reason == "slots"
    quota.release(ORG, "a", LimitsLeft(minute=40, day=4000), now=T0 + 1)
    assert quota.acquire(ORG, "b", now=T0 + 1).ok
    assert quota.acquire(ORG, "c", now=T0 + 1).ok


def test_a_header_that_says_less_is_believed(quota):
    one_call(quota, 0, T0, LimitsLeft(minute=2, day=4000))
    assert one_call(quota, 1, T0 + 1).ok
    assert one_call(quota, 2, T0 + 1).ok
    said = one_call(quota, 3, T0 + 1)
    assert (said.reason, said.wait_seconds) == ("minute", pytest.approx(60, abs=1.1))
    assert one_call(quota, 4, T0 + 62).ok, "every window has ended by then"


def test_a_new_window_in_the_header_opens_the_way_again(quota):
    one_call(quota, 0, T0, LimitsLeft(minute=1, day=4000))
    one_call(quota, 1, T0 + 1, LimitsLeft(minute=59, day=3999))
    assert quota.left(ORG, now=T0 + 1).minute == 58
    assert one_call(quota, 2, T0 + 1).ok


def test_calls_in_the_air_are_not_counted_twice(quota):
    one_call(quota, "first", T0, LimitsLeft(minute=59, day=4000))
    for turn in range(8):
        now = T0 + 1 + turn
        for place in range(5):
            assert quota.acquire(ORG, f"{turn}/{place}", now=now + place / 100).ok
        left = LimitsLeft(
            minute=59 - 5 * (turn + 1), day=4000
        )  # all five were counted before the first answer left
        for place in (3, 0, 4, 2, 1):
            quota.release(ORG, f"{turn}/{place}", left, now=now + 0.5)
        assert quota.left(ORG, now=now + 0.5).minute == left.minute


def test_calls_that_nobody_here_knows_of_are_seen_among_our_own(quota):
    one_call(quota, "first", T0, LimitsLeft(minute=59, day=4000))
    for number in range(20):
        one_call(quota, number, T0 + 1 + number / 10, LimitsLeft(minute=58 - number - 7, day=4000))
    left = quota.left(ORG, now=T0 + 4).minute
    assert 60 - 21 - 7 - 4 <= left <= 60 - 21 - 7, "at most four too few, never one too many"
    granted = sum(one_call(quota, f"more{number}", T0 + 5).ok for number in range(60))
    assert granted == left
    assert one_call(quota, "later", T0 + 1 + 61 + 2.1).ok


def test_an_answer_overtaken_by_others_does_not_raise_what_is_left(quota):
    one_call(quota, 0, T0, LimitsLeft(minute=30, day=900))
    for number in range(1, 6):
        one_call(quota, number, T0, LimitsLeft(minute=30 - number, day=900 - number))
    one_call(quota, 6, T0, LimitsLeft(minute=29, day=899))
    assert quota.left(ORG, now=T0).minute == 24
    assert quota.left(ORG, now=T0).day == 894


def test_the_day_is_learnt_from_the_header_and_its_last_part_kept_for_looking(quota):
    one_call(quota, 0, T0, LimitsLeft(minute=59, day=4999))
    assert quota.left(ORG, now=T0).day_limit == 5000
    one_call(quota, 1, T0, LimitsLeft(minute=58, day=100))
    said = quota.acquire(ORG, "x", now=T0 + 1)
    assert said.ok, "one probe, as the time of the reset is not known"
    quota.release(ORG, "x", LimitsLeft(minute=57, day=99), now=T0 + 1)
    said = quota.acquire(ORG, "y", now=T0 + 2)
    assert said.reason == "day"
    assert 3000 < said.wait_seconds <= 3600
    assert quota.acquire(ORG, "person", now=T0 + 2, share=Share.PERSON).reason == "day"
    assert quota.acquire(ORG, "z", now=T0 + 2, share=Share.LOOK).ok


def test_a_backlog_leaves_a_tenth_of_the_day_to_what_people_wait_for(quota):
    one_call(quota, 0, T0, LimitsLeft(minute=59, day=4999))
    one_call(quota, 1, T0, LimitsLeft(minute=58, day=500))
    one_call(quota, 2, T0, LimitsLeft(minute=57, day=499))
    assert quota.acquire(ORG, "x", now=T0 + 1).reason == "day"
    assert quota.acquire(ORG, "y", now=T0 + 1, share=Share.PERSON).ok


def test_a_day_refusal_is_waited_out_to_the_second_and_shown(quota):
    quota.acquire(ORG, "a", now=T0)
    throttled = DayLimitUsed(
        "used up", retry_after=66_975.0, limit="day", limits=LimitsLeft(minute=40, day=0)
    )
    quota.release(ORG, "a", throttled=throttled, now=T0)
    said = quota.acquire(ORG, "b", now=T0 + 75, share=Share.LOOK)
    assert (said.reason, said.wait_seconds) == ("day", pytest.approx(66_900, abs=0.1))
    left = quota.left(ORG, now=T0 + 75)
    assert left.day == 0
    assert left.resets_at is not None
    assert left.resets_at.timestamp() == pytest.approx(T0 + 66_975, abs=0.01)
    assert quota.acquire(ORG, "c", now=T0 + 66_976).ok, "a new day"
    assert quota.left(ORG, now=T0 + 66_976).day is None


def test_the_day_that_starts_anew_is_seen_in_the_header(quota):
    one_call(quota, 0, T0, LimitsLeft(minute=59, day=400))
    one_call(quota, 1, T0 + 1, LimitsLeft(minute=58, day=998))
    left = quota.left(ORG, now=T0 + 1)
    assert (left.day, left.day_limit) == (998, 1000)


def test_a_minute_refusal_blocks_for_as_long_as_xero_says(quota):
    quota.acquire(ORG, "a", now=T0)
    quota.release(ORG, "a", throttled=Busy("slow", retry_after=26.0, limit="minute"), now=T0)
    said = quota.acquire(ORG, "b", now=T0 + 1)
    assert (said.reason, said.wait_seconds) == ("minute", pytest.approx(25, abs=0.1))
    assert quota.acquire("other-org", "c", now=T0 + 1).ok


def test_a_concurrency_refusal_takes_one_slot_away_for_a_minute(quota):
    one_call(quota, "first", T0)
    quota.acquire(ORG, "a", now=T0)
    quota.release(ORG, "a", throttled=Busy("slow", limit="concurrent"), now=T0)
    assert quota.acquire(ORG, "b", now=T0 + 0.5).reason == "slots"
    assert [quota.acquire(ORG, f"c{n}", now=T0 + 2).ok for n in range(5)] == [True] * 4 + [False]


def test_the_app_minute_stops_everybody(quota):
    quota.acquire(ORG, "a", now=T0)
    quota.release(ORG, "a", throttled=Busy("slow", retry_after=9.0, limit="appminute"), now=T0)
    said = quota.acquire("other-org", "b", now=T0 + 1)
    assert (said.reason, said.wait_seconds) == ("app", pytest.approx(8, abs=0.1))


def test_the_app_minute_is_counted_over_all_organisations(redis):
    quota = Quota(redis, app_minute_limit=10)
    said = [one_call(quota, n, T0 + n, org=f"org{n}") for n in range(11)]
    assert [one.ok for one in said] == [True] * 10 + [False]
    assert said[10].reason == "app"


def test_an_offline_organisation_is_left_alone_for_as_long_as_xero_says(quota):
    quota.acquire(ORG, "a", now=T0)
    quota.release(ORG, "a", throttled=Busy("offline", retry_after=120.0), now=T0)
    assert quota.acquire(ORG, "b", now=T0 + 1).reason == "blocked"
    assert quota.acquire(ORG, "b", now=T0 + 121).ok


def test_what_was_not_sent_does_not_count(quota):
    one_call(quota, 0, T0, LimitsLeft(minute=59, day=500))
    for number in range(1, 100):
        assert one_call(quota, number, T0, sent=False).ok
    assert quota.left(ORG, now=T0).day == 500
    assert quota.left(ORG, now=T0).minute == 59


def test_a_refusal_uses_nothing_up(quota):
    one_call(quota, 0, T0, LimitsLeft(minute=0, day=500))
    for number in range(20):
        assert not one_call(quota, number, T0 + 1).ok
    assert quota.left(ORG, now=T0 + 1).day == 500


def test_many_threads_on_the_servers_own_clock_get_sixty_and_no_more(redis):
    open_now, most, granted = 0, 0, []
    guard = threading.Lock()
    quota = Quota(redis)
    quota.acquire(ORG, "first")
    quota.release(ORG, "first")

    def hammer(who):
        nonlocal open_now, most
        for number in range(60):
            said = quota.acquire(ORG, f"{who}-{number}")
            if not said.ok:
                time.sleep(0.001)
                continue
            with guard:
                open_now += 1
                most = max(most, open_now)
                granted.append(said)
            time.sleep(0.002)
            with guard:
                open_now -= 1
            quota.release(ORG, f"{who}-{number}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(hammer, range(8)))
    assert len(granted) == 59
    assert most <= 5


def test_the_guarded_minute_still_uses_more_than_ninety_five_per_cent(quota):
    granted, now = 0, T0
    while now < T0 + 600:
        said = one_call(quota, f"n{granted}-{now}", now)
        granted += said.ok
        now += 0.01 if said.ok else min(said.wait_seconds, 61)
    assert granted >= 0.95 * 600


def test_alone_in_one_process_the_limits_are_half():
    quota = LocalQuota(clock=lambda: T0)
    assert [quota.acquire(ORG, f"s{n}").ok for n in range(3)] == [True, True, False]
    quota.release(ORG, "s0")
    quota.release(ORG, "s1")
    said = [one_call(quota, n, T0 + 1) for n in range(29)]
    assert sum(one.ok for one in said) == 28
    assert said[28].reason == "minute"
    assert quota.acquire(ORG, "later", now=T0 + 63).ok


def test_alone_in_one_process_xeros_refusals_are_kept():
    quota = LocalQuota(clock=lambda: T0)
    quota.acquire(ORG, "a")
    quota.release(ORG, "a", throttled=DayLimitUsed("used up", retry_after=500.0, limit="day"))
    said = quota.acquire(ORG, "b", now=T0 + 100)
    assert (said.reason, said.wait_seconds) == ("day", pytest.approx(400))
    assert quota.left(ORG).day == 0
    assert quota.acquire(ORG, "c", now=T0 + 501).ok
