"""Posts come in once each, durably; what makes no sense is refused with a reason and the others are taken."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from vigie_api.mentions.table import mentions
from vigie_api.settings import Settings

pytestmark = pytest.mark.anyio


@pytest.fixture
def settings(settings, database_url):
    return Settings(**settings.model_dump() | {"database_url": database_url})


async def _kept(api):
    return await api.services.database.read(lambda c: c.execute(select(mentions).order_by(mentions.c.seq)).all())


async def test_a_post_is_taken_once_within_a_list_and_across_lists(api, mention):
    first = await api.services.mentions.take([mention(1), mention(2), mention(1, text="Other words.")])
    assert (first.accepted, first.duplicates, first.refused) == (2, 1, [])
    second = await api.services.mentions.take([mention(2), mention(3)])
    assert (second.accepted, second.duplicates) == (1, 1)
    kept = await _kept(api)
    assert [row.external_id for row in kept] == ["post-1", "post-2", "post-3"]
    assert kept[0].text == "My flight 1 was cancelled."


async def test_the_same_id_at_another_source_is_another_post(api, mention):
    receipt = await api.services.mentions.take([mention(1), mention(1, source="bluesky")])
    assert receipt.accepted == 2


async def test_late_posts_are_taken_and_impossible_times_are_refused_with_a_reason(api, mention):
    now = datetime.now(UTC)
    receipt = await api.services.mentions.take(
        [
            mention(1, created_at=now + timedelta(minutes=4)),
            mention(2, created_at=now + timedelta(minutes=6)),
            mention(3, created_at=now - timedelta(days=400)),
            mention(4, created_at=now - timedelta(days=7_301)),
        ]
    )
    assert receipt.accepted == 2
    assert [(refusal.index, refusal.external_id) for refusal in receipt.refused] == [(1, "post-2"), (3, "post-4")]
    assert "future" in receipt.refused[0].reason
    assert "7,300 days ago" in receipt.refused[1].reason
