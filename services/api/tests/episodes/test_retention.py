"""Old episodes go, or lose the people in them; the others stay."""

from datetime import timedelta

import pytest

from vigie_api.episodes.desk import patch
from vigie_api.episodes.memory import LEARNED, load_one
from vigie_api.episodes.schema import EpisodePatch
from vigie_api.episodes.table import mention_counts, watch_buckets
from vigie_api.mentions.rows import MentionRow, insert_mentions, stamp
from vigie_api.mentions.table import mention_tombstones, mentions
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


def test_old_counts_go_but_for_those_that_a_topic_learns_from(live, simulate, post):
    posts = simulate(days=1.0, surge=None)
    before = [post(posts[0].at - LEARNED + timedelta(days=day), True, f"Poste ancien numéro {day}") for day in (-9, 9)]
    live.now = posts[-1].at + timedelta(hours=1)
    live.write([*before, *posts, post(before[0].at, True, "D'une autre marque", topic="Quiet")], received_at=live.now)
    live.step()
    kept = {(row["topic"], row["at"]) for row in live.rows(watch_buckets) if row["at"] > live.now - LEARNED}

    def learned():
        with live.database.engine.connect() as connection, connection.begin():
            watched = load_one(connection, "Air Paradis", live.now)
            watched.relearn(connection)
            return watched.topic.state()

    state = learned()
    with live.database.engine.connect() as connection:
        dry = Sweep(Policy("delete", None, None, counts=timedelta(days=2)), dry_run=True).run(connection, live.now)
        done = Sweep(Policy("delete", None, None, counts=timedelta(days=2))).run(connection, live.now)
    assert done == dry
    assert done["watch_buckets"] > 100  # what was read without a post has its bucket, too
    left = live.rows(watch_buckets)
    assert {(row["topic"], row["at"]) for row in left if row["topic"] == "Air Paradis"} == kept
    assert "Quiet" in {row["topic"] for row in left}  # it learns from the weeks before its own last post
    assert all(row["at"] >= live.now - timedelta(days=2) for row in live.rows(mention_counts))
    assert learned() == state


@pytest.mark.parametrize("action", ["delete", "anonymise"])
def test_a_post_that_retention_took_is_not_counted_when_it_is_delivered_again(live, post, action):
    live.write([post(live.now, True, "Perdu à Lisbonne")])
    (row,) = live.rows(mentions)
    again = MentionRow(
        "again",
        row["source"],
        row["external_id"],
        row["topic"],
        stamp(live.now),
        stamp(live.now),
        None,
        None,
        None,
        "Re",
    )
    other = again._replace(id="other", external_id="another")
    live.now += timedelta(days=31)
    thirty, accepted = timedelta(days=30), timedelta(days=40)

    def sweep():
        with live.database.engine.connect() as connection:
            return Sweep(Policy(action, thirty, thirty, accepted=accepted)).run(connection, live.now)

    def insert(*rows):
        with live.database.engine.connect() as connection, connection.begin():
            return insert_mentions(connection, rows)

    assert sweep()["mentions"] == 1
    assert insert(other, again) == 1
    assert insert(again) == 0
    assert len(live.rows(mention_tombstones)) == 1
    live.now += timedelta(days=10)  # by now the door refuses it for its age
    sweep()
    assert live.rows(mention_tombstones) == []
