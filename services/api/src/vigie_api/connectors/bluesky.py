"""Bluesky, through Jetstream: every public post of the network over a websocket, filtered here. No key.

Protocol: github.com/bluesky-social/jetstream, `/subscribe`. The place to go on from is `time_us`, the microsecond at
which the server got an event; servers differ by a little, so reading starts again a few seconds back.
"""

import asyncio
import logging
import re
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime
from itertools import cycle
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal
from urllib.parse import urlencode, urlsplit

from pydantic import AfterValidator, Field
from pydantic_core import from_json
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from vigie_api.connectors.options import MAX_TOPICS, ConnectorOptions, web_address
from vigie_api.connectors.source import Batch, Cursor, SourceAway, Tray
from vigie_api.connectors.words import Matcher, Terms
from vigie_api.settings import MAX_TEXT_CHARS
from vigie_api.topic import NamedTopic

if TYPE_CHECKING:
    from vigie_api.settings import Settings

_log = logging.getLogger("vigie_api.connectors")
_quiet = logging.getLogger("vigie_api.connectors.websockets")
_quiet.setLevel(logging.WARNING)  # at DEBUG it would write the frames, which are posts
_POSTS: Final = "app.bsky.feed.post"
_SECOND_US: Final = 1_000_000
_REWIND_US: Final = 10 * _SECOND_US
_GAP_US: Final = 300 * _SECOND_US
_FRAMES: Final = 500
_FRAMES_EVERY_S: Final = 0.1  # at most 5,000 a second while catching up: the service answers requests meanwhile
_MENTIONS: Final = 250
_MAX_FRAME_BYTES: Final = 1_000_000
_OVERSIZE: Final = 1009
_TIME_US = re.compile(rb'"time_us"\s*:\s*(\d{1,17})\b')


class _Straight(connect):
    """Connects to the address that the operator chose and to no other: a redirect is a refusal like any status."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        """The refusal: by default the library follows redirects, to other hosts too."""
        return exc


def _address(value: str) -> str:
    address = web_address(value, "wss", "ws")
    return address if urlsplit(address).path else f"{address}/subscribe"


class BlueskyOptions(ConnectorOptions):
    """{"name": "bluesky", "kind": "bluesky", "words": {"Air Paradis": "airparadis \\"air paradis\\""}}"""

    kind: Literal["bluesky"] = "bluesky"
    words: dict[NamedTopic, Terms] = Field(min_length=1, max_length=MAX_TOPICS)
    hosts: tuple[Annotated[str, AfterValidator(_address)], ...] = Field(
        (
            "wss://jetstream2.us-east.bsky.network/subscribe",
            "wss://jetstream1.us-east.bsky.network/subscribe",
            "wss://jetstream2.us-west.bsky.network/subscribe",
            "wss://jetstream1.us-west.bsky.network/subscribe",
        ),
        min_length=1,
        max_length=20,
    )
    silence_s: float = Field(60.0, gt=0, le=3_600)
    backfill_hours: float = Field(0.0, ge=0, le=72)

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics that there are words for."""
        return tuple(self.words)

    def open(self, settings: "Settings") -> "BlueskySource":
        """The source."""
        return BlueskySource(self)


class BlueskySource:
    """Listens to one server at a time, and to the next one after a failure."""

    pause_s = 1.0

    def __init__(self, options: BlueskyOptions, *, flush_s: float = 1.0, save_s: float = 5.0) -> None:
        """`flush_s`: how long a post waits for others to go with it; `save_s`: for the cursor alone, between posts."""
        self._options = options
        self._flush_s = flush_s
        self._save_s = save_s
        self._matcher = Matcher(options.words)
        self._hosts = cycle(options.hosts)
        self._host = next(self._hosts)
        self._oversize = 0

    async def read(self, cursor: Cursor | None) -> AsyncGenerator[Batch, None]:
        """Batches every second or so while posts are about us, else every few seconds. Never ends by itself."""
        position = self._position(cursor)
        place = urlsplit(self._host).hostname
        try:
            async with (
                _Straight(
                    self._uri(position),
                    compression=None,  # it would cost more than the rest of the reading
                    max_size=2 * _MAX_FRAME_BYTES,
                    max_queue=256,
                    open_timeout=10,
                    close_timeout=1,
                    ping_interval=20,
                    ping_timeout=20,
                    user_agent_header="vigie",
                    logger=_quiet,
                ) as socket,
                aclosing(self._listen(socket, position)) as batches,
            ):
                async for batch in batches:
                    yield batch
        except ConnectionClosed as error:
            if error.sent is not None and error.sent.code == _OVERSIZE:
                self._oversize += 1  # the same frame would come again: go on after it
                raise SourceAway(f"{place} sent a message that is too large.") from None
            self._next_host()
            raise SourceAway(f"{place} closed the connection.") from None
        except InvalidStatus as error:
            self._next_host()
            asked = error.response.headers.get("Retry-After", "")
            raise SourceAway(
                f"{place} answered with status {error.response.status_code}.",
                retry_after_s=float(asked) if asked.isdecimal() else None,
            ) from None
        except (OSError, TimeoutError, InvalidHandshake, InvalidURI) as error:
            self._next_host()
            raise SourceAway(f"{place} does not answer ({type(error).__name__}).") from None
        except SourceAway:
            self._next_host()
            raise

    def _next_host(self) -> None:
        self._host = next(self._hosts)

    def _position(self, cursor: Cursor | None) -> int | None:
        """Where to start, in microseconds since 1970; None: with what is posted from now on."""
        found = cursor.get("time_us") if isinstance(cursor, dict) else None
        if isinstance(found, int) and 0 < found < _latest_us():
            return found
        back_us = int(self._options.backfill_hours * 3_600 * _SECOND_US)
        return time.time_ns() // 1_000 - back_us if back_us else None

    def _uri(self, position: int | None) -> str:
        wanted: dict[str, Any] = {"wantedCollections": _POSTS, "maxMessageSizeBytes": _MAX_FRAME_BYTES}
        if position is not None:
            # A server that sends what is too large all the same makes us skip a second, then two, then four.
            skip_us = (2**self._oversize - 1) * _SECOND_US
            wanted["cursor"] = position + skip_us - (0 if skip_us else _REWIND_US)
        return f"{self._host}?{urlencode(wanted)}"

    async def _listen(self, socket: ClientConnection, position: int | None) -> AsyncGenerator[Batch, None]:
        tray = Tray()
        heard_s = time.monotonic()
        saved_s = float("-inf")  # the first words show that it runs
        resumed = position
        while True:
            began_s, frames, last = time.monotonic(), 0, b""
            try:
                async with asyncio.timeout(self._flush_s):
                    while frames < _FRAMES and len(tray.mentions) < _MENTIONS:
                        last = await socket.recv(decode=False)
                        frames += 1
                        self._look(last, tray)
            except TimeoutError:
                pass
            now_s = time.monotonic()
            if frames:
                heard_s = now_s
                position = _later(position, last)
                if resumed is not None and position is not None:
                    self._tell_gap(resumed, position)
                    resumed = None
            elif now_s - heard_s > self._options.silence_s:
                raise SourceAway(f"{urlsplit(self._host).hostname} has been silent for {self._options.silence_s:g} s.")
            if tray.mentions or tray.malformed or (frames and now_s - saved_s >= self._save_s):
                saved_s = now_s
                self._oversize = 0
                yield tray.batch(None if position is None else {"time_us": position})
            await asyncio.sleep(max(0.0, frames / _FRAMES * _FRAMES_EVERY_S - (time.monotonic() - began_s)))

    def _tell_gap(self, resumed: int, position: int) -> None:
        gap_us = position - resumed
        if gap_us > _GAP_US:
            told = {"connector": self._options.name, "gap_s": gap_us // _SECOND_US}
            _log.warning(
                "a stream goes on long after it stopped: the server may not have kept what was between", extra=told
            )

    def _look(self, frame: bytes, tray: Tray) -> None:
        """Put the post of a frame on the tray when it is about a topic. Most frames are not even parsed."""
        if frame[:1] != b"{" or frame[-1:] != b"}":
            tray.malformed += 1
        elif self._matcher.may_concern(frame):
            try:
                self._take(from_json(frame), tray)
            except (ValueError, KeyError, TypeError, OverflowError):
                tray.malformed += 1

    def _take(self, event: Any, tray: Tray) -> None:
        commit = event.get("commit") if isinstance(event, dict) else None
        if not isinstance(commit, dict) or (commit.get("operation"), commit.get("collection")) != ("create", _POSTS):
            return
        record, did, rkey = commit["record"], event["did"], commit["rkey"]
        text = record["text"]
        if not (isinstance(text, str) and isinstance(did, str) and isinstance(rkey, str)):
            raise TypeError
        topic = self._matcher.topic_of(text)
        if topic is not None:
            tray.add(
                source="bluesky",
                external_id=f"at://{did}/{_POSTS}/{rkey}",
                topic=topic,
                text=text[:MAX_TEXT_CHARS],
                created_at=_created_at(record.get("createdAt"), event["time_us"]),
                author=did,
                url=f"https://bsky.app/profile/{did}/post/{rkey}",
            )


def _created_at(claimed: object, time_us: int) -> datetime:
    """When it was posted: what the client says, but never later than the network got it, as Bluesky itself sorts."""
    received = datetime.fromtimestamp(time_us / _SECOND_US, UTC)
    try:
        created = datetime.fromisoformat(claimed) if isinstance(claimed, str) else received
    except ValueError:
        return received
    return min(created, received) if created.tzinfo is not None else received


def _latest_us() -> int:
    return time.time_ns() // 1_000 + 3_600 * _SECOND_US


def _later(position: int | None, frame: bytes) -> int | None:
    """The place of a frame when it lies after `position`, and not in the future."""
    found = _TIME_US.search(frame)
    if found is None or not (position or 0) < int(found[1]) < _latest_us():
        return position
    return int(found[1])
