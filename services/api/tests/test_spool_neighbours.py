"""Processes that share a spool's folder get along: they take over from one that died, and never trip over another."""

import asyncio
import errno
import json
import os
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from vigie_api.database.draining import _PATIENCE_S, _Neighbour, keep_draining
from vigie_api.feedback.spool import Spool
from vigie_api.feedback.table import Entry
from vigie_api.mentions.rows import MentionRow, stamp
from vigie_api.mentions.spool import MentionSpool
from vigie_api.settings import Settings

pytestmark = pytest.mark.anyio

NOW = datetime.now(UTC)
ENTRY = Entry("id-1", "prediction-1", NOW, "wrong", "positive", "text", "negative", "1", None)
ROW = MentionRow("m-1", "x", "1", "Air Paradis", stamp(NOW), stamp(NOW), None, None, None, "My flight was cancelled.")


async def test_what_a_neighbour_left_when_it_died_is_moved_without_a_restart(
    running, settings, database_url, tmp_path, until
):
    folder = tmp_path / "spool"
    shared = Settings(**settings.model_dump() | {"database_url": database_url, "spool_dir": folder})
    async with running(shared) as api:
        Spool(folder).append(ENTRY)
        MentionSpool(folder).append([ROW])
        await until(lambda: not list(folder.rglob("*.json")))
        (verdict,) = (await api.client.get("/v1/feedback")).json()["feedback"]
        (mention,) = (await api.client.get("/v1/mentions")).json()["mentions"]
    assert (verdict["id"], mention["id"]) == ("id-1", "m-1")


async def test_what_comes_in_while_the_spool_is_drained_does_not_wait_for_the_next_look(tmp_path):
    spool = Spool(tmp_path)
    spool.append(ENTRY)
    written, all_written = [], asyncio.Event()

    async def write(entries):
        written.extend(entry.id for entry in entries)
        if len(written) < 4:
            spool.append(replace(ENTRY, id=f"id-{len(written) + 1}"))
        else:
            all_written.set()

    draining = asyncio.create_task(keep_draining(spool, write, every_s=3_600.0))
    async with asyncio.timeout(60):
        await all_written.wait()
    draining.cancel()
    await asyncio.gather(draining, return_exceptions=True)
    assert written == ["id-1", "id-2", "id-3", "id-4"]


async def test_two_that_set_the_same_file_aside_both_go_on(tmp_path):
    one, other = Spool(tmp_path), Spool(tmp_path)
    one.append(ENTRY)
    (path,) = other.paths()
    path.write_text("{")
    one.set_aside(path)
    other.set_aside(path)
    assert (one.depth, other.depth) == (0, 0)
    assert [left.suffix for left in tmp_path.iterdir()] == [".damaged"]


async def test_a_start_leaves_alone_what_a_neighbour_is_writing(tmp_path):
    neighbour = Spool(tmp_path)

    class Starting(dict):
        """A verdict during whose writing another process starts."""

        def items(self):
            Spool(tmp_path)
            return super().items()

    neighbour.document = lambda _: Starting(id="id-1")
    neighbour.append(ENTRY)
    (kept,) = tmp_path.iterdir()
    assert json.loads(kept.read_text()) == {"id": "id-1"}


async def test_what_the_disk_has_no_room_for_leaves_nothing_behind(tmp_path, monkeypatch):
    spool = Spool(tmp_path)
    spool.append(ENTRY)

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        spool.append(replace(ENTRY, id="id-2"))
    assert [path.suffix for path in tmp_path.iterdir()] == [".json"]
    assert spool.depth == 1


async def test_of_two_one_drains_and_a_third_may_while_the_lock_is_free(tmp_path):
    one, other = Spool(tmp_path), Spool(tmp_path)
    with one.alone() as first, other.alone() as second:
        assert (first, second) == (True, False)
    with other.alone() as later:
        assert later


async def test_a_neighbour_that_holds_the_lock_and_moves_nothing_is_not_waited_for_for_ever():
    neighbour, waiting = _Neighbour(), [Path("1-a.json"), Path("2-b.json")]
    start_s = time.monotonic()
    assert not neighbour.stands_still(waiting, start_s)
    assert not neighbour.stands_still(waiting[1:], start_s + _PATIENCE_S)  # it moved one
    assert not neighbour.stands_still(waiting[1:], start_s + 1.9 * _PATIENCE_S)
    assert neighbour.stands_still(waiting[1:], start_s + 2 * _PATIENCE_S)


async def test_a_spool_is_drained_although_whoever_holds_its_lock_was_stopped(
    running, settings, tmp_path, until, monkeypatch
):
    monkeypatch.setattr("vigie_api.database.draining._PATIENCE_S", 0.1)
    folder = tmp_path / "spool"
    stopped = Spool(folder)
    async with running(settings.model_copy(update={"spool_dir": folder})) as api:
        stopped.append(ENTRY)
        with stopped.alone():
            await until(lambda: not list(folder.glob("*.json")))
        (verdict,) = (await api.client.get("/v1/feedback")).json()["feedback"]
    assert verdict["id"] == "id-1"


async def test_the_count_of_mentions_stays_right_when_a_neighbour_was_first(tmp_path):
    one, other = MentionSpool(tmp_path), MentionSpool(tmp_path)
    one.append([ROW])
    one.append([ROW._replace(id="m-2"), ROW._replace(id="m-3")])
    for path in other.paths():
        other.done(path)
        one.paths()
        one.done(path)
    assert (one.mentions, other.mentions, one.depth) == (0, 0, 0)
