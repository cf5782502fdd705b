"""A connector runs in one process at a time, and whatever dies when: every post is in the database, once."""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import update

from vigie_api.connectors import ledger
from vigie_api.connectors.bluesky import BlueskySource
from vigie_api.connectors.source import Batch, SourceAway, SourceRefuses, Tray
from vigie_api.connectors.table import connector_cursors
from vigie_api.database.engine import DatabaseAway
from vigie_api.mentions.waiting import Backlog
from vigie_api.settings import Settings

pytestmark = pytest.mark.anyio


@pytest.fixture
def settings(settings, database_url):
    return Settings(**settings.model_dump() | {"database_url": database_url, "watch": False})


class Numbers:
    """Posts 0, 1, 2, … up to `end`, one a batch; the cursor is the next number. `events` are raised before a number."""

    pause_s = 0.01

    def __init__(self, end, events=()):
        self.end = end
        self.events = dict(events)
        self.began = []

    async def read(self, cursor):
        self.began.append(cursor)
        for number in range(cursor or 0, self.end):
            if number in self.events:
                raise self.events.pop(number)
            tray = Tray()
            tray.add(
                source="test",
                external_id=str(number),
                topic="Air Paradis",
                text=f"secret words {number}",
                created_at=datetime.now(UTC),
            )
            yield tray.batch(number + 1)


@asynccontextmanager
async def going(runner):
    task = asyncio.create_task(runner.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


async def entry(api, name="live"):
    return (await api.services.database.read(ledger.read, [name])).get(name)


async def eventually(look, holds):
    while not holds(found := await look()):  # noqa: ASYNC110 - what is waited for has no event
        await asyncio.sleep(0.01)
    return found


async def reached(api, cursor, name="live"):
    return await eventually(lambda: entry(api, name), lambda found: found is not None and found.cursor == cursor)


async def told(api, state, name="live"):
    return await eventually(lambda: entry(api, name), lambda found: found is not None and found.state == state)


def everything(end):
    return [str(number) for number in range(end)]


async def test_what_is_read_is_kept_and_the_cursor_follows(api, runner_of, kept):
    async with going(runner_of(api, Numbers(5))):
        found = await reached(api, 5)
    assert await kept(api) == everything(5)
    assert (found.state, found.taken, found.error, found.held) == ("running", 5, None, True)
    assert found.last_taken_at is not None


class Interrupted:
    """A desk after whose work the process dies, once."""

    def __init__(self, desk):
        self.desk = desk
        self.died = asyncio.Event()

    async def take(self, mentions):
        receipt = await self.desk.take(mentions)
        if mentions[0].external_id == "2" and not self.died.is_set():
            self.died.set()
            await asyncio.Event().wait()
        return receipt


async def test_a_crash_between_the_posts_and_the_cursor_neither_loses_nor_doubles(api, runner_of, kept):
    desk = Interrupted(api.services.mentions)
    async with going(runner_of(api, Numbers(5), taker=desk)):
        await desk.died.wait()
    assert (await entry(api)).cursor == 2
    assert await kept(api) == everything(3)
    registry = CollectorRegistry()
    async with going(runner_of(api, Numbers(5), registry=registry)):
        await reached(api, 5)
    assert await kept(api) == everything(5)
    posts = {"name": "live", "outcome": "duplicate"}
    assert registry.get_sample_value("vigie_connector_posts_total", posts) == 1


async def test_only_one_of_two_runs_a_connector_and_the_other_goes_on_when_it_ends(api, runner_of, kept):
    first, second = Numbers(3), Numbers(6)
    one, other = runner_of(api, first), runner_of(api, second)
    async with going(one) as leading:
        await reached(api, 3)
        async with going(other):
            first.end = 5
            await reached(api, 5)
            assert second.began == []
            leading.cancel()
            await reached(api, 6)
    assert second.began[0] == 5
    assert await kept(api) == everything(6)


async def test_a_dead_leader_is_replaced_when_its_lease_ends(api, runner_of, kept):
    assert await api.services.database.write(ledger.claim, "live", "a process that was killed")
    heir = Numbers(2)
    async with going(runner_of(api, heir)):
        assert not await api.services.database.write(ledger.claim, "live", "somebody else")
        assert heir.began == []
        ended = update(connector_cursors).values(lease_until=datetime.now(UTC) - timedelta(seconds=1))
        await api.services.database.write(lambda connection: connection.execute(ended))
        await reached(api, 2)
    assert await kept(api) == everything(2)


async def test_whoever_lost_the_lease_moves_no_cursor_and_stops(api, runner_of, until):
    registry = CollectorRegistry()
    async with going(runner_of(api, Numbers(2), registry=registry)):
        await reached(api, 2)
        later = datetime.now(UTC) + timedelta(hours=1)
        stolen = update(connector_cursors).values(owner="a newer leader", cursor=40, lease_until=later)
        await api.services.database.write(lambda connection: connection.execute(stolen))
        await until(lambda: registry.get_sample_value("vigie_connector_leads", {"name": "live"}) == 0)
    assert not await api.services.database.write(ledger.save, "live", "an older leader", 3, 1, None)
    assert (await entry(api)).cursor == 40


async def test_a_row_that_was_deleted_is_made_again(api, runner_of, kept):
    async with going(runner_of(api, Numbers(2))):
        await reached(api, 2)
        await api.services.database.write(lambda connection: connection.execute(connector_cursors.delete()))
        await reached(api, 2)
    assert await kept(api) == everything(2)


class Full:
    """A desk with a backlog, for the first tries."""

    def __init__(self, desk, *problems):
        self.desk = desk
        self.problems = list(problems)

    async def take(self, mentions):
        if self.problems:
            raise self.problems.pop(0)
        return await self.desk.take(mentions)


async def test_a_backlog_and_a_database_that_is_away_are_waited_for_without_reading_again(api, runner_of, kept, until):
    source = Numbers(3)
    registry = CollectorRegistry()
    problems = [Backlog("Too many wait."), DatabaseAway("Away."), Backlog("Still.", headers={"Retry-After": "soon"})]
    async with going(runner_of(api, source, taker=Full(api.services.mentions, *problems), registry=registry)):
        await reached(api, 3)
        await until(lambda: len(source.began) > 1)
    assert source.began[:2] == [None, 3]
    assert await kept(api) == everything(3)
    failures = {
        reason: registry.get_sample_value("vigie_connector_failures_total", {"name": "live", "reason": reason})
        for reason in ("overloaded", "database", "away")
    }
    assert failures == {"overloaded": 2, "database": 1, "away": 0}


async def test_what_is_away_is_tried_again_from_where_it_stopped(api, runner_of, kept):
    source = Numbers(4, {2: SourceAway("Gone."), 3: SourceAway("Gone again.", retry_after_s=5)})
    async with going(runner_of(api, source)):
        await reached(api, 4)
    assert source.began[:3] == [None, 2, 3]
    assert await kept(api) == everything(4)


async def test_what_stays_away_is_failing_and_recovers(api, runner_of, said):
    source = Numbers(1)
    source.read = _always(SourceAway("X does not answer (ConnectTimeout)."))
    async with going(runner_of(api, source)):
        assert (await told(api, "failing")).error == "X does not answer (ConnectTimeout)."
        del source.read
        found = await reached(api, 1)
    assert (found.state, found.error) == ("running", None)
    assert [state for state, _ in said][:5] == ["waiting"] * 4 + ["failing"]


def _always(error):
    async def read(cursor):
        raise error
        yield

    return read


async def test_a_refusal_is_failing_with_its_sentence_and_tried_again(api, runner_of, kept, said):
    source = Numbers(1, {0: SourceRefuses("X does not know the key (401).")})
    async with going(runner_of(api, source)):
        await reached(api, 1)
    assert said[0] == ("failing", "X does not know the key (401).")
    assert await kept(api) == ["0"]


@pytest.fixture
def said(api):
    """What runners wrote about their state, in order."""
    written, write = [], api.services.database.write

    async def listening(work, *args):
        if work is ledger.tell:
            written.append(args[2:])
        return await write(work, *args)

    api.services.database.write = listening
    return written


async def test_a_fault_of_a_source_is_logged_without_its_message_and_tried_again(api, runner_of, kept, caplog):
    from vigie_api.telemetry.logs import JsonFormatter

    source = Numbers(2, {1: ZeroDivisionError("secret words")})
    async with going(runner_of(api, source)):
        await reached(api, 2)
    lines = [JsonFormatter().format(record) for record in caplog.records]
    assert any("a connector failed" in line and "ZeroDivisionError" in line for line in lines)
    assert not any("secret words" in line for line in lines)
    assert await kept(api) == everything(2)


async def test_a_problem_that_waiting_does_not_help_against_does_not_end_the_connector(api, runner_of, kept):
    from vigie_api.problem import InvalidRequest

    strange = InvalidRequest([{"loc": ["body"], "message": "no", "type": "odd"}])
    async with going(runner_of(api, Numbers(2), taker=Full(api.services.mentions, strange))):
        await reached(api, 2)
    assert await kept(api) == everything(2)


async def test_trouble_with_a_part_shows_while_the_rest_is_taken(api, runner_of, caplog):
    class Half(Numbers):
        async def read(self, cursor):
            yield Batch((), 1, malformed=3, trouble="Cats: bad query")

    registry = CollectorRegistry()
    async with going(runner_of(api, Half(1), registry=registry)):
        found = await told(api, "failing")
    assert found.error == "Cats: bad query"
    assert caplog.text.count("a part of a connector does not go on") == 1
    labels = {"name": "live", "outcome": "malformed"}
    assert registry.get_sample_value("vigie_connector_posts_total", labels) >= 3


async def test_bluesky_is_read_whole_through_cuts_and_a_second_process(
    api, runner_of, kept, jetstream, bluesky_options
):
    jetstream.cut_after = [7, 0, 15, 3]
    for number in range(40):
        jetstream.post(number)

    def source():
        return BlueskySource(bluesky_options(), flush_s=0.05, save_s=0.0)

    last = {"time_us": jetstream.at_us(39)}
    async with going(runner_of(api, source())), going(runner_of(api, source())):
        await reached(api, last)
    expected = [f"at://did:plc:abc/app.bsky.feed.post/r{number}" for number in range(40)]
    assert sorted(await kept(api)) == sorted(expected)


async def test_x_is_read_whole_through_cuts_limits_and_faults(api, runner_of, kept, x_server, x_source):
    x_server.page = 3
    posts = [x_server.post(number) for number in range(10)]
    limit = (429, {"Retry-After": "0"}, b"{}")
    x_server.answers = ["cut", limit, (500, {}, b""), (200, {}, b"{")]
    async with going(runner_of(api, x_source())):
        await eventually(lambda: kept(api), lambda found: sorted(found) == posts)
        x_server.answers = ["cut"]
        posts += [x_server.post(number) for number in range(10, 15)]
        await eventually(lambda: kept(api), lambda found: sorted(found) == posts)


@pytest.mark.integration
async def test_while_the_database_is_away_the_connector_waits_and_then_goes_on(
    running, tmp_path, own_postgres, runner_of, until, kept
):
    settings = Settings(
        home=tmp_path, mlflow_uri="http://127.0.0.1:9", database_url=own_postgres.new_database(), watch=False
    )
    registry = CollectorRegistry()

    def failures():
        return registry.get_sample_value("vigie_connector_failures_total", {"name": "live", "reason": "database"})

    async with running(settings) as api:
        source = Numbers(3)
        async with going(runner_of(api, source, registry=registry)):
            await reached(api, 3)
            await asyncio.to_thread(own_postgres.stop)
            source.end = 6
            await until(lambda: failures() > 0)
            await asyncio.to_thread(own_postgres.start)
            while True:
                try:
                    await reached(api, 6)
                except DatabaseAway:
                    await asyncio.sleep(0.05)
                else:
                    break
        assert await kept(api) == everything(6)
