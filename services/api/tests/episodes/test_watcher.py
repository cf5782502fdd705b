"""The live watch counts each mention once, and finds what replay finds, however it is stopped and started."""

from vigie_api.alerts.table import alert_outbox, alerts
from vigie_api.mentions.table import Stage, mentions
from vigie_api.replay.engine import NegativeOrNot, Replay, rule_named


def replayed(posts):
    run = Replay(rule_named("vigie"))
    return run.run(
        NegativeOrNot(one.at.timestamp(), one.topic, one.negative, one.text, one.author and str(one.author))
        for one in posts
    )


def told(episode):
    return (
        int(episode["onset_at"].timestamp()),
        int(episode["opened_at"].timestamp()),
        int(episode["closed_at"].timestamp()) if episode["closed_at"] else None,
        episode["severity"],
        episode["negatives"],
        round(episode["expected"], 6),
    )


def as_replayed(found):
    return (
        found.onset_s,
        found.opened_s,
        found.closed_s,
        found.severity.value,
        found.negatives,
        round(found.expected, 6),
    )


def test_a_week_with_a_surge_makes_the_episode_that_replay_finds_and_one_alert(live, simulate):
    posts = simulate()
    live.play(posts)

    found = live.episodes()
    assert [told(one) for one in found] == [as_replayed(one) for one in replayed(posts)]
    (episode,) = found
    assert episode["state"] == "closed"
    (alert,) = live.rows(alerts)
    assert alert["kind"] == "surge"
    assert alert["id"] == episode["alert_id"]
    steps = sorted((row["channel"], row["step"]) for row in live.rows(alert_outbox))
    assert {row["stage"] for row in live.rows(mentions)} == {int(Stage.COUNTED)}
