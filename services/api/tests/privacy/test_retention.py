"""What grew too old goes, what did not stays, and what people judged stays as long as the newest verdict."""

import logging
from datetime import timedelta

import pytest
from sqlalchemy import text

from vigie_api.database.engine import Database
from vigie_api.mentions.table import Stage
from vigie_api.privacy.keeper import RetentionKeeper, pass_once
from vigie_api.privacy.retention import BATCH, Policy, Sweep, policy_of, words_since
from vigie_api.settings import Settings
from vigie_api.telemetry.metrics import Metrics

from .conftest import NOW, Kept

THIRTY, NINETY = timedelta(days=30), timedelta(days=90)


def sweep(kept: Kept, action: str = "delete", texts=THIRTY, judged=THIRTY, **more) -> dict[str, int]:
    done = pass_once(kept.engine, Sweep(Policy(action, texts, judged, **more)), NOW)
    return {table: rows for table, rows in done.items() if rows}


def test_old_predictions_go_with_what_the_challenger_said_and_young_ones_stay(kept):
    kept.predict("old", days=31, shadowed=True)
    young = kept.predict("young", days=29, shadowed=True)
    assert sweep(kept) == {"predictions": 1, "shadow_scores": 1}
    assert (kept.column("predictions.id"), kept.column("shadow_scores.prediction_id")) == ([young], [young])


def test_a_prediction_of_exactly_the_age_stays(kept):
    kept.predict("on the day", days=30)
    assert sweep(kept) == {}


def test_a_judged_prediction_stays_as_long_as_its_newest_verdict(kept):
    judged_lately, judged_long_ago = kept.predict("lately", days=80), kept.predict("long ago", days=80)
    kept.judge(judged_lately, days=20)
    kept.judge(judged_long_ago, days=70)
    assert sweep(kept) == {"predictions": 1, "feedback": 1}
    assert kept.column("predictions.id") == [judged_lately]


def test_verdicts_may_be_kept_longer_and_for_ever(kept):
    judged = kept.predict("judged", days=80)
    kept.judge(judged, days=70)
    kept.predict("not judged", days=80)
    assert sweep(kept, judged=NINETY) == {"predictions": 1}
    assert sweep(kept, judged=None) == {}
    assert kept.column("feedback.prediction_id") == kept.column("predictions.id") == [judged]


def test_a_prediction_whose_verdict_grows_old_after_the_walk_passed_it_goes_then(kept):
    old = kept.predict("judged", days=31)
    kept.judge(old, days=29)
    walking = Sweep(Policy("delete", THIRTY, THIRTY))
    assert pass_once(kept.engine, walking, NOW).total() == 0
    assert +pass_once(kept.engine, walking, NOW + timedelta(days=2)) == {"feedback": 1, "predictions": 1}


def test_what_is_anonymised_keeps_its_numbers_and_loses_its_words(kept):
    key = kept.predict("about Ann", days=40, shadowed=True)
    kept.judge(key, days=40, text="about Ann", comment="Ann told me")
    kept.alert(days=40, note="Ann again")
    assert sweep(kept, "anonymise") == {"predictions": 1, "feedback": 1, "alerts": 1}
    assert "Ann" not in kept.everything()
    assert kept.column("predictions.text") == [""]
    assert kept.column("predictions.score") == [0.2]
    assert (kept.column("feedback.given_by"), kept.column("feedback.verdict")) == ([None], ["wrong"])
    assert (kept.column("alerts.acknowledged_by"), kept.rows("shadow_scores")) == ([None], 1)
    assert sweep(kept, "anonymise") == {}


def test_mentions_go_with_their_predictions_and_those_that_wait_stay(kept):
    kept.mention("old", days=31)
    kept.mention("nobody could judge it", days=31, stage=Stage.SET_ASIDE)
    waiting = kept.mention("waits", days=31, stage=Stage.ACCEPTED)
    judged, young = kept.mention("judged", days=31), kept.mention("young", days=29, stage=Stage.COUNTED)
    kept.mention("young", days=29, stage=Stage.SET_ASIDE)
    kept.judge(judged, days=1)
    policy = Policy("delete", THIRTY, THIRTY)
    with kept.engine.connect() as connection:
        assert Sweep(policy, dry_run=True).run(connection, NOW)["mentions"] == 2
    assert sweep(kept) == {"predictions": 1, "mentions": 2}
    assert set(kept.column("mentions.id")) > {waiting, judged, young}
    assert kept.rows("mentions") == 4
    assert sweep(kept) == {}


def test_an_anonymised_mention_leads_back_to_nobody(kept):
    kept.mention("about Ann", days=31, author="@ann", stage=Stage.COUNTED)
    kept.mention("about Ann", days=31, author="@ann", stage=Stage.SET_ASIDE)
    assert sweep(kept, "anonymise") == {"predictions": 1, "mentions": 2}
    assert kept.column("mentions.external_id") == kept.column("mentions.id")
    assert [set(kept.column(f"mentions.{name}")) for name in ("text", "url", "author_key")] == [{None}] * 3
    assert set(kept.column("mentions.reach")) == {1}
    assert sweep(kept, "anonymise") == {}


def test_alerts_that_nobody_has_seen_or_that_wait_to_be_mailed_stay(kept):
    kept.alert(days=40)
    kept.alert(days=40, seen=False)
    kept.alert(days=29)
    assert sweep(kept) == {"alerts": 1}
    assert kept.rows("alerts") == 2


def test_an_alert_that_a_later_one_must_still_see_stays(kept):
    kept.alert(days=40)
    assert sweep(kept, cooldown=timedelta(days=41)) == {}


def test_an_alert_goes_with_its_verdicts_and_its_mails(kept):
    for number in range(3):
        key = kept.predict(f"tweet {number}", days=40)
        kept.judge(key, days=40)
    assert (kept.rows("alerts"), kept.rows("alert_verdicts")) == (1, 3)
    with kept.engine.begin() as connection:
        connection.execute(text("UPDATE alerts SET acknowledged_at = opened_at"))
    assert "alerts" not in sweep(kept)  # a mail waits
    with kept.engine.begin() as connection:
        connection.execute(text("UPDATE alert_outbox SET state = 'sent'"))
    done = sweep(kept)
    assert (done["alerts"], done["alert_verdicts"], kept.rows("alert_outbox")) == (1, 3, 0)


def test_more_than_a_batch_goes_in_one_pass_and_a_pass_can_be_cut_short(kept):
    for number in range(BATCH + 3):
        kept.predict(f"tweet {number}", days=40)
    walking = Sweep(Policy("delete", THIRTY, THIRTY))
    assert pass_once(kept.engine, walking, NOW, rest=lambda: False)["predictions"] == BATCH
    assert pass_once(kept.engine, walking, NOW)["predictions"] == 3


@pytest.mark.parametrize("action", ["delete", "anonymise"])
def test_a_dry_run_says_what_a_pass_does_and_does_nothing(kept, action):
    for days in (10, 40, 50):
        key = kept.predict(f"tweet of {days}", days=days, shadowed=True)
        kept.judge(key, days=days, comment="hm")
    kept.predict("not judged", days=60)
    kept.alert(days=40, note="hm")
    before = kept.everything()
    dry = pass_once(kept.engine, Sweep(Policy(action, THIRTY, THIRTY), dry_run=True), NOW)
    assert kept.everything() == before
    assert {table: rows for table, rows in dry.items() if rows} == sweep(kept, action)


@pytest.mark.integration
def test_on_postgres_one_process_sweeps_at_a_time(postgres, tmp_path):
    from vigie_api.database.engine import open_engine
    from vigie_api.database.migrate import migrate

    settings = Settings(database_url=postgres.new_database(), home=tmp_path)
    engine, other = open_engine(settings.database_url), open_engine(settings.database_url)
    migrate(engine)
    kept = Kept(settings, engine)
    for number in range(BATCH + 1):
        kept.predict(f"tweet {number}", days=40)
    policy = Policy("delete", THIRTY, THIRTY)
    meanwhile = []

    def rest() -> bool:
        meanwhile.append(pass_once(other, Sweep(policy), NOW))
        return True

    assert pass_once(engine, Sweep(policy), NOW, rest)["predictions"] == BATCH + 1
    assert meanwhile == [None]
    assert pass_once(other, Sweep(policy), NOW).total() == 0
    engine.dispose()
    other.dispose()


def test_settings_make_the_policy(settings, changed):
    def policy(**values):
        return policy_of(changed(settings, **values))

    assert policy() is None
    assert policy(retention_days=0, retention_feedback_days=0) is None
    cooldown = timedelta(hours=1)
    assert policy(retention_days=30) == Policy("delete", THIRTY, THIRTY, cooldown)
    assert policy(retention_days=30, retention_feedback_days=0) == Policy("delete", THIRTY, None, cooldown)
    assert policy(retention_feedback_days=90, retention_action="anonymise") == Policy(
        "anonymise", None, NINETY, cooldown
    )


def test_texts_that_were_anonymised_are_not_offered_for_review(settings, changed):
    assert words_since(changed(settings, retention_days=30), NOW) is None
    blank = changed(settings, retention_days=30, retention_action="anonymise")
    assert words_since(blank, NOW) == NOW - THIRTY


def test_the_keeper_counts_what_went_and_logs_no_text(kept, changed, caplog):
    caplog.set_level(logging.INFO)
    settings = changed(kept.settings, retention_days=30)
    kept.predict("tell nobody", days=40)
    (settings.spool_dir / "0-x.damaged").write_text("tell nobody")
    metrics, database = Metrics(), Database(settings.database_url)
    keeper = RetentionKeeper(settings, database, metrics.registry)
    assert keeper.sweep(NOW) is None  # not migrated yet, for all it knows
    database.ready = True
    assert keeper.sweep(NOW + timedelta(days=400))["predictions"] == 1
    assert b'vigie_retention_rows_total{action="delete",table="predictions"} 1.0' in metrics.render()
    assert b'vigie_retention_rows_total{action="delete",table="spool"} 1.0' in metrics.render()
    assert list(settings.spool_dir.iterdir()) == []
    assert "old texts were swept" in caplog.text
    assert "nobody" not in caplog.text
    database.engine.dispose()


def test_a_database_that_is_away_is_tried_again_and_what_nobody_foresaw_is_counted(settings, changed):
    settings, metrics = changed(settings, retention_days=30), Metrics()
    database = Database("postgresql+psycopg://u@127.0.0.1:9/d")
    database.ready = True
    keeper = RetentionKeeper(settings, database, metrics.registry)
    assert keeper.sweep(NOW) is None
    there = Database(settings.database_url)
    there.ready = True
    metrics = Metrics()
    assert RetentionKeeper(settings, there, metrics.registry).sweep("no time") == {}
    there.engine.dispose()
    assert b"vigie_retention_failures_total 1.0" in metrics.render()
    database.engine.dispose()


@pytest.mark.anyio
async def test_a_running_service_sweeps_by_itself_and_lists_no_blank_text(running, settings, changed, until):
    settings = changed(settings, retention_days=1, retention_action="anonymise")
    async with running(settings) as api:
        old = (await api.client.post("/v1/predict", json={"text": "Ann was late"})).json()["id"]
        await api.client.post("/v1/feedback", json={"prediction_id": old, "verdict": "wrong", "comment": "Ann"})
        await api.settled()
        with api.services.database.engine.begin() as connection:
            for table, column in (("predictions", "created_at"), ("feedback", "received_at")):
                connection.execute(text(f"UPDATE {table} SET {column} = '2026-01-01 00:00:00.000000'"))  # noqa: S608
    async with running(settings) as api:

        def swept() -> bool:
            with api.services.database.engine.connect() as connection:
                blank = text("SELECT p.text, f.given_by FROM predictions p, feedback f")
                return connection.execute(blank).one() == ("", None)

        await until(swept)
        listed = (await api.client.get("/v1/feedback")).json()["feedback"]
        assert [(one["text"], one["comment"], one["given_by"], one["verdict"]) for one in listed] == [
            (None, None, None, "wrong")
        ]
        assert (await api.client.get("/v1/review")).json()["items"] == []
