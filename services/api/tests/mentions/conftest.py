"""Mentions as tests need them."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, select

from vigie_api.champion.serving import Verdict
from vigie_api.mentions.schema import MentionIn
from vigie_api.mentions.table import Stage, mentions


def document(number: int = 0, **changed: Any) -> dict[str, Any]:
    """A mention as JSON; each number is another post."""
    return {
        "source": "x",
        "external_id": f"post-{number}",
        "topic": "Air Paradis",
        "text": f"My flight {number} was cancelled.",
        "created_at": datetime.now(UTC).isoformat(),
    } | changed


@pytest.fixture
def post() -> Callable[..., dict[str, Any]]:
    return document


@pytest.fixture
def mention() -> Callable[..., MentionIn]:
    def make(number: int = 0, **changed: Any) -> MentionIn:
        return MentionIn.model_validate(document(number, **changed))

    return make


class Moody:
    """Fails on some texts, and on all of them in a bad mood."""

    cost = "light"
    bad_mood = False

    def predict_one(self, text):
        if self.bad_mood or "poison" in text:
            raise RuntimeError(text)
        negative = "cancelled" in text
        return Verdict("negative" if negative else "positive", 0.1 if negative else 0.9, 0.9, False, "en")

    def predict(self, texts):
        return [self.predict_one(text) for text in texts]


@pytest.fixture
def moody() -> Moody:
    return Moody()


class Judging:
    """A running application whose mentions can be waited for."""

    def __init__(self, api: Any) -> None:
        self.app, self.client, self.services = api.app, api.client, api.services

    async def waiting(self) -> int:
        count = select(func.count()).select_from(mentions).where(mentions.c.stage == int(Stage.ACCEPTED))
        return await self.services.database.read(lambda connection: connection.scalar(count))

    async def judged(self) -> None:
        while await self.waiting():
            await self.services.scorer.work()


@pytest.fixture
def running(running: Callable) -> Callable:
    """The applications of these tests."""

    @asynccontextmanager
    async def run(*arguments: Any, **options: Any) -> AsyncIterator[Judging]:
        async with running(*arguments, **options) as api:
            yield Judging(api)

    return run
