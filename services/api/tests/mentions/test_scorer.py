"""What was taken in is judged in the background; nothing that goes wrong on the way loses or doubles a post."""

import pytest
from sqlalchemy import delete, func, select

from vigie_api.champion.source import FixedSource
from vigie_api.mentions.claiming import claim, store
from vigie_api.mentions.scorer import _judged
from vigie_api.mentions.table import Stage, mentions
from vigie_api.prediction.table import predictions
from vigie_api.settings import Settings

pytestmark = pytest.mark.anyio


@pytest.fixture
def settings(settings, database_url):
    return Settings(**settings.model_dump() | {"database_url": database_url})


async def rows(api, table=mentions):
    order = table.c.seq if table is mentions else table.c.id
    return await api.services.database.read(lambda c: c.execute(select(table).order_by(order)).all())


async def staged(api, stage):
    count = select(func.count()).select_from(mentions).where(mentions.c.stage == int(stage))
    return await api.services.database.read(lambda c: c.scalar(count))


async def test_a_judged_mention_is_a_prediction_under_its_id_and_the_text_moves_there(
    running, settings, mention, moody
):
    async with running(settings, FixedSource(moody)) as api:
        await api.services.mentions.take([mention(1), mention(2, text="What a flight!", topic="Other")])
        await api.judged()
        first, second = await rows(api)
        kept = {row.id: row for row in await rows(api, predictions)}
    assert (first.sentiment, first.language, first.text) == ("negative", "en", None)
    assert second.sentiment == "positive"
    assert (kept[first.id].text, kept[first.id].topic) == ("My flight 1 was cancelled.", "Air Paradis")
    assert (kept[second.id].score, kept[second.id].topic) == (0.9, "Other")
    assert (kept[first.id].model_version, first.counted) == ("1", None)


async def test_a_text_that_the_model_fails_on_is_set_aside_and_blocks_nothing(running, settings, mention, moody):
    async with running(settings, FixedSource(moody)) as api:
        await api.services.mentions.take([mention(n, text=f"poison {n}" if n % 3 == 0 else "fine") for n in range(9)])
        await api.judged()
        found = await rows(api)
        said = (await api.client.get("/metrics")).text
    assert [Stage(row.stage) for row in found] == [Stage.SET_ASIDE, Stage.SCORED, Stage.SCORED] * 3
    assert [row.text for row in found[::3]] == ["poison 0", "poison 3", "poison 6"]
    assert found[0].counted is False
    assert 'vigie_mentions_total{outcome="set_aside"} 3.0' in said
    assert 'vigie_mentions_total{outcome="scored"} 6.0' in said


async def test_mentions_wait_for_a_model_that_fails_on_everything_and_it_is_said_once(
    running, settings, mention, moody, caplog
):
    async with running(settings, FixedSource(moody)) as api:
        moody.bad_mood = True
        await api.services.mentions.take([mention(1)])
        assert await api.services.scorer.work() == 0
        assert await api.services.scorer.work() == 0
        assert await staged(api, Stage.ACCEPTED) == 1
        assert [r.reason for r in caplog.records if r.message == "mentions wait to be judged"] == [
            "version 1 fails on every text (RuntimeError)"
        ]
        moody.bad_mood = False
        await api.judged()


# SQLite locks nothing: see the test of a batch that two processes judged.
@pytest.mark.parametrize("database_url", [pytest.param("postgres", marks=pytest.mark.integration)], indirect=True)
async def test_what_one_process_claimed_is_not_judged_by_another(api, mention):
    api.services.serving.current = None  # so that nobody else is at it
    await api.services.mentions.take([mention(n) for n in range(3)])

    def claims(connection):
        mine = claim(connection, 2)
        with api.services.database.engine.connect() as other, other.begin():
            theirs = claim(other, 10)
        return [row.seq for row in mine], [row.seq for row in theirs]

    mine, theirs = await api.services.database.write(claims)
    assert (len(mine), len(theirs)) == (2, 1)
    assert set(mine).isdisjoint(theirs)


async def test_a_batch_that_two_processes_judged_is_stored_once(api, mention):
    served = api.services.serving.current
    api.services.serving.current = None
    await api.services.mentions.take([mention(n) for n in range(3)])
    claimed = await api.services.database.read(claim, 10)
    judged = _judged(served, claimed)
    assert await api.services.database.write(store, judged) == 3
    assert await api.services.database.write(store, judged) == 0
    assert len(await rows(api, predictions)) == 3


async def test_a_mention_that_was_forgotten_while_the_model_thought_leaves_no_prediction(api, mention):
    served = api.services.serving.current
    api.services.serving.current = None
    await api.services.mentions.take([mention(n) for n in range(3)])
    judged = _judged(served, await api.services.database.read(claim, 10))
    await api.services.database.write(lambda c: c.execute(delete(mentions).where(mentions.c.id == judged.rows[1].id)))
    assert await api.services.database.write(store, judged) == 2
    assert {row.id for row in await rows(api, predictions)} == {judged.rows[0].id, judged.rows[2].id}
