"""Mentions as tests need them."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from vigie_api.mentions.schema import MentionIn


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
