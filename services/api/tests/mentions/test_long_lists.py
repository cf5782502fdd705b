"""A list of thousands is read a slice at a time in a thread, and is the same list as if it had been read in one go."""

import json
import threading
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry

from vigie_api.mentions.desk import MentionDesk
from vigie_api.mentions.door import Door
from vigie_api.mentions.metrics import MentionMetrics
from vigie_api.mentions.reading import SHORT_BYTES, SLICE, read_long, read_short
from vigie_api.problem import Problem

pytestmark = pytest.mark.anyio


def body_of(*posts, **more):
    return json.dumps({"mentions": posts} | more).encode()


def outcome(read, raw):
    """What comes of a body: its mentions, or the refusal."""
    try:
        return read(raw)
    except Problem as problem:
        return problem.status, problem.detail, getattr(problem, "errors", None)


@pytest.fixture
def bodies(post):
    some = [post(number) for number in range(3 * SLICE)]
    spoiled = [one | {"reach": -1} if number % SLICE == 7 else one for number, one in enumerate(some)]
    hopeless = [one | {"source": "?"} for one in some]
    return [
        body_of(*some),
        body_of(*(post(n, reach=reach) for n, reach in enumerate([True, 7.0, "12", None, 10**15, 7.5, 1e400]))),
        body_of(*(post(n, created_at=at) for n, at in enumerate(["2026-03-02T08:15:00+01:00", 1_700_000_000, "now"]))),
        body_of(*(post(n, text=text) for n, text in enumerate(["é\U0001f600", "", " \u200b", "a\0b", 7, None]))),
        body_of(*spoiled),
        body_of(*hopeless),
        body_of(*some, surplus=1),
        body_of(*(some * 20)[:5_001]),
        body_of(),
        b'{"mentions": {}}',
        b'{"posts": []}',
        b"[]",
        b"",
        body_of(*some)[:-1],
        body_of(post(1)).replace(b"flight", b"\xff"),
        body_of(post(1)).replace(b"flight", rb"\ud800"),
    ]


def test_a_long_list_is_read_as_a_short_one_is(bodies):
    for raw in bodies:
        assert outcome(lambda raw: read_long(raw, lambda _: None), raw) == outcome(read_short, raw)


def test_the_interpreter_is_let_go_again_and_again(post):
    breaths = []
    raw = body_of(*(post(number) for number in range(1_000)))
    mentions = read_long(raw, breaths.append)
    assert len(breaths) >= 1_000 // SLICE
    breaths.clear()
    door = Door(None, max_chars=100, max_age=timedelta(days=1))
    rows, refused = door.sort(mentions, datetime.now(UTC), breaths.append)
    assert (len(rows), len(refused)) == (1_000, 0)
    assert len(breaths) >= 1_000 // SLICE


async def test_whoever_sends_a_long_list_has_it_read_off_the_event_loop(api, post):
    threads = set()

    def here(_):
        threads.add(threading.current_thread())

    services = api.services
    door = Door(here, max_chars=10_000, max_age=timedelta(days=1))
    metrics = MentionMetrics(CollectorRegistry())
    desk = MentionDesk(services.database, None, services.waiting, metrics, door, breathe=here)
    raw = body_of(*(post(number, author="Ann") for number in range(1_000)))
    assert len(raw) > SHORT_BYTES
    receipt = await desk.take(await desk.read(raw))
    assert receipt.accepted == 1_000
    assert threads
    assert threading.main_thread() not in threads


async def test_a_long_list_is_taken_and_refused_over_http_as_a_short_one_is(api, post):
    posts = [post(number) for number in range(1_000)]
    taken = await api.client.post("/v1/mentions", content=body_of(*posts), headers={"Content-Type": "application/json"})
    assert (taken.status_code, taken.json()) == (202, {"accepted": 1_000, "duplicates": 0, "refused": []})
    posts[700]["source"] = "?"
    refused = await api.client.post("/v1/mentions", json={"mentions": posts})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["loc"] == ["body", "mentions", 700, "source"]
    assert refused.headers["content-type"] == "application/problem+json"
