"""Processes that judge a stream are killed, or hang, in the middle of it."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from vigie_api.scoring import worker
from vigie_api.scoring.worker import Worker, WorkerDied
from vigie_model import artifact_digest
from vigie_model.bulk.cutting import Chunk
from vigie_model.bulk.layout import Wanted, ndjson_layout

pytestmark = pytest.mark.anyio
ROWS = 4_000
PIECE = 500


def judging() -> set[int]:
    """The processes of this one that judge streams."""
    children = "".join(file.read_text() for file in Path("/proc/self/task").glob("*/children"))
    return {int(pid) for pid in children.split() if b"vigie_model.bulk.worker" in _command(pid)}


def _command(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def each(number: int) -> None:
    """Send a signal to all of them."""
    for pid in judging():
        os.kill(pid, number)


async def send_all(raw) -> None:
    for first in range(2, ROWS + 1, PIECE):
        last = min(first + PIECE, ROWS + 1)
        await raw.send(b"".join(b'{"id": %d, "text": "merci %d"}\n' % (n, n) for n in range(first, last)))
    raw.end()


async def read_all(raw) -> tuple[list[dict], dict]:
    lines = [await raw.line()]
    while "done" not in lines[-1]:
        lines.append(await raw.line())
    return lines[:-1], lines[-1]


async def begun(served, post):
    """A stream whose first row is answered."""
    raw = await post(served.port)
    await raw.send(b'{"id": 1, "text": "merci 1"}\n')
    return raw, await raw.line()


async def test_a_killed_process_costs_no_row_and_no_order(served, post, until):
    raw, first = await begun(served, post)
    each(signal.SIGSTOP)
    sending = asyncio.create_task(send_all(raw))
    (judges,) = served.desk._pool._judges.values()
    await until(lambda: judges._asking)
    stopped = judging()
    each(signal.SIGKILL)
    rows, last = await read_all(raw)
    await sending
    assert [(row["row"], row["id"]) for row in [first, *rows]] == [(n, n) for n in range(1, ROWS + 1)]
    assert {row["sentiment"] for row in rows} == {"positive"}
    assert (last["done"], last["rows"], last["refused"]) == (True, ROWS, 0)
    assert stopped


async def test_processes_killed_while_nothing_is_asked_are_not_asked(served, post, until):
    raw, _ = await begun(served, post)
    (judges,) = served.desk._pool._judges.values()
    judges._idle.append(await Worker.start(judges._folder, judges._digest))  # more than one retry gets over
    idle = list(judges._idle)
    each(signal.SIGKILL)
    await until(lambda: not any(one.alive for one in idle))
    await raw.send(b'{"text": "merci"}\n')
    raw.end()
    rows, last = await read_all(raw)
    assert (len(rows), last["done"], last["rows"]) == (1, True, 2)


async def test_processes_that_die_again_and_again_end_the_stream_with_the_row_to_go_on_from(served, post, until):
    raw, _ = await begun(served, post)

    async def kill_what_comes() -> None:
        while True:
            each(signal.SIGKILL)
            await asyncio.sleep(0.01)

    each(signal.SIGSTOP)
    sending = asyncio.create_task(send_all(raw))
    (judges,) = served.desk._pool._judges.values()
    await until(lambda: judges._asking)
    killing = asyncio.create_task(kill_what_comes())
    rows, last = await read_all(raw)
    killing.cancel()
    assert last["done"] is False
    assert last["rows"] == 1 + len(rows)
    assert last["error"].endswith(f"send the rest again later, from row {last['rows'] + 1} on")
    raw.writer.close()
    await asyncio.gather(sending, return_exceptions=True)
    await until(lambda: served.desk.open == 0)
    again, _ = await begun(served, post)
    again.end()
    assert (await again.line())["done"] is True


async def test_a_process_that_hangs_is_not_waited_for_without_end(make_artifact, tmp_path, monkeypatch):
    folder = make_artifact(tmp_path / "artifact")
    hanging = await Worker.start(folder, artifact_digest(folder))
    each(signal.SIGSTOP)
    monkeypatch.setattr(worker, "_ANSWER_S", 0.05)
    monkeypatch.setattr(worker, "_END_S", 0.05)
    with pytest.raises(WorkerDied, match="does not answer"):
        await hanging.ask(ndjson_layout(Wanted()), Chunk(1, 1, b'{"text": "merci"}\n'))
    await hanging.end()
    assert not hanging.alive
