"""Old episodes go, or lose the people in them; the others stay."""

from datetime import timedelta

import pytest

from vigie_api.episodes.desk import patch
from vigie_api.episodes.schema import EpisodePatch
from vigie_api.episodes.table import watch_buckets
from vigie_api.privacy.retention import Policy, Sweep


@pytest.mark.parametrize("action", ["delete", "anonymise"])
def test_an_old_episode_goes_or_loses_who_cared_for_it(live, simulate, action):
    posts = simulate()
    live.now = posts[-1].at + timedelta(days=2)
    live.write(posts, received_at=live.now)
    live.step()
    (episode,) = live.episodes()
    with live.database.engine.connect() as connection, connection.begin():
        patch(connection, episode["id"], EpisodePatch(note="À midi", assignee="Camille", acknowledged=True), "ui")
    counts = live.rows(watch_buckets)

    def sweep(days):
        with live.database.engine.connect() as connection:
            return Sweep(Policy(action, None, timedelta(days=days))).run(connection, live.now)["episodes"]

    assert sweep(30) == 0
    assert live.episodes()[0]["note"] == "À midi"
    assert sweep(1) == 1
    left = live.episodes()
    assert len(left) == (0 if action == "delete" else 1)
    assert all((one["note"], one["assignee"], one["acknowledged_by"]) == (None, None, None) for one in left)
    assert all(one["negatives"] == episode["negatives"] and one["terms"] for one in left)
    assert live.rows(watch_buckets) == counts
