"""Bluesky: every post about a topic once, across cuts and servers; what is malformed or too large is passed over."""

import asyncio
import json
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from vigie_api.connectors.bluesky import BlueskySource
from vigie_api.connectors.source import SourceAway

pytestmark = pytest.mark.anyio


@pytest.fixture
def source(bluesky_options):
    return lambda **options: BlueskySource(bluesky_options(**options), flush_s=0.05, save_s=0.0)


def _keys(batches):
    return [mention.external_id.rpartition("/")[2] for batch in batches for mention in batch.mentions]


async def test_a_post_about_a_topic_becomes_a_mention(jetstream, source, read):
    at_us = jetstream.post(1, "L'équipage d'AIR PARADIS est parfait")
    (batch,) = await read(source(), posts=1)
    (mention,) = batch.mentions
    assert mention.source == "bluesky"
    assert mention.external_id == "at://did:plc:abc/app.bsky.feed.post/r1"
    assert mention.url == "https://bsky.app/profile/did:plc:abc/post/r1"
    assert (mention.topic, mention.author, mention.reach) == ("Air Paradis", "did:plc:abc", None)
    assert mention.created_at == datetime.fromtimestamp(at_us / 1e6, UTC)
    assert batch.cursor == {"time_us": at_us}
    assert jetstream.asked[0]["wantedCollections"] == "app.bsky.feed.post"


async def test_other_posts_and_other_events_are_passed_over(jetstream, source, read):
    jetstream.post(1, "Il fait beau")
    jetstream.send(
        jetstream.at_us(2), json.dumps({"did": "did:plc:b", "time_us": jetstream.at_us(2), "kind": "identity"})
    )
    for number, (operation, collection) in enumerate(
        [("delete", "app.bsky.feed.post"), ("update", "app.bsky.feed.post"), ("create", "app.bsky.feed.like")], 3
    ):
        jetstream.post(number)
        frame = json.loads(jetstream.frames.pop()[1])
        frame["commit"] |= {"operation": operation, "collection": collection}
        jetstream.send(jetstream.at_us(number), json.dumps(frame))
    jetstream.post(7, "Il pleut", embed={"text": "airparadis"})
    jetstream.post(9)
    batches = await read(source(), posts=1)
    assert (_keys(batches), sum(batch.malformed for batch in batches)) == (["r9"], 0)


async def test_what_is_malformed_is_counted_and_the_stream_goes_on(jetstream, source, read):
    odd = [
        "airparadis",
        '{"text":"airparadis"',
        '{"text":"airparadis",}',
        '{"text":"airparadis","commit":{"operation":"create","collection":"app.bsky.feed.post"}}',
        json.dumps(_event(jetstream, text=["airparadis"], more={"text": "airparadis"})),
        json.dumps(_event(jetstream, did=5)),
        json.dumps(_event(jetstream, time_us="soon")),
        json.dumps(_event(jetstream, time_us=10**30)),
        json.dumps(_event(jetstream, rkey="r" * 300)),
        json.dumps(_event(jetstream, text="airparadis \ud800")),
        b'{"text":"airparadis \xff"}',
    ]
    for number, frame in enumerate(odd):
        jetstream.send(jetstream.at_us(number), frame if isinstance(frame, bytes) else frame.encode())
    jetstream.post(20)
    batches = await read(source(), posts=1)
    assert (_keys(batches), sum(batch.malformed for batch in batches)) == (["r20"], len(odd))


def _event(jetstream, *, did="did:plc:a", time_us=None, rkey="r", text="airparadis", more=None):
    record = {"text": text, "createdAt": "2026-11-22T10:00:00Z"} | ({"more": more} if more else {})
    commit = {"operation": "create", "collection": "app.bsky.feed.post", "rkey": rkey, "record": record}
    return {
        "did": did,
        "time_us": jetstream.at_us(0) if time_us is None else time_us,
        "kind": "commit",
        "commit": commit,
    }


@pytest.mark.parametrize("claimed", ["2126-01-01T00:00:00Z", "yesterday", "2026-11-22T10:00:00", 5, None])
async def test_a_time_that_makes_no_sense_is_replaced_by_when_the_network_got_the_post(
    jetstream, source, read, claimed
):
    at_us = jetstream.post(1, createdAt=claimed)
    (batch,) = await read(source(), posts=1)
    assert batch.mentions[0].created_at == datetime.fromtimestamp(at_us / 1e6, UTC)


async def test_an_old_post_that_comes_late_keeps_its_time(jetstream, source, read):
    jetstream.post(1, createdAt="2020-05-06T07:08:09.123+02:00")
    (batch,) = await read(source(), posts=1)
    assert batch.mentions[0].created_at == datetime(2020, 5, 6, 5, 8, 9, 123_000, tzinfo=UTC)


async def test_reading_starts_again_a_little_before_it_stopped(jetstream, source, read):
    for number in (0, 5, 8, 30):
        jetstream.post(number)
    batches = await read(source(), {"time_us": jetstream.at_us(12)}, posts=3)
    assert _keys(batches) == ["r5", "r8", "r30"]
    assert jetstream.asked[0]["cursor"] == str(jetstream.at_us(2))


async def test_without_a_cursor_the_stream_begins_now(jetstream, source, read, until):
    jetstream.post(1)
    reading = asyncio.create_task(read(source(backfill_hours=0), posts=1))
    await until(lambda: jetstream.asked)
    while not reading.done():
        jetstream.post(2)
        await jetstream.tell()
        await asyncio.sleep(0.01)
    assert _keys(await reading)[0] == "r2"
    assert "cursor" not in jetstream.asked[0]


@pytest.mark.parametrize(
    "cursor", [{"time_us": 10**17}, {"time_us": "x"}, {"time_us": -1}, [], "x", {"Air Paradis": {}}]
)
async def test_a_cursor_that_makes_no_sense_is_as_none(jetstream, source, read, cursor):
    jetstream.post(1)
    assert _keys(await read(source(), cursor, posts=1)) == ["r1"]


async def test_a_place_in_the_future_is_not_believed(jetstream, source, read):
    jetstream.send(jetstream.at_us(1), json.dumps(_event(jetstream, time_us=10**16 - 1, text="Rien")))
    at_us = jetstream.post(2)
    batches = await read(source(), posts=1)
    assert batches[-1].cursor == {"time_us": at_us}


@pytest.mark.parametrize("left", [0, 2])
async def test_after_a_cut_the_next_server_is_asked(jetstream, source, read, free_port, left):
    for number in range(4):
        jetstream.post(number)
    jetstream.cut_after = [left]
    one = source(hosts=[jetstream.url, f"ws://127.0.0.1:{free_port}", jetstream.url.replace("/subscribe", "")])
    with pytest.raises(SourceAway, match="closed the connection"):
        await read(one)
    with pytest.raises(SourceAway, match="does not answer"):
        await read(one)
    assert _keys(await read(one, posts=4)) == ["r0", "r1", "r2", "r3"]


async def test_a_server_that_is_busy_says_when_to_come_back(jetstream, source, read):
    jetstream.refuse = [(429, {"Retry-After": "7"}), (503, {})]
    with pytest.raises(SourceAway, match="status 429") as told:
        await read(source())
    assert told.value.retry_after_s == 7
    with pytest.raises(SourceAway, match="status 503") as told:
        await read(source())
    assert told.value.retry_after_s is None


async def test_a_redirect_is_not_followed(jetstream, source, read):
    asked = []

    async def elsewhere(reader, writer):
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        place = f"ws://{urlsplit(jetstream.url).netloc}/latest/meta-data"
        writer.write(f"HTTP/1.1 302 Found\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    jetstream.post(1)
    async with await asyncio.start_server(elsewhere, "127.0.0.1", 0) as server:
        host = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(SourceAway, match="status 302"):
            await read(source(hosts=[host]), posts=1)
    assert (len(asked), jetstream.asked) == (1, [])


async def test_a_silent_server_is_left(jetstream, source, read):
    with pytest.raises(SourceAway, match="silent"):
        await read(source(silence_s=0.1))


async def test_a_message_that_is_too_large_is_left_behind(jetstream, source, read):
    first = jetstream.post(0)
    jetstream.send(jetstream.at_us(1), b'{"text":"' + b"x" * 2_100_000 + b'"}')
    jetstream.post(4)
    one, cursor, seen = source(), {"time_us": first}, []
    for _ in range(3):
        try:
            seen += _keys(await read(one, cursor, posts=1))
            break
        except SourceAway as away:
            assert "too large" in str(away)  # noqa: PT017 - one of several tries
    assert seen == ["r4"]
    assert len(jetstream.asked) == 3  # a second, then three seconds on


async def test_the_cursor_moves_while_nobody_speaks_of_us(jetstream, source):
    at_us = jetstream.post(1, "Rien pour nous")
    reading = source().read(None)
    batch = await anext(reading)
    await reading.aclose()
    assert (batch.mentions, batch.cursor) == ((), {"time_us": at_us})


async def test_a_stream_that_goes_on_long_after_it_stopped_is_told(jetstream, source, read, caplog):
    jetstream.post(2_000)
    await read(source(), {"time_us": jetstream.at_us(0)}, posts=1)
    assert "goes on long after it stopped" in caplog.text
    assert "Paradis" not in caplog.text


async def test_many_posts_come_in_several_batches(jetstream, source, read):
    for number in range(600):
        jetstream.post(number / 100)
    batches = await read(source(), posts=600)
    assert len(batches) >= 3
    assert sum(len(batch.mentions) for batch in batches) == 600
