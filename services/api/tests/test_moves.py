"""The trail of promotions: whoever moved the champion, whatever was away, it can be read who, when and why."""

from datetime import UTC, datetime, timedelta

import pytest

from vigie_api.champion.moves import Move, MoveTrail, decode_cursor, encode_cursor, keep_moves, read_tags
from vigie_api.champion.promotion import Promoter
from vigie_api.champion.registry import RegistryAway
from vigie_api.champion.serving import Release
from vigie_api.database.engine import Database, DatabaseAway
from vigie_api.database.migrate import migrate
from vigie_api.settings import Settings
from vigie_api.telemetry.events import Telemetry

pytestmark = pytest.mark.anyio
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Shelf:
    """A registry of versions and tags, in memory."""

    def __init__(self):
        self.aliases = {}
        self.written = {}
        self.away = False

    def release(self, version):
        return Release(version, "tiny", "sha256:x", "passed: fine", "run")

    def aliased(self, alias):
        return self.release(self.aliases[alias]) if alias in self.aliases else None

    def point(self, alias, version):
        self.aliases[alias] = version

    def tag(self, version, tags):
        self.written.setdefault(version, {}).update(tags)

    def tags(self):
        if self.away:
            raise RegistryAway("MLflow is away.")
        return [(self.release(version), tags) for version, tags in self.written.items()]


@pytest.fixture
async def database(database_url):
    opened = Database(Settings(database_url=database_url).database_url)
    migrate(opened.engine)
    opened.ready = True
    yield opened
    await opened.close()


@pytest.fixture
def shelf():
    return Shelf()


@pytest.fixture
def trail(shelf, database):
    return MoveTrail(shelf, database)


@pytest.fixture
def promoter(shelf, trail):
    return Promoter(shelf, trail, Telemetry([]))


async def told(trail):
    return [(m.action, m.version, m.previous, m.by, m.reason) for m in (await trail.page(50, None))[0]]


async def test_a_promotion_and_a_rollback_are_told_with_who_and_why(promoter, trail):
    await promoter.promote("1", by="ana", reason="first")
    await promoter.promote("2", by="ben", reason="better")
    await promoter.rollback(by="ana", reason="worse in French")
    await promoter.promote("1", by="ana", reason="it is champion already")
    assert await told(trail) == [
        ("rollback", "1", "2", "ana", "worse in French"),
        ("promote", "2", "1", "ben", "better"),
        ("promote", "1", None, "ana", "first"),
    ]


async def test_a_move_while_the_database_is_away_is_made_and_told_later(promoter, trail, database, shelf):
    database.ready = False
    moved = await promoter.promote("1", by="ana", reason="first")
    assert shelf.aliases["champion"] == moved.champion.version == "1"
    with pytest.raises(DatabaseAway):
        await trail.page(50, None)
    database.ready = True
    assert await told(trail) == [("promote", "1", None, "ana", "first")]


async def test_a_move_of_the_command_line_is_told_once(trail, shelf):
    shelf.tag(
        "3",
        {
            "vigie.promoted_at": "2026-11-22T11:00:00Z",
            "vigie.promoted_by": "vigie (eve)",
            "vigie.promoted_reason": "October",
        },
    )
    for _ in range(2):
        assert await told(trail) == [("promote", "3", None, "vigie (eve)", "October")]


async def test_what_the_tags_forget_the_trail_remembers(trail, shelf):
    for hour, reason in enumerate(("one", "two")):
        at = NOON + timedelta(hours=hour)
        shelf.tag("3", Move(at, "promote", "3", "tiny", None, "vigie (eve)", reason).tags())
        await trail.look()
    assert [reason for *_, reason in await told(trail)] == ["two", "one"]


async def test_a_registry_that_is_away_hides_nothing_that_is_known(trail, shelf, database):
    await database.write(keep_moves, [Move(NOON, "promote", "3", "tiny", "2", "ana", "October")])
    shelf.away = True
    assert await told(trail) == [("promote", "3", "2", "ana", "October")]
    assert trail.trouble == "MLflow is away."
    shelf.away = False
    await told(trail)
    assert trail.trouble is None


async def test_pages_follow_each_other_without_a_gap_or_a_copy(trail, database):
    moves = [Move(NOON + timedelta(seconds=n // 2), "promote", str(n + 1), "tiny", None, "a", "b") for n in range(7)]
    await database.write(keep_moves, moves)
    seen, cursor = [], None
    while True:
        page, cursor = await trail.page(2, cursor)
        seen += [move.version for move in page]
        if cursor is None:
            break
    assert seen == ["7", "6", "5", "4", "3", "2", "1"]


@pytest.mark.parametrize("at", ["", "yesterday", "2026-11-22T11:00:00"])
def test_tags_that_make_no_sense_are_no_move(at):
    assert read_tags(Release("1", "tiny", "x", "passed"), {"vigie.promoted_at": at}) is None


def test_a_move_is_read_back_from_its_tags():
    move = Move(NOON, "rollback", "3", "tiny", "4", "ana", "worse")
    assert read_tags(Release("3", "tiny", "x", "passed"), move.tags()) == move


def test_a_cursor_is_read_back():
    assert decode_cursor(encode_cursor(NOON, 17)) == (NOON, 17)


async def test_the_route_pages_and_says_that_the_registry_was_not_asked(api):
    await api.services.database.write(keep_moves, [Move(NOON, "promote", "3", "tiny", "2", "ana", "October")])
    answer = await api.client.get("/v1/models/moves", params={"limit": 1})
    assert answer.json() == {
        "moves": [
            {
                "at": "2026-11-22T12:00:00Z",
                "action": "promote",
                "version": "3",
                "recipe": "tiny",
                "previous": "2",
                "by": "ana",
                "reason": "October",
            }
        ],
        "next_cursor": None,
        "registry_error": answer.json()["registry_error"],
    }
    for wrong in ({"cursor": "x"}, {"limit": 0}, {"more": 1}):
        assert (await api.client.get("/v1/models/moves", params=wrong)).status_code == 422
