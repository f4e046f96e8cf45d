"""Nobody waits for a bigger neighbour's backlog; the whole street is `manage.py bench fair`."""

from pathlib import Path

from tests.model.fairness import percentile, shuffled, sleeping, street


def test_small_organisations_do_not_wait_for_big_ones(tmp_path: Path, valkey_url: str) -> None:
    calls = shuffled([(1, 2_000), (4, 150), (45, 2)])
    with street(tmp_path, valkey_url, calls, slots=3, takes=2.0) as here:
        here.turns(150)
        small = [here.done[place] for place, size in enumerate(calls, 1) if size == 2]
    carried = 2_000 - here.left[calls.index(2_000) + 1]
    asleep = [end for end, size in zip(sleeping(calls, 3, 2.0), calls, strict=True) if size == 2]
    assert percentile(small, 0.99) < percentile(asleep, 0.99) / 3
    assert carried > 0.9 * 60 * (150 // 61), "the big one goes as fast as its own quota lets it"
