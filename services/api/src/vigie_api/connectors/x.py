"""X (Twitter), through the recent search of its API v2: the posts of the last seven days that a query finds.

docs.x.com/x-api/posts/recent-search. Answers come newest first, in pages. So a sweep goes from the newest post back to
the newest one of the sweep before; until it has arrived there, the cursor keeps both its ends.
"""

import logging
import re
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import httpx
from pydantic import AfterValidator, Field
from pydantic_core import from_json

from vigie_api.connectors.options import MAX_TOPICS, ConnectorOptions, web_address
from vigie_api.connectors.source import Batch, Cursor, SourceAway, SourceRefuses, Tray
from vigie_api.settings import MAX_TEXT_CHARS
from vigie_api.topic import NamedTopic

if TYPE_CHECKING:
    from vigie_api.settings import Settings

_log = logging.getLogger("vigie_api.connectors")
_PATH: Final = "/2/tweets/search/recent"
_FIELDS: Final = {
    "max_results": "100",
    "tweet.fields": "author_id,created_at,lang,note_tweet,public_metrics",
    "expansions": "author_id",
    "user.fields": "public_metrics,username",
}
_WINDOW: Final = timedelta(days=7) - timedelta(minutes=5)  # further back, the search refuses
_SETTLE: Final = timedelta(minutes=2)  # X finds a post some ten to thirty seconds after it was written
_MAX_ANSWER_BYTES: Final = 5_000_000
_MAX_TOLD_CHARS: Final = 160
_USERNAME = re.compile(r"[A-Za-z0-9_]{1,50}")
_ID = re.compile(r"[0-9]{1,19}")

Query = Annotated[str, Field(min_length=1, max_length=4_096, pattern=r"^[^\x00-\x1f\x7f]+$")]


class XOptions(ConnectorOptions):
    """{"name": "x", "kind": "x", "queries": {"Air Paradis": "(airparadis OR \\"air paradis\\") -is:retweet"}}"""

    kind: Literal["x"] = "x"
    queries: dict[NamedTopic, Query] = Field(min_length=1, max_length=MAX_TOPICS)
    every_s: float = Field(60.0, ge=1, le=86_400)
    backfill_hours: float = Field(1.0, gt=0, le=166)
    base_url: Annotated[str, AfterValidator(lambda value: web_address(value, "https", "http"))] = "https://api.x.com"

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics that there is a query for."""
        return tuple(self.queries)

    def missing(self, settings: "Settings") -> str | None:
        """The key."""
        secret = settings.x_bearer_token
        token = "" if secret is None else secret.get_secret_value().strip()
        return None if re.fullmatch(r"[!-~]+", token) else "VIGIE_API_X_BEARER_TOKEN"

    def open(self, settings: "Settings") -> "XSource":
        """The source."""
        assert settings.x_bearer_token is not None  # noqa: S101 - the settings made sure
        return XSource(self, settings.x_bearer_token.get_secret_value())


class _BadQuery(Exception):  # noqa: N818 - reads as what happened
    """X does not accept what was asked for one topic. `stale`: because it lies too far back."""

    def __init__(self, message: str, *, stale: bool) -> None:
        super().__init__(message)
        self.stale = stale


class XSource:
    """Searches each topic in turn. The cursor: by topic, where the next sweep starts, and the ends of one under way."""

    def __init__(self, options: XOptions, token: str) -> None:
        self.pause_s = options.every_s
        self._options = options
        self._headers = {"Authorization": f"Bearer {token.strip()}", "User-Agent": "vigie"}
        self._order = list(options.queries)
        self._refused: dict[str, str] = {}
        self._blocked_until_s = 0.0

    async def read(self, cursor: Cursor | None) -> AsyncGenerator[Batch, None]:
        """One sweep of every topic, a batch for each page."""
        kept = cursor if isinstance(cursor, dict) else {}
        places: dict[str, Any] = {}
        for topic in self._options.queries:
            place = kept.get(topic)
            places[topic] = place if isinstance(place, dict) else {}
        timeout = httpx.Timeout(20.0, connect=10.0)
        async with httpx.AsyncClient(
            base_url=self._options.base_url, headers=self._headers, timeout=timeout, follow_redirects=False
        ) as client:
            for topic in tuple(self._order):
                try:
                    async with aclosing(self._sweep(client, topic, places)) as batches:
                        async for batch in batches:
                            yield batch
                except _BadQuery as error:
                    self._refused[topic] = f"{topic}: {error}"
                    yield Batch((), dict(places), trouble=self._trouble())
                # Whoever was served goes to the end: a rate limit does not always hit the same topic.
                self._order.remove(topic)
                self._order.append(topic)

    def _trouble(self) -> str | None:
        return " ".join(self._refused.values()) or None

    async def _sweep(
        self, client: httpx.AsyncClient, topic: str, places: dict[str, Any]
    ) -> AsyncGenerator[Batch, None]:
        place = _Place(places[topic], self._options.backfill_hours)
        token: str | None = None
        while True:
            asked = _FIELDS | {"query": self._options.queries[topic]} | place.bounds()
            try:
                answer = await self._ask(client, asked if token is None else asked | {"next_token": token})
            except _BadQuery as error:
                if not error.stale or place.fell_back:
                    raise
                if not place.fall_back():
                    told = {"connector": self._options.name}
                    _log.warning("a search stopped too long ago: X has no posts older than seven days", extra=told)
                token = None
                continue
            tray = Tray()
            ids = self._collect(answer, topic, tray)
            meta = answer.get("meta")
            token = meta.get("next_token") if isinstance(meta, dict) else None
            token = token if isinstance(token, str) and token else None
            places[topic] = place.after(ids, more=token is not None)
            self._refused.pop(topic, None)
            yield tray.batch(dict(places), self._trouble())
            if token is None:
                return

    def _collect(self, answer: Mapping[str, Any], topic: str, tray: Tray) -> list[int]:
        """Put the posts of an answer on the tray; their ids. An answer with errors beside its data is used as it is."""
        included = answer.get("includes")
        users = included.get("users") if isinstance(included, dict) else None
        authors = {user["id"]: user for user in _objects(users) if isinstance(user.get("id"), str)}
        ids = []
        posts = answer.get("data")
        for post in posts if isinstance(posts, list) else ():
            number = post.get("id") if isinstance(post, dict) else None
            if not isinstance(number, str) or not _ID.fullmatch(number):
                tray.malformed += 1
                continue
            ids.append(int(number))
            self._put(number, post, authors.get(str(post.get("author_id"))) or {}, topic, tray)
        return ids

    def _put(self, number: str, post: dict[str, Any], author: dict[str, Any], topic: str, tray: Tray) -> None:
        note = post.get("note_tweet")  # of a long post, `text` holds the beginning
        text = note.get("text") if isinstance(note, dict) else post.get("text")
        name = author.get("username")
        name = name if isinstance(name, str) and _USERNAME.fullmatch(name) else None
        counts = author.get("public_metrics")
        followers = counts.get("followers_count") if isinstance(counts, dict) else None
        tray.add(
            source="x",
            external_id=number,
            topic=topic,
            text=unescape(text)[:MAX_TEXT_CHARS] if isinstance(text, str) else None,
            created_at=post.get("created_at"),
            author=name or post.get("author_id"),
            url=f"https://x.com/{name or 'i/web'}/status/{number}",
            reach=followers if isinstance(followers, int) and followers >= 0 else None,
        )

    async def _ask(self, client: httpx.AsyncClient, asked: Mapping[str, str]) -> Mapping[str, Any]:
        """One page. Raises SourceAway, SourceRefuses, _BadQuery."""
        wait_s = self._blocked_until_s - time.time()
        if wait_s > 0:
            raise SourceAway("X's rate limit is used up; waiting for its next window.", retry_after_s=wait_s)
        try:
            async with client.stream("GET", _PATH, params=asked) as response:
                body = bytearray()
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > _MAX_ANSWER_BYTES:
                        raise SourceAway("X sent an answer that is too large.")
        except httpx.HTTPError as error:
            raise SourceAway(f"X does not answer ({type(error).__name__}).") from None
        self._note_limit(response)
        try:
            answer = from_json(bytes(body))
        except ValueError:
            answer = None
        if response.status_code != httpx.codes.OK:
            raise self._error(response, answer if isinstance(answer, dict) else {})
        if not isinstance(answer, dict):
            raise SourceAway("X sent an answer that is no JSON.")
        return answer

    def _note_limit(self, response: httpx.Response) -> None:
        left, reset = (response.headers.get(f"x-rate-limit-{what}", "") for what in ("remaining", "reset"))
        if (left == "0" or response.status_code == httpx.codes.TOO_MANY_REQUESTS) and reset.isdecimal():
            self._blocked_until_s = min(float(reset), time.time() + 960)

    def _error(self, response: httpx.Response, answer: Mapping[str, Any]) -> Exception:
        status = response.status_code
        title, detail = (str(answer.get(key) or "")[:_MAX_TOLD_CHARS] for key in ("title", "detail"))
        if status == httpx.codes.UNAUTHORIZED:
            return SourceRefuses("X does not know the key (401): check VIGIE_API_X_BEARER_TOKEN.")
        if status == httpx.codes.PAYMENT_REQUIRED or title == "UsageCapExceeded":
            return SourceRefuses(f"X wants to be paid ({status}): the credits or the monthly cap are used up.")
        if status == httpx.codes.FORBIDDEN:
            return SourceRefuses(f"X does not allow this key to search (403): {detail or title or 'no reason given'}")
        if status == httpx.codes.TOO_MANY_REQUESTS:
            asked = response.headers.get("Retry-After", "")
            wait_s = self._blocked_until_s - time.time()
            retry_after_s = wait_s if wait_s > 0 else float(asked) if asked.isdecimal() else None
            return SourceAway("X's rate limit is used up; waiting for its next window.", retry_after_s=retry_after_s)
        if status == httpx.codes.BAD_REQUEST:
            errors = _objects(answer.get("errors"))
            told = " ".join(str(error.get("message") or "") for error in errors)[:_MAX_TOLD_CHARS]
            bounds = {"since_id", "until_id", "start_time"}
            stale = any(
                bounds & parameters.keys()
                for error in errors
                if isinstance(parameters := error.get("parameters"), dict)
            )
            return _BadQuery(f"X does not accept the query (400): {told or detail or title}", stale=stale)
        return SourceAway(f"X answered with status {status}.")


def _objects(found: object) -> list[dict[str, Any]]:
    """The objects of what should be a list of them."""
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


class _Place:
    """How far the reading of one topic has come: which posts are wanted, and what of them a sweep has seen.

    `checked` is the time up to which there is nothing left to read, less what X takes to find a new post.
    """

    def __init__(self, kept: Mapping[str, Any], backfill_hours: float) -> None:
        self._began = _ago(_SETTLE)
        self._since_id: int | None = kept.get("since_id")
        self._start_time: str = kept.get("start_time") or _ago(timedelta(hours=backfill_hours))
        self._checked: str | None = kept.get("checked")
        self._newest: int | None = kept.get("newest")
        self._oldest: int | None = kept.get("oldest")
        # After a restart the token of the next page is lost: older than the oldest post that we have is the same.
        self._until_id = self._oldest
        self.fell_back = False

    def bounds(self) -> dict[str, str]:
        """The parameters that say which posts."""
        wanted = {"start_time": self._start_time} if self._since_id is None else {"since_id": str(self._since_id)}
        return wanted if self._until_id is None else wanted | {"until_id": str(self._until_id)}

    def fall_back(self) -> bool:
        """Ask by time, because the ids lie too far back; False when that leaves a hole, as X has no older posts."""
        earliest = _ago(_WINDOW)
        whole = self._checked is not None and self._checked >= earliest
        self._start_time = max(self._checked or earliest, earliest)
        self._since_id = self._newest = self._oldest = self._until_id = None
        self.fell_back = True
        return whole

    def after(self, ids: list[int], *, more: bool) -> dict[str, Any]:
        """What to keep once the posts of a page are durable."""
        self._newest = max((*ids, *_some(self._newest)), default=None)
        self._oldest = min((*ids, *_some(self._oldest)), default=None)
        since = {"start_time": self._start_time} if self._since_id is None else {"since_id": self._since_id}
        if more:
            return since | {"newest": self._newest, "oldest": self._oldest, "checked": self._checked}
        if self._newest is not None:
            return {"since_id": self._newest, "checked": self._began}
        return (since if self._since_id is not None else {"start_time": self._began}) | {"checked": self._began}


def _some(value: int | None) -> tuple[int, ...]:
    return () if value is None else (value,)


def _ago(distance: timedelta) -> str:
    return (datetime.now(UTC) - distance).strftime("%Y-%m-%dT%H:%M:%SZ")
