"""Reads a connector once and stores nothing: shows an operator what it would bring, or why it brings nothing."""

import asyncio
from collections import Counter
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from vigie_api.connectors.options import ConnectorOptions
from vigie_api.connectors.source import SourceError
from vigie_api.settings import Settings

_MOST_BATCHES: Final = 20  # of X, two thousand posts: each is paid for


class NotSetUp(Exception):  # noqa: N818 - reads as what happened
    """There is nothing to try: the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Posts by topic, and a sentence for people. Never a text."""

    works: bool
    posts: dict[str, int]
    malformed: int
    sentence: str


def named(settings: Settings, name: str) -> ConnectorOptions:
    """The connector of that name, or NotSetUp."""
    names = [options.name for options in settings.connectors]
    if not names:
        raise NotSetUp("no connector is set: see VIGIE_API_CONNECTORS in docs/connectors.md.")
    if name not in names:
        raise NotSetUp(f"there is no connector {name!r}, but {', '.join(names)}.")
    options = settings.connectors[names.index(name)]
    missing = options.missing(settings)
    if missing is not None:
        raise NotSetUp(f"the connector {name!r} needs {missing} to be set.")
    return options


async def try_out(options: ConnectorOptions, settings: Settings, seconds: float) -> Outcome:
    """Read from where a connector without a cursor starts, for so many seconds at most."""
    posts = Counter(dict.fromkeys(options.topics, 0))
    batches = malformed = 0
    trouble: str | None = None
    try:
        async with asyncio.timeout(seconds), aclosing(options.open(settings).read(None)) as reading:
            async for batch in reading:
                batches += 1
                posts.update(mention.topic for mention in batch.mentions)
                malformed += batch.malformed
                trouble = batch.trouble
                if batches == _MOST_BATCHES:
                    break
    except TimeoutError:
        trouble = trouble if batches else f"Nothing was heard within {seconds:g} seconds."
    except SourceError as error:
        trouble = str(error)
    found = ", ".join(f"{topic}: {number}" for topic, number in posts.items())
    sentence = f"Read, and nothing was stored. Posts by topic: {found}." if trouble is None else trouble
    return Outcome(trouble is None, dict(posts), malformed, sentence)
