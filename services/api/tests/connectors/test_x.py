"""X: every post once, page after page, from where the last sweep stopped; limits and refusals in words of ours."""

import json
import time

import pytest

from vigie_api.connectors.source import SourceAway, SourceRefuses

pytestmark = pytest.mark.anyio


def _ids(batches):
    return [mention.external_id for batch in batches for mention in batch.mentions]


async def test_a_post_carries_its_author_reach_address_and_whole_text(x_server, x_source, read):
    short = x_server.post(1)
    long = x_server.post(2, text="Vol 2 …", note_tweet={"text": "Vol 2 annulé, toute l'histoire"}, author_id="8")
    (batch,) = await read(x_source())
    assert {mention.external_id: mention.text for mention in batch.mentions} == {
        short: "Vol 1 annulé & personne",
        long: "Vol 2 annulé, toute l'histoire",
    }
    known, unknown = sorted(batch.mentions, key=lambda mention: mention.external_id)
    assert (known.source, known.topic, known.author, known.reach) == ("x", "Air Paradis", "jeanne", 420)
    assert known.url == f"https://x.com/jeanne/status/{short}"
    assert (unknown.author, unknown.reach, unknown.url) == ("8", None, f"https://x.com/i/web/status/{long}")


async def test_all_pages_are_read_and_the_next_sweep_starts_after_the_newest_post(x_server, x_source, read):
    x_server.page = 2
    first = [x_server.post(number) for number in range(5)]
    source = x_source()
    batches = await read(source)
    assert sorted(_ids(batches)) == first
    assert [asked.get("next_token") for asked in x_server.asked] == [None, "2", "4"]
    assert "start_time" in x_server.asked[0]
    later = [x_server.post(number) for number in range(5, 8)]
    assert sorted(_ids(await read(source, batches[-1].cursor))) == later
    assert {asked["since_id"] for asked in x_server.asked[3:]} == {first[-1]}


async def test_a_sweep_that_was_cut_short_goes_on_behind_the_last_page_that_was_kept(x_server, x_source, read):
    x_server.page = 2
    first = [x_server.post(number) for number in range(6)]
    half = await read(x_source(), posts=2)
    newer = x_server.post(6)
    rest = await read(x_source(), half[-1].cursor)  # another process: the page's token is unknown to it
    assert sorted(_ids(half) + _ids(rest)) == first
    assert x_server.asked[1]["until_id"] == first[4]
    assert _ids(await read(x_source(), rest[-1].cursor)) == [newer]


async def test_each_topic_has_its_own_query_and_place(x_server, x_source, read):
    queries = {"Air Paradis": "airparadis", "Grève": "greve OR strike"}
    ours, strike = x_server.post(1), x_server.post(2, "greve OR strike")
    batches = await read(x_source(queries=queries))
    assert {mention.topic: mention.external_id for batch in batches for mention in batch.mentions} == {
        "Air Paradis": ours,
        "Grève": strike,
    }
    assert {topic: place["since_id"] for topic, place in batches[-1].cursor.items()} == {
        "Air Paradis": int(ours),
        "Grève": int(strike),
    }


async def test_a_topic_that_is_dropped_from_the_settings_leaves_the_cursor(x_server, x_source, read):
    x_server.post(1)
    batches = await read(x_source(), {"Old": {"since_id": 5}, "Air Paradis": "nonsense"})
    assert set(batches[-1].cursor) == {"Air Paradis"}


async def test_a_search_that_stopped_too_long_ago_goes_on_by_time_and_says_so(x_server, x_source, read, caplog):
    post = x_server.post(1)
    x_server.oldest_id = int(post) - 10
    stale = {"Air Paradis": {"since_id": 5, "checked": "2020-01-01T00:00:00Z"}}
    batches = await read(x_source(), stale)
    assert _ids(batches) == [post]
    assert [sorted({"since_id", "start_time"} & set(asked)) for asked in x_server.asked] == [
        ["since_id"],
        ["start_time"],
    ]
    assert "stopped too long ago" in caplog.text


async def test_a_topic_without_posts_for_a_week_goes_on_by_time_without_a_word(x_server, x_source, read, caplog):
    x_server.oldest_id = 2**62
    quiet = (await read(x_source()))[-1].cursor
    quiet["Air Paradis"]["since_id"] = 5
    batches = await read(x_source(), quiet)
    assert (_ids(batches), batches[-1].trouble) == ([], None)
    assert x_server.asked[-1]["start_time"] == quiet["Air Paradis"]["checked"]
    assert caplog.text == ""


async def test_a_query_that_is_refused_does_not_stop_the_other_topics(x_server, x_source, read):
    x_server.bad_queries = {"cats and"}
    post = x_server.post(1)
    source = x_source(queries={"Cats": "cats and", "Air Paradis": "airparadis"})
    batches = await read(source)
    assert _ids(batches) == [post]
    assert "Cats: X does not accept the query (400): Ambiguous use" in batches[-1].trouble
    x_server.bad_queries = set()
    assert (await read(source, batches[-1].cursor))[-1].trouble is None


async def test_what_is_malformed_is_counted_and_the_rest_of_the_page_is_taken(x_server, x_source, read):
    good = x_server.post(1)
    data = [
        {"id": "x1", "text": "no number"},
        "no object",
        {"id": "12"},
        {"id": "13", "text": 5, "created_at": "2026-01-01T00:00:00Z"},
        {"id": "14", "text": "no time", "author_id": "7"},
        {"id": "15", "text": "naive time", "created_at": "2026-01-01T00:00:00"},
        {"id": good, "text": "fine", "created_at": "2026-01-01T00:00:00Z", "author_id": None},
    ]
    odd = {
        "data": data,
        "includes": {"users": ["odd", {"id": "7", "public_metrics": 3}]},
        "errors": [{"title": "Gone"}],
    }
    x_server.answers = [(200, {}, json.dumps(odd).encode())]
    (batch,) = await read(x_source())
    assert (_ids([batch]), batch.malformed) == ([good], 6)


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b'"text"', b"<html>"])
async def test_an_answer_that_is_no_json_object_is_tried_again_later(x_server, x_source, read, body):
    x_server.answers = [(200, {}, body)]
    with pytest.raises(SourceAway, match="no JSON"):
        await read(x_source())


@pytest.mark.parametrize(
    "shape", [{}, {"data": None, "meta": 3}, {"data": {"id": 1}, "includes": []}, {"meta": {"next_token": 7}}]
)
async def test_an_answer_without_posts_is_the_end_of_a_sweep(x_server, x_source, read, shape):
    x_server.answers = [(200, {}, json.dumps(shape).encode())]
    (batch,) = await read(x_source())
    assert batch.mentions == ()


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (401, {}, "does not know the key"),
        (402, {"title": "CreditsDepleted"}, "wants to be paid"),
        (403, {"title": "Forbidden", "detail": "Enroll first."}, r"does not allow this key to search \(403\): Enroll"),
        (429, {"title": "UsageCapExceeded", "detail": "Monthly product cap"}, "monthly cap"),
    ],
)
async def test_a_refusal_asks_for_a_person(x_server, x_source, read, status, body, sentence):
    x_server.answers = [(status, {}, json.dumps(body).encode())]
    with pytest.raises(SourceRefuses, match=sentence):
        await read(x_source())


@pytest.mark.parametrize("status", [500, 502, 503, 302, 404])
async def test_a_server_in_trouble_is_tried_again_later(x_server, x_source, read, status):
    x_server.answers = [(status, {}, b"oops")]
    with pytest.raises(SourceAway, match=f"status {status}"):
        await read(x_source())


async def test_a_connection_that_is_cut_or_refused_is_tried_again_later(x_server, x_source, read, free_port):
    x_server.answers = ["cut"]
    with pytest.raises(SourceAway, match="does not answer"):
        await read(x_source())
    with pytest.raises(SourceAway, match="does not answer"):
        await read(x_source(base_url=f"http://127.0.0.1:{free_port}"))


async def test_an_answer_without_end_is_not_read_to_its_end(x_server, x_source, read):
    x_server.answers = [(200, {}, b" " * 6_000_000)]
    with pytest.raises(SourceAway, match="too large"):
        await read(x_source())


async def test_a_rate_limit_says_when_to_come_back_and_nothing_is_asked_before(x_server, x_source, read):
    source = x_source()
    reset = str(int(time.time()) + 300)
    x_server.answers = [(429, {"x-rate-limit-reset": reset}, b'{"title": "Too Many Requests"}')]
    with pytest.raises(SourceAway) as told:
        await read(source)
    assert 200 < told.value.retry_after_s <= 300
    with pytest.raises(SourceAway, match="rate limit"):
        await read(source)
    assert len(x_server.asked) == 1


async def test_the_last_request_of_a_window_is_the_last_one_asked(x_server, x_source, read):
    x_server.page = 1
    posts = [x_server.post(number) for number in range(2)]
    x_server.headers = {"x-rate-limit-remaining": "0", "x-rate-limit-reset": str(int(time.time()) + 300)}
    with pytest.raises(SourceAway, match="rate limit"):
        await read(x_source())
    assert len(x_server.asked) == 1
    assert posts


@pytest.mark.parametrize(
    ("headers", "seconds"), [({"Retry-After": "17"}, 17.0), ({}, None), ({"Retry-After": "soon"}, None)]
)
async def test_a_rate_limit_without_a_reset_goes_by_retry_after(x_server, x_source, read, headers, seconds):
    x_server.answers = [(429, headers, b"")]
    with pytest.raises(SourceAway) as told:
        await read(x_source())
    assert told.value.retry_after_s == seconds


async def test_the_topic_that_met_the_limit_comes_first_next_time(x_server, x_source, read):
    source = x_source(queries={"A": "a", "B": "b", "C": "c"})
    x_server.answers = [(200, {}, b"{}"), (429, {}, b"{}")]
    with pytest.raises(SourceAway):
        await read(source)
    await read(source)
    assert [asked["query"] for asked in x_server.asked] == ["a", "b", "b", "c", "a"]
