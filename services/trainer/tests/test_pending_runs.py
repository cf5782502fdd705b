import os
import time
from pathlib import Path

import pytest

from vigie_trainer.errors import Unavailable
from vigie_trainer.tracking.record import RUN_FILE, PendingRun, RunDraft, pending_runs


def finished(pending: Path, name: str = "tfidf_tiny", end_ms: int = 0) -> PendingRun:
    draft = RunDraft(pending, name)
    (draft.files / "note.txt").write_text("kept")
    draft.record.metrics = {"accuracy": 0.5}
    draft.record.end_ms = end_ms
    return draft.finish()


def test_a_finished_run_is_whole_on_disk_and_comes_back_as_it_was(tmp_path: Path) -> None:
    run = finished(tmp_path)
    (again,) = pending_runs(tmp_path)
    assert again.record == run.record
    assert (again.files / "note.txt").read_text() == "kept"
    assert not again.model.exists()


def test_a_run_that_is_being_made_is_not_pending_and_leaves_nothing_when_given_up(tmp_path: Path) -> None:
    draft = RunDraft(tmp_path, "x")
    assert pending_runs(tmp_path) == []
    draft.discard()
    assert list(tmp_path.iterdir()) == []
    assert pending_runs(tmp_path / "absent") == []


def test_the_oldest_run_is_sent_first(tmp_path: Path) -> None:
    finished(tmp_path, "late", 2_000)
    finished(tmp_path, "early", 1_000)
    assert [run.record.name for run in pending_runs(tmp_path)] == ["early", "late"]


def test_one_sender_at_a_time_holds_a_run(tmp_path: Path) -> None:
    run = finished(tmp_path)
    with run.claimed() as first, PendingRun(run.folder).claimed() as second:
        assert (first, second) == (True, False)
    with run.claimed() as again:
        assert again
        run.remove()
    with run.claimed() as gone:
        assert not gone


def test_a_draft_that_a_killed_command_left_is_swept_away_after_a_day(tmp_path: Path) -> None:
    old, fresh = RunDraft(tmp_path, "old"), RunDraft(tmp_path, "fresh")
    yesterday = time.time() - 2 * 24 * 3600
    os.utime(old.folder, (yesterday, yesterday))
    pending_runs(tmp_path)
    assert not old.folder.exists()
    assert fresh.folder.exists()


def test_runs_that_another_command_finishes_or_sends_meanwhile_are_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, draft = finished(tmp_path), RunDraft(tmp_path, "other")
    monkeypatch.setattr(
        Path, "glob", lambda folder, pattern: [run.folder / RUN_FILE if pattern.endswith(RUN_FILE) else draft.folder]
    )
    draft.discard()
    run.remove()
    assert pending_runs(tmp_path) == []


def test_a_home_that_cannot_be_written_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where a folder should be")
    with pytest.raises(Unavailable, match=r"cannot be written: .*VIGIE_HOME"):
        RunDraft(tmp_path / "home" / "pending", "x")
