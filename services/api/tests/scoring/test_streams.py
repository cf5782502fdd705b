"""POST /v1/score against a real server: streams both ways, limits, and what ends one."""

import errno
import json

import httpx
import pytest

from vigie_api.scoring.shelf import Ended, Shelf

pytestmark = pytest.mark.anyio
CSV = {"content-type": "text/csv"}
NDJSON = {"content-type": "application/x-ndjson"}
AFTERWARDS = NDJSON | {"x-vigie-answer-afterwards": "1"}


def lines(answer) -> list[dict]:
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_every_row_is_answered_in_order_and_the_last_line_counts_them(api):
    body = "id,text,date\n1,great,mon\n2,,tue\n3,worst,wed\n"
    answer = await api.client.post("/v1/score?keep=date", content=body, headers=CSV)
    assert answer.headers["content-type"] == "application/x-ndjson"
    *rows, last = lines(answer)
    kept = [(row["row"], row["id"], row["date"]) for row in rows]
    assert kept == [(1, "1", "mon"), (2, "2", "tue"), (3, "3", "wed")]
    assert rows[1]["error"] == "the text is empty"
    assert rows[0]["sentiment"] == "positive"
    assert (last["done"], last["rows"], last["scored"], last["refused"]) == (True, 3, 2, 1)
    assert last["model"]["version"] == "1"


@pytest.mark.parametrize(
    ("headers", "query", "body", "status"),
    [
        ({"content-type": "application/json"}, "", b"{}", 415),
        (CSV | {"content-encoding": "gzip"}, "", b"text\na\n", 415),
        ({"content-type": "text/csv; charset=utf-7"}, "", b"text\na\n", 415),
        (CSV, "", b"", 422),
        (CSV, "", b"a,b\n1,2\n", 422),
        (CSV, "?keep=z", b"text\na\n", 422),
        (NDJSON, "?keep=score", b'{"text": "a"}\n', 422),
    ],
)
async def test_what_cannot_be_a_stream_is_refused_before_it_begins(api, headers, query, body, status):
    answer = await api.client.post(f"/v1/score{query}", content=body, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert api.services.scoring.open == 0


async def test_no_more_streams_are_taken_than_may_be_and_the_limit_of_bodies_does_not_hold(running, settings):
    async with running(settings.model_copy(update={"score_streams": 0})) as api:
        answer = await api.client.post("/v1/score", content=b"text\na\n", headers=CSV)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "10")
    async with running(settings.model_copy(update={"max_body_bytes": 1_000})) as api:
        answer = await api.client.post("/v1/score", content=b"text\n" + b"fine\n" * 1_000, headers=CSV)
        assert lines(answer)[-1]["rows"] == 1_000


async def test_rows_are_answered_while_others_are_still_to_come(served, post):
    raw = await post(served.port)
    await raw.send(b'{"text": "merci, parfait"}\n')
    assert (await raw.line())["sentiment"] == "positive"
    await raw.send(b'{"text": "worst"}\n')
    assert (await raw.line())["sentiment"] == "negative"
    raw.end()
    assert (await raw.line())["done"] is True


async def test_a_client_that_goes_away_frees_its_place(served, post, until):
    raw = await post(served.port)
    await raw.send(b'{"text": "merci"}\n' * 1_000)
    await raw.line()
    assert served.desk.open == 1
    raw.writer.close()
    await until(lambda: served.desk.open == 0)


async def test_a_service_that_leaves_says_from_which_row_on_to_send_again(served, post):
    raw = await post(served.port)
    await raw.send(b'{"text": "merci"}\n')
    await raw.line()
    served.app.state.leaving = True
    last = await raw.line()
    assert last["done"] is False
    assert last["error"].endswith("send the rest again, from row 2 on")


async def test_behind_a_gateway_who_reads_nothing_while_sending_gets_every_line_afterwards(served):
    async def sent():
        for _ in range(20):  # of an answer of 8 MB nothing is read before all of the request is sent
            yield b'{"text": "merci, parfait"}\n' * 3_000

    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{served.port}", timeout=60) as client:
        answer = await client.post("/v1/score", content=sent(), headers=AFTERWARDS)
    *rows, last = lines(answer)
    assert [row["row"] for row in rows] == list(range(1, 60_001))
    assert (last["done"], last["rows"], last["scored"]) == (True, 60_000, 60_000)
    assert served.desk.open == 0


async def test_an_answer_too_long_to_wait_says_from_which_row_on_to_send_again(running, settings):
    async def sent():
        for _ in range(20):
            yield b'{"text": "merci"}\n' * 2_000

    async with running(settings.model_copy(update={"score_waiting_mb": 1, "score_workers": 0})) as api:
        told = lines(await api.client.post("/v1/score", content=sent(), headers=AFTERWARDS))
        assert told[-1]["done"] is False
        assert told[-1]["error"].endswith(f"send the rest again, from row {len(told)} on")
        assert [row["row"] for row in told[:-1]] == list(range(1, len(told)))
        assert 2_000 < len(told) < 40_000


async def test_a_full_disk_ends_a_waiting_answer_and_loses_no_line_before(tmp_path, monkeypatch):
    with (tmp_path / "shelf").open("w+b", buffering=0) as file:
        shelf = Shelf(file, 1_000_000)
        await shelf.put(b"first\n")
        with monkeypatch.context() as patch:
            patch.setattr(Shelf, "_write", lambda shelf, data: file.write(data[:3]) and _full_disk())
            with pytest.raises(Ended, match="disk"):
                await shelf.put(b"second\n")
        assert b"".join([piece async for piece in shelf.all()]) == b"first\n"


def _full_disk() -> None:
    raise OSError(errno.ENOSPC, "No space left on device")
