"""Servers that speak as X and as Bluesky's Jetstream do, on loopback, and misbehave on demand."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from vigie_api.connectors.bluesky import BlueskyOptions
from vigie_api.connectors.metrics import ConnectorMetrics
from vigie_api.connectors.runner import Pace, Runner
from vigie_api.connectors.source import Batch, Source
from vigie_api.connectors.x import XOptions, XSource
from vigie_api.mentions.table import mentions

TOKEN = "AAAA-secret"
X_EPOCH_MS = 1_288_834_974_657  # the first millisecond of X's ids
QUICK = Pace(look_s=0.02, renew_s=0.05, retry_s=0.01, longest_retry_s=0.02, refused_s=0.02, longest_wait_s=0.02)


class XServer:
    """Recent search over `posts`. `answers` are given to the next requests instead: (status, headers, body)."""

    def __init__(self) -> None:
        self.posts: list[dict[str, Any]] = []
        self.users: dict[str, dict[str, Any]] = {}
        self.asked: list[dict[str, str]] = []
        self.answers: list[tuple[int, dict[str, str], bytes] | str] = []
        self.headers: dict[str, str] = {}
        self.page = 100
        self.bad_queries: set[str] = set()
        self.oldest_id = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def post(self, number: int, query: str = "airparadis", *, ago_s: float = 600.0, **more: Any) -> str:
        """Somebody posts; the id tells when, as X's do."""
        at = datetime.now(UTC) - timedelta(seconds=ago_s - number)
        tweet_id = str(((int(at.timestamp() * 1000) - X_EPOCH_MS) << 22) + number)
        self.users.setdefault("7", {"id": "7", "username": "jeanne", "public_metrics": {"followers_count": 420}})
        self.posts.append(
            {
                "query": query,
                "id": tweet_id,
                "text": f"Vol {number} annulé &amp; personne",
                "author_id": "7",
                "created_at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            }
            | more
        )
        return tweet_id

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(request.path).query).items()}
        self.asked.append(asked)
        if self.answers:
            given = self.answers.pop(0)
            if given == "cut":
                request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{")
                request.close_connection = True
                return
            status, headers, body = given
        elif request.headers.get("Authorization") != f"Bearer {TOKEN}":
            status, headers, body = 401, {}, b'{"title": "Unauthorized", "status": 401}'
        else:
            status, headers, body = self._search(asked)
        request.send_response(status)
        for name, value in (self.headers | headers | {"Content-Length": str(len(body))}).items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)

    def _search(self, asked: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        size = int(asked["max_results"])
        assert 10 <= size <= 100
        since, until = int(asked.get("since_id", 0)), int(asked.get("until_id", 2**63))
        if asked["query"] in self.bad_queries:
            return _invalid("query", asked["query"], "Ambiguous use of and as a keyword (at position 4)")
        if 0 < since < self.oldest_id:
            return _invalid("since_id", str(since), "'since_id' must be a tweet id created after 2026-11-15T08:41Z.")
        found = [
            post
            for post in sorted(self.posts, key=lambda post: int(post["id"]), reverse=True)
            if post["query"] == asked["query"]
            and since < int(post["id"]) < until
            and post["created_at"] >= asked.get("start_time", "")
        ]
        offset = int(asked.get("next_token", "0"))
        shown = found[offset : offset + min(size, self.page)]
        meta: dict[str, Any] = {"result_count": len(shown)}
        if offset + len(shown) < len(found):
            meta["next_token"] = str(offset + len(shown))
        answer = {"meta": meta}
        if shown:
            answer["data"] = [{key: value for key, value in post.items() if key != "query"} for post in shown]
            answer["includes"] = {"users": list(self.users.values())}
        return 200, {}, json.dumps(answer).encode()


def _invalid(parameter: str, value: str, message: str) -> tuple[int, dict[str, str], bytes]:
    errors = [{"parameters": {parameter: [value]}, "message": message}]
    return 400, {}, json.dumps({"errors": errors, "title": "Invalid Request", "detail": "One or more…"}).encode()


class Jetstream:
    """Keeps events and replays them from a cursor, then sends what is posted. Each connection may be cut short."""

    def __init__(self) -> None:
        self.frames: list[tuple[int, str | bytes]] = []
        self.asked: list[dict[str, str]] = []
        self.cut_after: list[int] = []
        self.refuse: list[tuple[int, dict[str, str]]] = []
        self.url = ""
        self._news = asyncio.Event()

    def post(self, number: int, text: str = "Air Paradis, jamais plus", **record: Any) -> int:
        """Somebody posts, `number` seconds after an hour ago; the place in the stream."""
        at_us = self.at_us(number)
        made = datetime.fromtimestamp(at_us / 1e6, UTC).isoformat().replace("+00:00", "Z")
        event = {
            "did": "did:plc:abc",
            "time_us": at_us,
            "kind": "commit",
            "commit": {
                "rev": "3l",
                "operation": "create",
                "collection": "app.bsky.feed.post",
                "rkey": f"r{number}",
                "record": {"$type": "app.bsky.feed.post", "text": text, "createdAt": made, "langs": ["fr"]} | record,
                "cid": "bafy",
            },
        }
        return self.send(at_us, json.dumps(event, ensure_ascii=False, separators=(",", ":")))

    @staticmethod
    def at_us(number: float) -> int:
        return _START_US + int(number * 1_000_000)

    def send(self, at_us: int, frame: str | bytes) -> int:
        self.frames.append((at_us, frame))
        return at_us

    async def tell(self) -> None:
        """Let those who wait look again."""
        news, self._news = self._news, asyncio.Event()
        news.set()

    def greet(self, connection: ServerConnection, request: Any) -> Any:
        self.asked.append({name: values[0] for name, values in parse_qs(urlsplit(request.path).query).items()})
        if self.refuse:
            status, headers = self.refuse.pop(0)
            response = connection.respond(HTTPStatus(status), "no\n")
            for name, value in headers.items():
                response.headers[name] = value
            return response
        return None

    async def talk(self, connection: ServerConnection) -> None:
        asked = self.asked[-1]
        position = int(asked["cursor"]) if "cursor" in asked else None
        sent = 0 if position is not None else len(self.frames)
        left = self.cut_after.pop(0) if self.cut_after else None
        closed = asyncio.ensure_future(connection.wait_closed())
        try:
            while True:
                while sent < len(self.frames):
                    at_us, frame = self.frames[sent]
                    sent += 1
                    if position is None or at_us >= position:
                        if left == 0:
                            connection.transport.abort()
                            return
                        left = None if left is None else left - 1
                        await connection.send(frame, text=True)
                if left == 0:
                    await connection.close()
                    return
                news = asyncio.ensure_future(self._news.wait())
                await asyncio.wait([news, closed], return_when=asyncio.FIRST_COMPLETED)
                news.cancel()
                if closed.done():
                    return
        except ConnectionClosed:
            pass


_START_US = (time.time_ns() // 1_000 // 1_000_000 - 3_600) * 1_000_000


@pytest.fixture
def x_server() -> Iterator[XServer]:
    server = XServer()
    yield server
    server.stop()


@pytest.fixture
async def jetstream() -> AsyncIterator[Jetstream]:
    server = Jetstream()
    async with serve(server.talk, "127.0.0.1", 0, process_request=server.greet, compression=None) as listening:
        server.url = f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}/subscribe"
        yield server


@pytest.fixture
def x_source(x_server: XServer) -> Callable[..., XSource]:
    def make(token: str = TOKEN, **options: Any) -> XSource:
        wanted = {"name": "x", "base_url": x_server.url, "queries": {"Air Paradis": "airparadis"}, "backfill_hours": 24}
        source = XSource(XOptions.model_validate(wanted | options), token)
        source.pause_s = 0.01
        return source

    return make


@pytest.fixture
def bluesky_options(jetstream: Jetstream) -> Callable[..., BlueskyOptions]:
    def make(**options: Any) -> BlueskyOptions:
        words = {"Air Paradis": 'airparadis "air paradis"'}
        wanted = {"name": "bluesky", "hosts": [jetstream.url], "words": words, "backfill_hours": 2}
        return BlueskyOptions.model_validate(wanted | options)

    return make


async def read(source: Source, cursor: Any = None, *, posts: int | None = None) -> list[Batch]:
    """Batches until the source has caught up, or has brought so many posts."""
    batches: list[Batch] = []
    async with aclosing(source.read(cursor)) as reading:
        async for batch in reading:
            batches.append(batch)
            if posts is not None and sum(len(batch.mentions) for batch in batches) >= posts:
                break
    return batches


@pytest.fixture(name="read")
def _read() -> Callable[..., Any]:
    return read


@pytest.fixture
def runner_of() -> Callable[..., Runner]:
    """A runner on an application's database and desk, in a hurry."""

    def make(api: Any, source: Source, *, name: str = "live", taker: Any = None, registry: Any = None) -> Runner:
        from prometheus_client import CollectorRegistry

        metrics = ConnectorMetrics(registry or CollectorRegistry(), [name])
        services = api.services
        return Runner(name, source, services.database, taker or services.mentions, metrics, pace=QUICK)

    return make


@pytest.fixture
def kept() -> Callable[..., Any]:
    """The ids of the posts in an application's database, as they came."""

    async def look(api: Any) -> list[str]:
        query = select(mentions.c.external_id).order_by(mentions.c.seq)
        return list(await api.services.database.read(lambda connection: connection.scalars(query).all()))

    return look
