"""A text that is forgotten is nowhere any more, and a dry run touches nothing."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Column, MetaData, String, Table, Text, insert, select, text, update

from vigie_api.alerts.table import alerts
from vigie_api.champion.moves_table import alias_moves
from vigie_api.feedback.spool import Spool
from vigie_api.feedback.table import Entry
from vigie_api.privacy import rows, spool_files
from vigie_api.privacy.forget import forget_author, forget_text
from vigie_api.privacy.places import Posts
from vigie_api.privacy.wanted import MARKER, Wanted

from .conftest import NOW

HOSTILE = "Vol 'AP-12' \"annulé\" \\ %_ </script>; DROP TABLE predictions;-- 😡 =cmd|'x'!A0"
OTHER = "Merci à l'équipage, vol parfait !"
WANTED = Wanted(HOSTILE)


def forget(kept, wanted=WANTED, *, dry_run=False):
    report = forget_text(kept.settings, wanted, dry_run=dry_run, sleep=lambda _seconds: None)
    return report, {place: count for place, count in report.places.items() if count}


def everywhere(kept) -> None:
    """The text wherever the service may write it, once as it was sent and once nearly so."""
    judged = kept.predict(HOSTILE, shadowed=True)
    kept.predict(f"  {HOSTILE.upper()}\n")
    other = kept.predict(OTHER, shadowed=True)
    kept.judge(judged, comment="first")
    kept.judge(judged, comment="second thoughts")
    kept.judge("unknown-to-us", text=HOSTILE)
    kept.judge(other, comment=f"like «{HOSTILE}», no?")
    kept.alert(note=f"because of {HOSTILE}")
    with kept.engine.begin() as connection:
        connection.execute(update(alerts).where(alerts.c.kind == "drift").values(evidence={"quote": HOSTILE, "n": 1}))
        move = {"at": NOW, "action": "promote", "version": "1", "recipe": "tiny", "by": "ann"}
        connection.execute(insert(alias_moves).values(**move, reason=f"it judges {HOSTILE} rightly"))


def spooled(kept, prediction_id="p", said=HOSTILE, comment=None) -> None:
    entry = Entry("f-" + prediction_id, prediction_id, NOW, "wrong", "positive", said, "negative", "1", comment, "ann")
    Spool(kept.settings.spool_dir).append(entry)


def test_a_text_goes_from_every_table_and_what_is_about_others_stays(kept):
    everywhere(kept)
    report, places = forget(kept)
    assert places == {
        "database: predictions": 2,
        "database: shadow_scores": 1,
        "database: feedback": 3,
        "database: feedback.comment": 1,
        "database: alerts.note": 1,
        "database: alerts.evidence": 1,
        "database: alias_moves.reason": 1,
    }
    assert "ap-12" not in kept.everything().casefold()
    assert kept.column("predictions.text") == [OTHER]
    assert kept.column("feedback.comment") == [None]
    assert kept.column("feedback.verdict") == ["wrong"]
    assert kept.column("alias_moves.reason") == [MARKER]
    assert {"quote": MARKER, "n": 1} in kept.column("alerts.evidence")
    assert [failure for failure in report.failures if "MLflow" not in failure] == []


def test_an_alert_shows_that_its_evidence_was_forgotten(kept):
    from vigie_api.alerts.listing import find

    for number in range(3):
        kept.judge(kept.predict(HOSTILE if number == 1 else f"tweet {number}"))
    forget(kept)
    with kept.engine.connect() as connection:
        alert = find(connection, kept.column("alerts.id")[0])
    assert [verdict["text"] for verdict in alert.evidence["verdicts"]] == ["tweet 0", None, "tweet 2"]
    assert alert.count == 3


def test_a_dry_run_counts_the_same_and_touches_nothing(kept):
    everywhere(kept)
    spooled(kept)
    before, files = kept.everything(), sorted(path.read_bytes() for path in kept.settings.spool_dir.iterdir())
    _, dry = forget(kept, dry_run=True)
    assert kept.everything() == before
    assert sorted(path.read_bytes() for path in kept.settings.spool_dir.iterdir()) == files
    assert forget(kept)[1] == dry


def test_a_second_run_finds_nothing_left(kept):
    everywhere(kept)
    spooled(kept)
    assert forget(kept)[0].found > 0
    report, places = forget(kept)
    assert (report.found, places) == (0, {})


def test_a_fragment_takes_every_text_that_holds_it(kept):
    kept.predict("Jean Dupont a été odieux")
    kept.predict("rien à dire de jean   dupont")
    kept.predict("rien à dire")
    assert forget(kept, Wanted("Jean Dupont", fragment=True))[1] == {"database: predictions": 2}
    assert kept.column("predictions.text") == ["rien à dire"]


def test_pages_and_batches_end_where_the_table_does(kept, monkeypatch):
    monkeypatch.setattr(rows, "_PAGE", 4)
    for number in range(8):
        kept.predict(HOSTILE if number % 2 else OTHER)
    assert forget(kept)[1] == {"database: predictions": 4}
    assert kept.rows("predictions") == 4


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_sqlite_deletes_is_nowhere_in_its_files(kept, tmp_path):
    kept.predict("the quick brown secret, twice")
    for number in range(50):
        kept.predict(f"tweet {number}")
    forget(kept, Wanted("the quick brown secret, twice"))
    kept.engine.dispose()
    for file in tmp_path.glob("test.db*"):
        assert b"brown secret" not in file.read_bytes(), file.name


def test_waiting_damaged_and_unfinished_files_of_the_spool_go(kept):
    folder = kept.settings.spool_dir
    spooled(kept, "p1")
    spooled(kept, "p2", said=OTHER)
    spooled(kept, "p3", said=OTHER, comment=f"unlike {HOSTILE}")
    judged = kept.predict(HOSTILE)
    spooled(kept, judged, said=None)
    (folder / "1-a.damaged").write_text(json.dumps({"text": HOSTILE})[:-1])
    (folder / "2-b.damaged").write_text('{"text": "other"')
    (folder / "3-c.new").write_text(json.dumps({"text": HOSTILE})[:-1])
    (folder / "4-d.new").write_text('{"text": "being written"')
    (folder / "README").write_text(HOSTILE)
    found = spool_files.find(folder, WANTED, {judged}, datetime.now(UTC) + timedelta(minutes=2))
    assert [change.path.suffix for change in found] == [".json", ".json", ".json", ".damaged", ".new"]
    assert spool_files.apply(found) == 5
    assert spool_files.apply([change for change in found if change.instead is None]) == 0
    left = [entry for _, entry in Spool(folder).waiting()]
    assert [(entry.prediction_id, entry.text, entry.comment) for entry in left] == [
        ("p2", OTHER, None),
        ("p3", OTHER, None),
    ]


def test_a_file_that_a_process_writes_at_this_moment_is_left_to_it(kept):
    folder = kept.settings.spool_dir
    (folder / "1-a.new").write_text(json.dumps({"text": HOSTILE}))
    assert spool_files.find(folder, WANTED, (), datetime.now(UTC)) == []


def test_a_text_that_arrives_while_it_is_forgotten_is_forgotten_too(kept):
    arriving = iter([HOSTILE, HOSTILE])

    def sleep(_seconds):
        for said in arriving:
            kept.predict(said)
            break

    kept.predict(HOSTILE)
    report = forget_text(kept.settings, WANTED, dry_run=False, sleep=sleep)
    assert report.places["database: predictions"] == 3
    assert kept.rows("predictions") == 0


def test_a_text_that_keeps_coming_is_said_so(kept):
    report = forget_text(kept.settings, WANTED, dry_run=False, sleep=lambda _: kept.predict(HOSTILE) and None)
    assert any("keeps coming" in failure for failure in report.failures)


def test_a_database_or_a_spool_that_is_away_is_a_failure_and_the_rest_is_done(kept, changed, tmp_path):
    away = changed(kept.settings, database_url="postgresql://u:hush@127.0.0.1:9/d")
    report = forget_text(away, WANTED, dry_run=False, sleep=lambda _: None)
    assert len(report.failures) == 2
    assert "database does not answer" in report.failures[0]
    assert "MLflow" in report.failures[1]
    assert "hush" not in str(report.document())


def test_nothing_is_kept_by_author_without_a_secret_and_the_command_says_so(kept, changed):
    everywhere(kept)
    before = kept.everything()
    key = {"name": "ui", "scopes": ["review"], "sha256": "0" * 64}
    report = forget_author(changed(kept.settings, keys=[key]), "@ann", dry_run=False)
    assert (report.found, report.failures) == (0, [])
    assert "Nothing is kept by author" in report.notes[0]
    assert kept.everything() == before


def test_a_table_with_a_hash_of_the_author_joins_in(kept):
    mentions = Table(
        "m", MetaData(), Column("id", String(9), primary_key=True), Column("a", Text()), Column("t", Text())
    )
    with kept.engine.begin() as connection:
        mentions.create(connection)
        connection.execute(insert(mentions), [{"id": str(n), "a": f"#{n % 2}", "t": "text"} for n in range(4)])
    tables = (
        Posts(
            mentions.c.id,
            mentions.c.t,
            mentions.c.id,
            (mentions.c.id,),
            (mentions.c.a, lambda _settings: lambda name: f"#{name}"),
        ),
    )
    dry = forget_author(kept.settings, "1", dry_run=True, tables=tables)
    done = forget_author(kept.settings, "1", dry_run=False, tables=tables, sleep=lambda _: None)
    assert dry.places["database: m"] == done.places["database: m"] == 2
    with kept.engine.connect() as connection:
        assert list(connection.scalars(select(mentions.c.a))) == ["#0", "#0"]


@pytest.mark.anyio
async def test_a_prediction_that_waits_to_be_written_does_not_come_back(running, settings, changed):
    settings = changed(settings, flush_s=3_600)
    async with running(settings) as api:
        await api.client.post("/v1/predict", json={"text": HOSTILE})
        import asyncio

        loop = asyncio.get_running_loop()

        def sleep(_seconds):
            asyncio.run_coroutine_threadsafe(api.services.recorder.flush(), loop).result()

        await asyncio.to_thread(forget_text, settings, WANTED, dry_run=False, sleep=sleep)
        await api.settled()
        with api.services.database.engine.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM predictions")).scalar() == 0


@pytest.mark.anyio
async def test_a_running_service_takes_verdicts_again_after_its_spool_was_cleaned(kept):
    spool = Spool(kept.settings.spool_dir)
    spooled(kept)
    assert Spool(kept.settings.spool_dir).depth == 1
    spool = Spool(kept.settings.spool_dir)
    forget(kept)
    assert spool.depth == 1
    assert list(spool.waiting()) == []
    assert spool.depth == 0
