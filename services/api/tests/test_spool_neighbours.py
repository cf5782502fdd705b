"""Processes that share a spool's folder get along: they take over from one that died, and never trip over another."""

from datetime import UTC, datetime

import pytest

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


async def test_two_that_set_the_same_file_aside_both_go_on(tmp_path):
    one, other = Spool(tmp_path), Spool(tmp_path)
    one.append(ENTRY)
    (path,) = other.paths()
    path.write_text("{")
    one.set_aside(path)
    other.set_aside(path)
    assert (one.depth, other.depth) == (0, 0)
    assert [left.suffix for left in tmp_path.iterdir()] == [".damaged"]
