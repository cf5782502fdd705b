"""Constant load through the gateway, as people, the page and programs make it, and a memory of what was promised.

Predictions go out at fixed times, whether or not those before were answered, and are never sent again: one that is not
answered well is a failed one. Verdicts and lists of mentions are sent again after 429, 503 (when Retry-After says) and
broken connections, until they are accepted: that is the contract.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from chaos_ledger import Acknowledged

TEXTS = (
    "Merci à l'équipage, vol parfait !",
    "My flight was cancelled and nobody answers.",
    "Encore un retard de trois heures à Orly",
    "Great crew, great food, thank you",
    "Bagages perdus, personne au comptoir",
    "Boarding was quick and friendly",
)
PREDICT_EVERY_S = 0.05
VERDICT_EVERY = 7
"""Every so many predictions one is judged; of three verdicts two say `wrong`, so that alerts open all the time."""
LIST_EVERY_S, LIST_OF = 0.5, 20
READ_EVERY_S = 1.0
PATIENCE_S = 10.0
GIVE_UP_S = 150.0
_AGAIN = (429, 502, 503, 504)
_READS = ("/v1/model", "/v1/alerts?limit=5", "/v1/mentions?limit=5", "/v1/feedback?limit=5")


@dataclass
class Load:
    """What is sent to the API at `url` and what came of it. `name` makes the ids of this run its own."""

    url: str
    keys: dict[str, str] = field(repr=False)
    name: str
    promised: Acknowledged = field(default_factory=Acknowledged)
    sent: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    """Predictions that failed, by reason."""
    reads_failed: Counter[str] = field(default_factory=Counter)
    not_taken: Counter[str] = field(default_factory=Counter)
    """Verdicts and lists that were refused for good, or given up."""
    sent_again: int = 0
    versions: Counter[str] = field(default_factory=Counter)
    """Of models that answered."""
    took_ms: list[float] = field(default_factory=list)
    last_verdict_s: float = 0.0
    """When a verdict was last acknowledged, as time.monotonic()."""

    async def run(self, stop: asyncio.Event) -> None:
        """Send until told to stop, then wait for what is under way."""
        limits = httpx.Limits(max_connections=400, max_keepalive_connections=50)
        async with (
            httpx.AsyncClient(base_url=self.url, timeout=PATIENCE_S, limits=limits) as client,
            asyncio.TaskGroup() as tasks,
        ):
            began = time.monotonic()
            work = (
                (PREDICT_EVERY_S, self._predict),
                (LIST_EVERY_S, self._post_list),
                (READ_EVERY_S, self._read),
            )
            async with asyncio.TaskGroup() as clocks:
                for every_s, what in work:
                    clocks.create_task(self._beat(tasks, stop, began, every_s, what, client))

    async def _beat(
        self, tasks: asyncio.TaskGroup, stop: asyncio.Event, began: float, every_s: float, what: Any, client: Any
    ) -> None:
        for number in itertools.count():
            wait_s = began + number * every_s - time.monotonic()
            try:
                await asyncio.wait_for(stop.wait(), max(0.001, wait_s))
            except TimeoutError:
                tasks.create_task(what(client, number))
            else:
                return

    async def _predict(self, client: httpx.AsyncClient, number: int) -> None:
        text = f"{TEXTS[number % len(TEXTS)]} {number}"
        self.sent += 1
        began = time.perf_counter()
        try:
            answer = await client.post("/v1/predict", json={"text": text}, headers=self._as("ADMIN"))
            said = _prediction(answer)
        except (httpx.HTTPError, OSError) as error:
            said = type(error).__name__
        self.took_ms.append((time.perf_counter() - began) * 1000)
        if isinstance(said, str):
            self.failed[said] += 1
            return
        self.versions[said["model"]["version"]] += 1
        if number % VERDICT_EVERY == 0:
            await self._judge(client, number, text, said)

    async def _judge(self, client: httpx.AsyncClient, number: int, text: str, said: dict[str, Any]) -> None:
        verdict = {
            "prediction_id": said["id"],
            "verdict": "correct" if number % (3 * VERDICT_EVERY) == 0 else "wrong",
            "text": text,
            "sentiment": said["sentiment"],
            "model_version": said["model"]["version"],
            "comment": self.name,
        }
        if await self._insist(client, "/v1/feedback", verdict, "ADMIN"):
            self.promised.verdicts.add(said["id"])
            self.last_verdict_s = time.monotonic()

    async def _post_list(self, client: httpx.AsyncClient, number: int) -> None:
        ids = [f"{self.name}-{number}-{at}" for at in range(LIST_OF)]
        now = datetime.now(UTC).isoformat()
        posts = [
            {
                "source": "chaos",
                "external_id": post_id,
                "topic": "Air Paradis",
                "text": f"{TEXTS[(number + at) % len(TEXTS)]} {post_id}",
                "created_at": now,
                "author": f"author {number}-{at}",
            }
            for at, post_id in enumerate(ids)
        ]
        answer = await self._insist(client, "/v1/mentions", {"mentions": posts}, "INGEST")
        if answer is not None:
            refused = {one["external_id"] for one in answer.json()["refused"]}
            self.not_taken["mention refused"] += len(refused)
            self.promised.mentions.update(set(ids) - refused)

    async def _read(self, client: httpx.AsyncClient, number: int) -> None:
        try:
            answer = await client.get(_READS[number % len(_READS)], headers=self._as("ADMIN"))
            if not answer.is_success:
                self.reads_failed[str(answer.status_code)] += 1
        except (httpx.HTTPError, OSError) as error:
            self.reads_failed[type(error).__name__] += 1

    async def _insist(
        self, client: httpx.AsyncClient, path: str, body: dict[str, Any], key: str
    ) -> httpx.Response | None:
        """Send until it is accepted; None when it was refused for good, or nobody took it for minutes."""
        gives_up = time.monotonic() + GIVE_UP_S
        while True:
            try:
                answer = await client.post(path, json=body, headers=self._as(key))
                if answer.is_success:
                    return answer
                if answer.status_code not in _AGAIN:
                    self.not_taken[f"{path} {answer.status_code}"] += 1
                    return None
                wait_s = float(answer.headers.get("Retry-After", "1"))
            except (httpx.HTTPError, OSError):
                wait_s = 1.0
            if time.monotonic() > gives_up:
                self.not_taken[f"{path} given up"] += 1
                return None
            self.sent_again += 1
            await asyncio.sleep(wait_s)

    def _as(self, key: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.keys[key]}"}

    @property
    def p99_ms(self) -> float:
        """Of all predictions, those that failed among them."""
        found = sorted(self.took_ms) or [math.nan]
        return found[int(len(found) * 0.99)]


def _prediction(answer: httpx.Response) -> dict[str, Any] | str:
    """The prediction, or why an answer is none."""
    if answer.status_code != 200:
        return str(answer.status_code)
    try:
        said: dict[str, Any] = answer.json()
        score = float(said["score"])
    except (ValueError, KeyError, TypeError):
        return "no score"
    return said if math.isfinite(score) and 0 <= score <= 1 else "score is no probability"
