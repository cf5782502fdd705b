"""The live watch counts each mention once, and finds what replay finds, however it is stopped and started."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from vigie_api.alerts.table import alert_outbox, alerts
from vigie_api.episodes.desk import patch
from vigie_api.episodes.memory import Watched
from vigie_api.episodes.schema import EpisodePatch
from vigie_api.episodes.table import episodes, watch_buckets, watch_marks, watch_topics
from vigie_api.episodes.taking import Waiting
from vigie_api.mentions.table import Stage, mentions
from vigie_api.replay.engine import NegativeOrNot, Replay, rule_named
from vigie_api.watch.topic import Topic


def replayed(posts):
    run = Replay(rule_named("vigie"))
    found = run.run(
        NegativeOrNot(one.at.timestamp(), one.topic, one.negative, one.text, one.author and str(one.author))
        for one in posts
    )
    return [
        (one.onset_s, one.opened_s, one.closed_s, one.severity.value, one.negatives, round(one.expected, 6))
        for one in found
    ]


def told(episode):
    closed = episode["closed_at"]
    return (
        int(episode["onset_at"].timestamp()),
        int(episode["opened_at"].timestamp()),
        None if closed is None else int(closed.timestamp()),
        episode["severity"],
        episode["negatives"],
        round(episode["expected"], 6),
    )


def steps_of(live):
    return sorted((row["channel"], row["step"]) for row in live.rows(alert_outbox))


def test_a_surge_makes_the_episode_that_replay_finds_one_alert_and_a_mail_for_each_step(live, simulate):
    posts = simulate()
    live.play(posts)

    (episode,) = live.episodes()
    assert [told(episode)] == replayed(posts)
    assert (episode["state"], episode["severity"], episode["false_alarm"]) == ("closed", "critical", False)
    (alert,) = live.rows(alerts)
    assert (alert["kind"], alert["id"]) == ("surge", episode["alert_id"])
    assert alert["evidence"]["severity"] == "critical"
    assert alert["evidence"]["terms"]
    assert Counter(steps_of(live))["email", "opened"] == 1
    assert {step for channel, step in steps_of(live) if channel == "event"} == {"opened"}
    assert {step for channel, step in steps_of(live) if channel == "email"} - {"opened"} <= {
        "escalated.serious",
        "escalated.critical",
    }
    assert "bagages" in {term["term"] for term in episode["terms"]}
    assert len(episode["post_ids"]["first"]) == len(episode["post_ids"]["representative"]) == 5
    assert episode["reach"] is not None
    assert {row["stage"] for row in live.rows(mentions)} == {int(Stage.COUNTED)}
    buckets = live.rows(watch_buckets)
    assert sum(row["posts"] for row in buckets) == len(posts)
    assert sum(row["counted_negatives"] for row in buckets) == sum(one.negative for one in posts)


def test_a_watch_that_starts_anew_before_each_step_finds_the_same(make_live, database, simulate):
    posts = simulate()
    live = make_live(database, restart=True)
    live.play(posts)
    assert [told(one) for one in live.episodes()] == replayed(posts)
    assert Counter(steps_of(live))["email", "opened"] == 1


def test_a_step_that_dies_before_its_commit_leaves_nothing_and_is_taken_again(live, simulate):
    posts = simulate()
    live.step_minutes = 120

    def dies(watcher):
        with live.database.engine.connect() as connection:
            transaction = connection.begin()
            watcher.step(connection, live.now)
            transaction.rollback()
        watcher.forget()

    step = live.step

    def dying_step():
        dies(live.watcher)
        return step()

    live.step = dying_step
    live.play(posts)
    assert [told(one) for one in live.episodes()] == replayed(posts)
    assert sum(row["posts"] for row in live.rows(watch_buckets)) == len(posts)


def test_late_posts_open_their_buckets_again(live, simulate, post):
    calm = simulate(surge=None)
    surge = [one for one in simulate() if one not in calm]
    at = surge[0].at + timedelta(minutes=90)
    live.play(calm, until=at)
    assert live.episodes() == []
    early = [one for one in surge if one.at <= at]
    live.write(early, received_at=at)  # a source was away, and tells now
    live.now += timedelta(minutes=10)
    live.step()
    (episode,) = live.episodes()
    assert episode["onset_at"] < at - timedelta(minutes=30)
    assert live.rows(alerts)
    assert episode["state"] == "open"
    before = episode["negatives"]
    later = [post(surge[0].at + timedelta(minutes=70 + number), True, f"{number} " * 9) for number in range(5)]
    live.write(later, received_at=live.now)
    live.now += timedelta(minutes=6)
    live.step()
    assert live.episodes()[0]["negatives"] >= before + 5


def test_history_that_comes_in_at_once_is_learned_and_nobody_is_called_for_what_is_over(live, simulate):
    posts = simulate()
    live.now = posts[-1].at + timedelta(days=20)
    live.write(posts, received_at=live.now)
    live.step()

    found = live.episodes()
    assert [told(one)[:3] for one in found] == [one[:3] for one in replayed(posts)]
    assert [(one["alert_id"], one["state"]) for one in found] == [(None, "closed")]
    assert live.rows(alerts) == live.rows(alert_outbox) == []
    kept = live.topic()
    assert kept["held_until"] is not None
    assert not kept["learning"]


def test_a_pause_in_the_history_is_no_end_of_it(live, simulate):
    posts = simulate(surge=None)
    live.now = posts[-1].at + timedelta(days=2)
    half = len(posts) // 2
    live.write(posts[:half], received_at=live.now)
    live.step()
    live.now += timedelta(seconds=90)
    live.write(posts[half:], received_at=live.now)
    live.step()
    assert sum(done.too_late for done in live.done) == 0


def test_history_in_the_wrong_order_is_counted_and_learned_again_in_order(live, simulate):
    posts = simulate(surge=None)
    live.now = posts[-1].at + timedelta(hours=1)
    half = len(posts) // 2
    live.write(posts[half:], received_at=live.now)
    live.step()
    live.now += timedelta(minutes=5)
    live.step()
    read_before = live.topic()["state"]["read"]
    live.write(posts[:half], received_at=live.now)
    live.step()
    assert sum(done.too_late for done in live.done) > 0
    live.now += timedelta(minutes=5)
    live.step()
    assert live.topic()["state"]["read"] > read_before + 100
    assert sum(row["counted_posts"] for row in live.rows(watch_buckets)) == len(posts)


def test_a_happy_crowd_raises_nothing(live, simulate):
    live.step_minutes = 120
    live.play(simulate(surge=None, crowd=(2.5, 150.0, 4.0)))
    assert live.episodes() == live.rows(alerts) == []


def test_copies_and_one_authors_further_posts_count_once(live, simulate, post):
    posts = simulate(surge=None, days=2.5)
    live.step_minutes = 120
    live.play(posts, until=posts[-1].at)
    text = "Compagnie minable qui perd toutes les valises de ses passagers à Lisbonne"
    copies = [post(live.now + timedelta(seconds=number), True, f"RT @u{number} {text}") for number in range(80)]
    ranting = [
        post(live.now + timedelta(seconds=number), True, f"colère {'a' * (number + 1)} encore et toujours", author=-7)
        for number in range(80)
    ]
    live.write([*copies, *ranting])
    live.now += timedelta(minutes=30)
    live.step()
    assert live.episodes() == []
    with live.database.engine.connect() as connection:
        query = select(mentions.c.counted, func.count()).where(mentions.c.created_at >= copies[0].at)
        assert dict(connection.execute(query.group_by(mentions.c.counted)).all()) == {True: 2, False: 158}
    assert live.rows(watch_marks)


def test_marks_are_forgotten_after_a_day_and_a_quarter(live, post):
    live.write([post(live.now, True, "un deux trois quatre cinq six sept huit neuf")])
    live.now += timedelta(minutes=10)
    live.step()
    assert live.rows(watch_marks)
    live.now += timedelta(hours=40)
    live.step()
    assert live.rows(watch_marks) == []


def test_false_alarms_make_a_topic_harder_to_alarm_up_to_a_limit_and_can_be_taken_back(live, simulate):
    live.step_minutes = 60
    live.play(simulate())
    (episode,) = live.episodes()
    usual = live.topic()["state"]["rule"]["sensitivity"]

    def say(false_alarm):
        with live.database.engine.connect() as connection, connection.begin():
            patch(connection, episode["id"], EpisodePatch(false_alarm=false_alarm), "marketing")
        live.now += timedelta(minutes=5)
        live.step()
        return live.topic()

    once = say(True)
    assert once["false_alarms"] == 1
    assert say(True)["false_alarms"] == 1
    assert once["state"]["rule"]["sensitivity"] != usual
    back = say(False)
    assert back["false_alarms"] == 0
    assert back["state"]["rule"]["sensitivity"] == usual


def test_a_state_of_another_version_is_learned_again_from_the_counts(make_live, database, simulate):
    live = make_live(database, step_minutes=120)
    posts = simulate()
    peak = next(one.at for one in posts if "Lisbonne" in one.text) + timedelta(hours=3)
    live.play([one for one in posts if one.at < peak], until=peak)
    assert [one["state"] for one in live.episodes()] == ["open"]
    read = live.topic()["state"]["read"]
    with database.engine.connect() as connection, connection.begin():
        connection.execute(watch_topics.update().values(state={"old": True}))
    again = make_live(database, now=live.now + timedelta(minutes=5))
    again.step()
    assert again.topic()["state"]["read"] == pytest.approx(read, abs=13)
    assert again.episodes()[0]["state"] == "closed"


def test_a_topic_beyond_the_most_is_counted_by_nobody(live, post, monkeypatch):
    monkeypatch.setattr("vigie_api.episodes.watcher.MOST_TOPICS", 1)
    live.write([post(live.now, True, "un"), post(live.now, True, "deux", topic="Autre")])
    done = live.step()
    assert (done.counted, done.unwatched, done.topics) == (1, 1, 1)
    assert [row["topic"] for row in live.rows(watch_topics)] == ["Air Paradis"]


def test_a_topic_without_posts_for_a_week_is_let_go_and_comes_back(live, post):
    live.write([post(live.now, False, "un")])
    live.now += timedelta(minutes=30)
    live.step()
    live.now += timedelta(days=9)
    assert live.step().topics == 0
    rows = len(live.rows(watch_buckets))
    live.now += timedelta(days=30)
    assert live.step().topics == 0
    assert len(live.rows(watch_buckets)) == rows
    live.write([post(live.now, False, "deux")])
    live.now += timedelta(minutes=10)
    assert live.step().topics == 1
    assert live.topic()["last_post_at"] == live.now - timedelta(minutes=10)


def test_what_waits_to_be_judged_holds_the_reading_up(live, post):
    live.write([post(live.now, False, "un")])
    with live.database.engine.connect() as connection, connection.begin():
        waiting = {"id": "w", "source": "x", "external_id": "w", "topic": "Air Paradis", "created_at": live.now}
        waiting |= {"received_at": live.now, "text": "trois", "stage": int(Stage.ACCEPTED)}
        connection.execute(mentions.insert().values(**waiting))
    live.now += timedelta(hours=1)
    live.step()
    held = live.topic()["state"]["rule"]["next_bucket"]
    with live.database.engine.connect() as connection, connection.begin():
        connection.execute(mentions.update().values(stage=int(Stage.SCORED), sentiment="negative"))
    live.now += timedelta(minutes=1)
    live.step()
    assert live.topic()["state"]["rule"]["next_bucket"] >= held + 10


def test_an_alert_is_raised_for_an_old_surge_that_still_goes_on(live, simulate):
    posts = simulate(surge=(2.5, 60.0, 8.0))
    onset = next(one.at for one in posts if "Lisbonne" in one.text)
    live.now = onset + timedelta(hours=6)
    live.write([one for one in posts if one.at <= live.now], received_at=live.now)
    live.step()
    live.now += timedelta(minutes=3)  # no further history comes
    live.step()
    (episode,) = live.episodes()
    assert episode["opened_at"] < live.now - timedelta(hours=3)
    assert episode["alert_id"] is not None
    assert steps_of(live) == [("email", "opened"), ("event", "opened")]
    assert live.rows(episodes)[0]["state"] == "open"


def test_people_reached_beyond_all_numbers_stop_nothing(live, simulate):
    live.step_minutes = 60
    live.play([replace(one, reach=2**63 - 1) for one in simulate()])
    (episode,) = live.episodes()
    assert episode["reach"] == 2**63 - 1


def test_an_episode_that_was_open_when_the_watch_stopped_for_weeks_is_closed(make_live, database, simulate):
    live = make_live(database, step_minutes=120)
    posts = simulate()
    peak = next(one.at for one in posts if "Lisbonne" in one.text) + timedelta(hours=3)
    live.play([one for one in posts if one.at < peak], until=peak)
    assert [one["state"] for one in live.episodes()] == ["open"]
    again = make_live(database, now=live.now + timedelta(days=20))
    again.step()
    (episode,) = again.episodes()
    assert episode["state"] == "closed"
    assert again.step().topics == 0


def test_a_topic_at_which_every_step_fails_stops_no_other_and_is_tried_again(live, post, monkeypatch):
    marks = Waiting.marks.fget
    monkeypatch.setattr(Waiting, "marks", property(lambda one: 1 / 0 if one.topic == "Poison" else marks(one)))
    live.write([post(live.now, True, "un", topic="Poison"), post(live.now, True, "deux")])
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            live.step()
        live.watcher.forget()
    live.now += timedelta(minutes=1)
    assert live.step().counted == 1
    live.write([post(live.now, True, "trois", topic="Poison"), post(live.now, True, "quatre")])
    live.now += timedelta(minutes=1)
    assert live.step().counted == 1
    assert {row["topic"] for row in live.rows(watch_topics)} == {"Air Paradis"}

    monkeypatch.setattr(Waiting, "marks", property(marks))
    live.now += timedelta(minutes=10)
    done = live.step()
    assert (done.counted, done.topics) == (2, 2)


def test_a_topic_that_cannot_be_loaded_stops_no_other(make_live, database, post, monkeypatch):
    live = make_live(database)
    live.write([post(live.now, True, "un", topic="Poison"), post(live.now, True, "deux")])
    live.now += timedelta(minutes=30)
    live.step()
    again = make_live(database, now=live.now)
    monkeypatch.setattr(Topic, "from_state", lambda _: 1 / 0)
    for _ in range(6):  # three for each of the two
        with pytest.raises(ZeroDivisionError):
            again.step()
    assert again.step().topics == 0
    monkeypatch.undo()
    again.now += timedelta(minutes=10)
    assert again.step().topics == 2


@pytest.fixture
def learned(live, monkeypatch):
    """When the watch learned a topic again."""
    relearn, times = Watched.relearn, []
    monkeypatch.setattr(Watched, "relearn", lambda *given: (times.append(live.now), relearn(*given)))
    return times


def test_posts_that_are_dated_back_one_by_one_make_the_watch_learn_again_once_an_hour(live, post, simulate, learned):
    texts = iter([one.text for one in simulate()])
    live.write([post(live.now, False, next(texts))])
    for number in range(16):
        live.now += timedelta(minutes=5)
        if number % 2 == 0:
            back = post(live.now - timedelta(days=3), True, next(texts))
            live.write([post(live.now, False, next(texts)), back], received_at=live.now)
        live.step()
    assert len(learned) == 2
    assert learned[1] - learned[0] == timedelta(hours=1)


def test_history_that_waits_to_be_learned_is_learned_after_a_restart(live, post, simulate, learned):
    texts = iter([one.text for one in simulate()])
    live.write([post(live.now, False, next(texts))])
    for _ in range(3):
        live.now += timedelta(minutes=5)
        live.step()
    live.write([post(live.now - timedelta(days=3), True, next(texts))], received_at=live.now)
    assert live.step().too_late == 1
    assert (learned, live.topic()["unlearned"]) == ([], True)  # more of it may come

    live.watcher.forget()
    live.now += timedelta(days=9)  # nobody posts any more
    live.step()
    assert learned == [live.now]
    assert live.topic()["unlearned"] is False
