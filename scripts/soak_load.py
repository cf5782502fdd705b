"""Steady requests to an API at a fixed rate, over a few kept connections, with as little work for each as possible."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urlsplit

from chaos_load import TEXTS

CONNECTIONS = 16
VERDICT_EVERY, LIST_EVERY, READ_EVERY = 50, 500, 250
_LIST = 20
_READS = ("/v1/model", "/v1/alerts?limit=5", "/v1/mentions?limit=5", "/v1/feedback?limit=5", "/metrics")


def request_of(host: str, number: int) -> bytes:
    """The request of that number: mostly a prediction, every so many times a verdict, a list of mentions, a read."""
    text = f"{TEXTS[number % len(TEXTS)]} {number}"
    if number % LIST_EVERY == 1:
        now = datetime.now(UTC).isoformat()
        posts = [
            {"source": "soak", "external_id": f"{number}-{at}", "topic": "Air Paradis", "text": text, "created_at": now}
            for at in range(_LIST)
        ]
        return _post(host, "/v1/mentions", {"mentions": posts})
    if number % VERDICT_EVERY == 2:
        verdict = {"prediction_id": f"soak-{number}", "verdict": "correct", "text": text, "sentiment": "negative"}
        return _post(host, "/v1/feedback", verdict)
    if number % READ_EVERY == 3:
        path = _READS[number // READ_EVERY % len(_READS)]
        return f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    return _post(host, "/v1/predict", {"text": text})


def _post(host: str, path: str, body: object) -> bytes:
    content = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {len(content)}"
    return f"{head}\r\n\r\n".encode() + content


class SteadyLoad:
    """`per_second` requests a second, each due at its time; without a rate, as many as are answered."""

    def __init__(self, url: str, per_second: float | None) -> None:
        found = urlsplit(url)
        self._host, self._port = str(found.hostname), int(found.port or 80)
        self._every_s = 0.0 if per_second is None else 1 / per_second
        self._number = 0
        self._took_ms: list[float] = []
        self.statuses: Counter[str] = Counter()

    def taken(self) -> list[float]:
        """How long each answer took since the last call, in ms from when its request was due."""
        taken, self._took_ms = self._took_ms, []
        return taken

    async def run(self, seconds: float, on_time: Callable[[], bool] = lambda: True) -> None:
        """Send for so long, or until `on_time` says no."""
        began = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(CONNECTIONS):
                tasks.create_task(self._ask(began, began + seconds, on_time))

    async def _ask(self, began: float, ends: float, on_time: Callable[[], bool]) -> None:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            while True:
                number = self._number
                self._number += 1
                due = began + number * self._every_s if self._every_s else time.perf_counter()
                if due >= ends or not on_time():
                    return
                if (wait_s := due - time.perf_counter()) > 0:
                    await asyncio.sleep(wait_s)
                writer.write(request_of(self._host, number))
                self.statuses[await _status(reader)] += 1
                self._took_ms.append((time.perf_counter() - due) * 1000)
        finally:
            writer.close()


async def _status(reader: asyncio.StreamReader) -> str:
    """The status of the next answer, whose body is read and forgotten."""
    head = await reader.readuntil(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    await reader.readexactly(int(lengths[0].partition(b":")[2]))
    return head[9:12].decode()
