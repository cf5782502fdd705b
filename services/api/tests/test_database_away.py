"""The database is away: predictions go on, feedback is spooled or refused with Retry-After, nothing is lost."""

import asyncio
import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import create_engine, func, select, text

from vigie_api.database.engine import Database, DatabaseAway, open_engine
from vigie_api.database.migrate import NotMigrated, migrate, migrated
from vigie_api.feedback.spool import Spool
from vigie_api.feedback.table import Entry, feedback, keep
from vigie_api.prediction.recorder import Recorder
from vigie_api.prediction.table import PredictionRow, predictions
from vigie_api.settings import Settings
from vigie_api.telemetry.metrics import Metrics

pytestmark = pytest.mark.anyio


def _entry(number: int) -> Entry:
    now = datetime.now(UTC)
    return Entry(f"id-{number}", "p", now, "wrong", "positive", "texte é", "negative", "1", None)


def _row(number: int) -> PredictionRow:
    return PredictionRow(f"r{number}", 1.0, "texte", "positive", 0.9, False, "fr", "1", "tiny")


@pytest.mark.integration
async def test_feedback_waits_on_disk_and_reaches_the_database_in_order(
    running, settings, own_postgres, tmp_path, until
):
    values = settings.model_dump() | {"database_url": own_postgres.new_database(), "spool_dir": tmp_path / "spool"}
    async with running(Settings(**values)) as api:
        prediction = (await api.client.post("/v1/predict", json={"text": "Merci"})).json()["id"]
        await api.settled()
        own_postgres.stop()
        for verdict in ("wrong", "correct", "wrong"):
            said = await api.client.post(
                "/v1/feedback", json={"prediction_id": prediction, "verdict": verdict, "sentiment": "positive"}
            )
            assert said.status_code == 201
        last = said.json()
        assert api.services.feedback._spool.depth == 3
        assert (await api.client.post("/v1/predict", json={"text": "still judged"})).status_code == 200
        assert (await api.client.get("/v1/feedback")).status_code == 503
        assert "vigie_spool_depth 3.0" in (await api.client.get("/metrics")).text
        own_postgres.start()
        await until(lambda: api.services.feedback._spool.depth == 0)
        (listed,) = (await api.client.get("/v1/feedback")).json()["feedback"]
        assert (listed["id"], listed["verdict"], listed["text"]) == (last["id"], "wrong", "Merci")
        assert listed["received_at"] == last["received_at"]
        count = await api.services.database.read(lambda c: c.scalar(select(func.count()).select_from(feedback)))
        assert count == 3
        await until(lambda: api.services.recorder.depth == 0)


async def test_a_verdict_from_the_spool_does_not_outvote_a_later_one(api):
    older, newer = _entry(1), replace(_entry(2), verdict="correct", correction="negative")
    await api.services.database.write(keep, newer)
    await api.services.database.write(partial(keep, replayed=True), older)
    await api.services.database.write(partial(keep, replayed=True), older)  # died before the file was removed
    (counts,) = (await api.client.get("/v1/feedback")).json()["feedback"]
    assert (counts["id"], counts["verdict"]) == (newer.id, "correct")
    count = await api.services.database.read(lambda c: c.scalar(select(func.count()).select_from(feedback)))
    assert count == 2


@pytest.mark.integration
async def test_a_database_that_hangs_does_not_keep_the_answer_and_takes_the_verdict_once(
    running, settings, own_postgres, tmp_path, monkeypatch, until
):
    monkeypatch.setattr("vigie_api.feedback.desk._PATIENCE_S", 0.2)
    values = settings.model_dump() | {"database_url": own_postgres.new_database(), "spool_dir": tmp_path / "spool"}
    async with running(Settings(**values)) as api:
        with api.services.database.engine.begin() as holder:
            holder.execute(text("LOCK TABLE feedback IN ACCESS EXCLUSIVE MODE"))
            said = await api.client.post("/v1/feedback", json={"prediction_id": "p", "verdict": "wrong"})
            assert said.status_code == 201
            assert api.services.feedback._spool.depth == 1
        await until(lambda: api.services.feedback._spool.depth == 0)
        await api.services.database.close()  # what was given up on has ended
    engine = create_engine(values["database_url"])
    with engine.connect() as connection:
        assert connection.execute(select(feedback.c.id)).scalars().all() == [said.json()["id"]]
    engine.dispose()


@pytest.mark.integration
async def test_without_a_spool_feedback_is_503_with_retry_after(running, settings, own_postgres):
    values = settings.model_dump() | {"database_url": own_postgres.new_database()}
    async with running(Settings(**values)) as api:
        own_postgres.stop()
        for answer in (
            await api.client.post("/v1/feedback", json={"prediction_id": "p", "verdict": "wrong"}),
            await api.client.get("/v1/feedback", headers={"accept": "application/x-ndjson"}),
        ):
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
            assert answer.json()["type"] == "urn:vigie:problem:database-away"
        own_postgres.start()
        said = await api.client.post("/v1/feedback", json={"prediction_id": "p", "verdict": "wrong"})
        assert said.status_code == 201


@pytest.mark.integration
async def test_the_api_starts_and_judges_before_its_database_does(running, settings, own_postgres, monkeypatch, until):
    monkeypatch.setattr("vigie_api.app._MIGRATE_AGAIN_S", 0.05)
    url = own_postgres.new_database()
    own_postgres.stop()
    async with running(Settings(**settings.model_dump() | {"database_url": url}), ready=False) as api:
        assert (await api.client.post("/v1/predict", json={"text": "a"})).status_code == 200
        assert (await api.client.get("/readyz")).json()["database"] is False
        refused = await api.client.post("/v1/feedback", json={"prediction_id": "p", "verdict": "wrong"})
        assert refused.status_code == 503
        own_postgres.start()
        await until(lambda: api.services.database.ready)
        await api.settled()
        assert await api.services.database.read(lambda c: c.scalar(select(func.count()).select_from(predictions))) == 1


async def test_a_spool_outlives_its_process_and_keeps_the_order(tmp_path):
    spool = Spool(tmp_path)
    for number in range(12):
        spool.append(_entry(number))
    (tmp_path / "0-cut.new").write_text("{")
    os.utime(tmp_path / "0-cut.new", (0, 0))
    again = Spool(tmp_path)
    assert again.depth == 12
    assert [entry.id for _, entry in again.waiting()] == [f"id-{number}" for number in range(12)]
    assert next(again.waiting())[1].text == "texte é"
    assert not list(tmp_path.glob("*.new"))


async def test_a_spool_file_from_before_names_and_topics_were_kept_is_read(running, settings, tmp_path, until):
    folder = tmp_path / "spool"
    Spool(folder).append(_entry(1))
    path = next(folder.iterdir())
    older = json.loads(path.read_text())
    del older["given_by"], older["topic"]
    path.write_text(json.dumps(older))
    async with running(settings.model_copy(update={"spool_dir": folder})) as api:
        await until(lambda: api.services.feedback._spool.depth == 0)
        (listed,) = (await api.client.get("/v1/feedback")).json()["feedback"]
    assert (listed["id"], listed["given_by"], listed["topic"]) == ("id-1", None, None)


async def test_who_gave_a_verdict_and_its_topic_survive_the_spool(tmp_path):
    Spool(tmp_path).append(replace(_entry(1), given_by="ann", topic="Air Paradis"))
    kept = next(Spool(tmp_path).waiting())[1]
    assert (kept.given_by, kept.topic) == ("ann", "Air Paradis")


async def test_a_damaged_spool_file_is_set_aside_and_the_rest_goes_on(running, settings, tmp_path, until):
    folder = tmp_path / "spool"
    spool = Spool(folder)
    spool.append(_entry(1))
    (folder / "00-damaged.json").write_text("{")
    async with running(settings.model_copy(update={"spool_dir": folder})) as api:
        await until(lambda: api.services.feedback._spool.depth == 0)
        (listed,) = (await api.client.get("/v1/feedback")).json()["feedback"]
    assert listed["id"] == "id-1"
    assert [path.name for path in folder.glob("*.*")] == ["00-damaged.damaged"]


async def test_an_entry_that_the_database_refuses_is_set_aside(running, settings, tmp_path, until):
    folder = tmp_path / "spool"
    Spool(folder).append(_entry(1))
    path = next(folder.iterdir())
    path.write_text(json.dumps(json.loads(path.read_text()) | {"verdict": None}))
    async with running(settings.model_copy(update={"spool_dir": folder})) as api:
        await until(lambda: api.services.feedback._spool.depth == 0)
    assert [path.suffix for path in folder.glob("*.*")] == [".damaged"]


async def test_one_that_the_database_refuses_costs_none_of_those_that_are_written_with_it(
    running, settings, tmp_path, until
):
    folder = tmp_path / "spool"
    spool = Spool(folder)
    for number in range(5):
        spool.append(replace(_entry(number), prediction_id=f"p-{number}"))
    path = sorted(folder.glob("*.json"))[2]
    path.write_text(json.dumps(json.loads(path.read_text()) | {"verdict": None}))
    async with running(settings.model_copy(update={"spool_dir": folder})) as api:
        await until(lambda: api.services.feedback._spool.depth == 0)
        listed = (await api.client.get("/v1/feedback")).json()["feedback"]
    assert {one["id"] for one in listed} == {"id-0", "id-1", "id-3", "id-4"}
    assert [path.suffix for path in folder.glob("*.*")] == [".damaged"]


async def test_what_the_spool_writes_together_opens_the_alerts_that_it_opens_one_by_one(
    running, settings, tmp_path, until
):
    """Whatever the order of the predictions' names, in which they are locked."""
    folder = tmp_path / "spool"
    spool = Spool(folder)
    began = datetime.now(UTC)
    for number in range(7):
        at = began + timedelta(seconds=number)
        spool.append(replace(_entry(number), prediction_id=f"p-{-number % 7}", received_at=at))
    apart = settings.model_copy(update={"spool_dir": folder, "alert_cooldown_s": 0.0})
    async with running(apart) as api:
        await until(lambda: api.services.feedback._spool.depth == 0)
        alerts = (await api.client.get("/v1/alerts")).json()["alerts"]
    assert [[one["feedback_id"] for one in alert["evidence"]["verdicts"]] for alert in reversed(alerts)] == [
        ["id-0", "id-1", "id-2"],
        ["id-3", "id-4", "id-5"],
    ]


async def test_a_verdict_that_another_one_replaced_while_both_waited_has_counted_when_it_came(
    running, settings, tmp_path, until
):
    folder = tmp_path / "spool"
    spool = Spool(folder)
    began = datetime.now(UTC)
    for number, (prediction, seconds) in enumerate([("a", 0), ("b", 10), ("c", 20)]):
        spool.append(replace(_entry(number), prediction_id=prediction, received_at=began + timedelta(seconds=seconds)))
    later = {"verdict": "correct", "correction": None, "received_at": began + timedelta(minutes=30)}
    spool.append(replace(_entry(3), prediction_id="a", **later))
    async with running(settings.model_copy(update={"spool_dir": folder})) as api:
        await until(lambda: api.services.feedback._spool.depth == 0)
        (alert,) = (await api.client.get("/v1/alerts")).json()["alerts"]
    assert [one["feedback_id"] for one in alert["evidence"]["verdicts"]] == ["id-0", "id-1", "id-2"]


async def test_an_entry_replayed_twice_is_kept_once(running, settings, tmp_path):
    from vigie_api.feedback.table import keep

    async with running(settings) as api:
        for _ in range(2):
            await api.services.database.write(lambda c: keep(c, _entry(1), replayed=True))
        count = await api.services.database.read(lambda c: c.scalar(select(func.count()).select_from(feedback)))
    assert count == 1


async def test_a_full_disk_is_503_not_a_false_promise(running, settings, tmp_path, monkeypatch):
    def full(_entry):
        raise OSError(28, "No space left on device")

    async with running(settings.model_copy(update={"spool_dir": tmp_path / "spool"})) as api:
        api.services.database.ready = False
        monkeypatch.setattr(api.services.feedback._spool, "append", full)
        said = await api.client.post("/v1/feedback", json={"prediction_id": "p", "verdict": "wrong"})
        assert said.status_code == 503
        api.services.database.ready = True


@pytest.fixture
async def database(tmp_path):
    from vigie_api.database.migrate import migrate

    opened = Database(f"sqlite:///{tmp_path}/r.db")
    migrate(opened.engine)
    opened.ready = True
    yield opened
    await opened.close()


async def _count(database) -> int:
    return await database.read(lambda c: c.scalar(select(func.count()).select_from(predictions)))


async def test_a_full_queue_drops_and_counts(database):
    metrics = Metrics()
    recorder = Recorder(database, metrics, queue_size=2, flush_s=1)
    for number in range(5):
        recorder.put(_row(number))
    assert recorder.depth == 2
    assert b'vigie_write_behind_dropped_total{reason="queue-full"} 3.0' in metrics.render()
    await recorder.flush()
    assert await _count(database) == 2


async def test_rows_stay_queued_while_the_database_is_away_and_are_flushed_at_the_end(database):
    recorder = Recorder(database, Metrics(), queue_size=5_000, flush_s=1)
    for number in range(2_500):
        recorder.put(_row(number))
    database.ready = False
    with pytest.raises(DatabaseAway):
        await recorder.flush()
    assert recorder.depth == 2_500
    assert recorder.find("r3") is not None
    database.ready = True
    await recorder.close()
    assert (recorder.depth, await _count(database)) == (0, 2_500)


async def test_what_cannot_be_written_at_the_end_is_counted(database):
    metrics = Metrics()
    recorder = Recorder(database, metrics, queue_size=10, flush_s=1)
    recorder.put(_row(1))
    database.ready = False
    await recorder.close()
    assert b'vigie_write_behind_dropped_total{reason="shutdown"} 1.0' in metrics.render()


async def test_a_batch_that_is_refused_for_good_does_not_block_the_next(database, until):
    metrics = Metrics()
    recorder = Recorder(database, metrics, queue_size=10, flush_s=0.01)
    task = asyncio.create_task(recorder.run())
    recorder.put(_row(1)._replace(text=None))
    await until(lambda: recorder.depth == 0)
    recorder.put(_row(2))
    await until(lambda: recorder.depth == 0)
    task.cancel()
    assert await _count(database) == 1
    assert b'vigie_write_behind_dropped_total{reason="refused"} 1.0' in metrics.render()


async def test_the_same_batch_twice_writes_it_once(database):
    from vigie_api.prediction.table import insert_predictions

    for _ in range(2):
        await database.write(insert_predictions, [_row(1)])
    assert await _count(database) == 1


async def test_an_api_that_does_not_migrate_waits_until_somebody_has(running, settings, unmigrated_url, until, caplog):
    settings = Settings(**settings.model_dump() | {"database_url": unmigrated_url, "migrate_on_start": False})
    async with running(settings, ready=False) as api:
        await until(lambda: "waiting for the migration" in caplog.text)
        said = await api.client.post("/v1/feedback", json={"prediction_id": "p", "verdict": "wrong"})
        assert said.status_code == 503

        await asyncio.to_thread(migrate, api.services.database.engine)

        await until(lambda: api.services.database.ready)
        assert (await api.client.get("/v1/feedback")).status_code == 200


def test_the_schema_of_a_newer_release_will_do_and_of_an_older_one_will_not(database_url):
    engine = open_engine(Settings(database_url=database_url).database_url)
    newest = migrate(engine)
    for revision, good in ((newest, True), ("9999", True), ("0001", False)):
        with engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
        if good:
            assert migrated(engine) == revision
        else:
            with pytest.raises(NotMigrated, match=f"at revision 0001, {newest} is needed"):
                migrated(engine)
    engine.dispose()


async def test_a_migration_that_fails_for_good_leaves_predictions_working(running, settings, monkeypatch, caplog):
    def fail(_engine):
        raise ZeroDivisionError

    monkeypatch.setattr("vigie_api.app.migrate", fail)
    async with running(settings, ready=False) as api:
        assert (await api.client.post("/v1/predict", json={"text": "a"})).status_code == 200
        while "could not be migrated" not in caplog.text:  # noqa: ASYNC110 - a log line has no event
            await asyncio.sleep(0.01)
        said = await api.client.post("/v1/feedback", json={"prediction_id": "p", "verdict": "wrong"})
        assert said.status_code == 503


@pytest.mark.integration
def test_a_lost_connection_counts_as_away(own_postgres):
    from vigie_api.database.engine import is_away

    engine = open_engine(own_postgres.url().replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        own_postgres.stop()
        with pytest.raises(Exception) as caught:  # noqa: PT011 - which one is the driver's choice
            connection.execute(text("SELECT 1"))
    assert is_away(caught.value)
    engine.dispose()
