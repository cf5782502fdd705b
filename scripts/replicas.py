"""Three replicas of the API behind the gateway, under load: what happens once, how long a hand-over takes, what fails.

The containers are those of compose.yaml in a stack of their own (project vigie-replicas), asked through their gateway.

    python scripts/replicas.py                 build the images, bring the stack up, all trials, take it down
    python scripts/replicas.py --no-build      with the images of the last run
    python scripts/replicas.py --keep --json   leave it running; one JSON document instead of the table

Exit 1 when a promise of docs/replicas.md does not hold. Progress goes to stderr.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial

import httpx

from chaos_load import Load
from chaos_stack import output
from e2e_stack import docker_answers
from replicas_stack import BUILT, POLL_S, Replica, Site, prepare, release, until

REPLICAS = 3
HAND_OVER_S = 10.0
STEADY_S = 4.0


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    what: str
    promise: str
    measured: str
    holds: bool


def say(words: str) -> None:
    """Progress."""
    print(f"replicas: {words}", file=sys.stderr, flush=True)


def _serves(replica: Replica, version: str) -> bool:
    return replica.version == version


class Trials:
    """One after another; each adds its rows."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.rows: list[Row] = []

    def _add(self, what: str, promise: str, measured: str, *, holds: bool) -> None:
        self.rows.append(Row(what, promise, measured, holds))
        say(f"{what}: {measured} ({'as promised' if holds else f'NOT {promise}'})")

    async def attempt(self, trial: Callable[[], Awaitable[None]]) -> None:
        """Go on with the next when this one waits in vain, or Docker refuses."""
        try:
            await trial()
        except (TimeoutError, RuntimeError) as error:
            self._add(trial.__name__, "comes about", str(error), holds=False)

    async def start(self) -> None:
        """All at once on an empty database."""
        began_s = time.monotonic()
        await self._site.start(REPLICAS)
        took_s = time.monotonic() - began_s
        log = await self._site.compose("logs", "--no-log-prefix", "api")
        ready = log.count("the database is ready")
        failed = log.count("could not be migrated")
        self._add(
            f"{REPLICAS} replicas start on an empty database",
            "one migrates, all are ready",
            f"{ready} ready, {failed} failed, first champion included in {took_s:.0f} s",
            holds=ready == REPLICAS and not failed,
        )

    async def spread(self) -> None:
        """The gateway's choice among them."""
        before = await self._site.asked()
        async with httpx.AsyncClient(timeout=20, headers=self._as("ADMIN")) as client:
            for number in range(300):
                await client.post(f"{self._site.url}/v1/predict", json={"text": f"Vol parfait {number}"})
        asked = await self._site.asked() - before
        share = [sum(asked[address] for address in replica.addresses) for replica in self._site.replicas]
        self._add(
            "300 predictions through the gateway", "each answers a fair share", str(share), holds=min(share) >= 50
        )

    async def once(self) -> None:
        """One e-mail, one verdict, one mention, whoever is told how often."""
        site, key = self._site, self._site.keys["ADMIN"]
        wrong = [
            {"prediction_id": f"trial-{at}", "verdict": "wrong", "text": f"Bagage {at}", "sentiment": "positive"}
            for at in range(REPLICAS)
        ]
        told = zip(site.replicas, wrong, strict=True)
        await asyncio.gather(*(replica.post("/v1/feedback", key, body) for replica, body in told))
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{site.mail_port}", timeout=20) as mailpit:
            for _ in range(120):
                if (await mailpit.get("/api/v1/messages")).json()["messages"]:
                    break
                await asyncio.sleep(0.5)
            await asyncio.sleep(5)  # for a second one
            letters = (await mailpit.get("/api/v1/messages")).json()["messages"]
        ((alerts,),) = await site.rows("SELECT count(*) FROM alerts WHERE kind = 'misprediction'")
        self._add(
            "wrong verdicts, one to each replica",
            "1 alert, 1 e-mail",
            f"{alerts} alert, {len(letters)} e-mail",
            holds=(alerts, len(letters)) == ("1", 1),
        )
        same = {"prediction_id": "trial-same", "verdict": "correct", "text": "Merci", "sentiment": "positive"}
        answers = await asyncio.gather(*(replica.post("/v1/feedback", key, same) for replica in site.replicas))
        statuses = sorted(status for status, _ in answers)
        ((kept,),) = await site.rows("SELECT count(*) FROM feedback WHERE prediction_id = 'trial-same'")
        self._add(
            "the same verdict to all replicas at once",
            "kept once",
            f"{kept} row, answers {statuses}",
            holds=kept == "1" and statuses == [200] * (REPLICAS - 1) + [201],
        )
        now = datetime.now(UTC).isoformat()
        posts = [
            {"source": "trial", "external_id": str(at), "topic": "T", "text": f"Retard {at}", "created_at": now}
            for at in range(200)
        ]
        ingest = site.keys["INGEST"]
        sent = [replica.post("/v1/mentions", ingest, {"mentions": posts}) for replica in site.replicas]
        accepted = sum(answer["accepted"] for _, answer in await asyncio.gather(*sent))
        counted = "SELECT coalesce(sum(posts), 0) FROM mention_counts WHERE source = 'trial' AND step_s = 300"
        watched = ""
        for _ in range(120):
            ((watched,),) = await site.rows(counted)
            if watched == "200":
                break
            await asyncio.sleep(0.5)
        self._add(
            "the same 200 mentions to all replicas at once",
            "counted once",
            f"{accepted} accepted, {watched} counted by the watch",
            holds=(accepted, watched) == (200, "200"),
        )

    async def swap(self) -> None:
        """A new champion."""
        site = self._site
        failed_before = await self._failed_refreshes()
        version = await asyncio.to_thread(release, site)
        began_s = time.monotonic()
        took_s = [0.0] * len(site.replicas)
        for at, replica in enumerate(site.replicas):
            await until(partial(_serves, replica, version), 4 * POLL_S)
            took_s[at] = time.monotonic() - began_s
        failed = await self._failed_refreshes() - failed_before
        self._add(
            f"the champion moves to version {version}",
            f"all follow within the poll of {POLL_S} s and a load",
            f"{max(took_s):.1f} s, refreshes that failed: {failed}",
            holds=max(took_s) <= 1.1 * POLL_S + 3 and not failed,
        )

    async def _failed_refreshes(self) -> int:
        return (await self._site.compose("logs", "--no-log-prefix", "api")).count('"refresh failed"')

    async def hand_over(
        self, what: str, harm: Callable[[Replica], Awaitable[object]], heal: Callable[[Replica], Awaitable[object]]
    ) -> None:
        """The leader of the watch is harmed: how long until another leads."""
        site = self._site
        await until(lambda: len(site.leaders) == 1, 60)
        (leader,) = site.leaders
        began_s = time.monotonic()
        await harm(leader)
        try:
            await until(lambda: any(one.leads for one in site.replicas if one is not leader), 60)
            took_s = time.monotonic() - began_s
        except TimeoutError:
            took_s = float("inf")
        await heal(leader)
        await until(lambda: leader.ready and time.monotonic() - leader.heard_s < 1, 90)
        await until(lambda: len(site.leaders) == 1, 60)
        self._add(
            f"the leader of the watch {what}",
            f"another leads within {HAND_OVER_S:.0f} s",
            f"{took_s:.1f} s",
            holds=took_s < HAND_OVER_S,
        )

    async def leaders(self) -> None:
        """Killed, stopped, cut off."""
        network = f"{self._site.stack.project}_database"

        async def nothing(_: Replica) -> None:
            """Docker starts it again by itself."""

        async def docker(verb: str, leader: Replica) -> None:
            await output(["docker", verb, leader.container])

        async def cut(verb: str, leader: Replica) -> None:
            await output(["docker", "network", verb, network, leader.container])

        await self.hand_over("is killed", Replica.die, nothing)
        await self.hand_over(
            "is stopped (SIGSTOP)", lambda one: docker("pause", one), lambda one: docker("unpause", one)
        )
        await self.hand_over(
            "loses its network to Postgres", lambda one: cut("disconnect", one), lambda one: cut("connect", one)
        )

    async def comings_and_goings(self) -> None:
        """Fewer, more, and one that is killed: all under load."""
        site = self._site
        async with self._loaded("scaled from 3 to 1 under load", "no request fails"):
            await site.scale(1)
        async with self._loaded("scaled from 1 to 3 under load", "no request fails"):
            await site.scale(REPLICAS)
        async with site.watched() as replicas, self._loaded("a replica is killed (-9) under load", "no request fails"):
            began_s = time.monotonic()
            await replicas[0].die()
            await until(lambda: not replicas[0].ready, 30)
            await until(lambda: replicas[0].ready, 60)
            say(f"it is ready again after {time.monotonic() - began_s:.1f} s")

    @asynccontextmanager
    async def _loaded(self, what: str, promise: str) -> AsyncIterator[None]:
        load, stop = Load(self._site.url, self._site.keys, what.replace(" ", "-")), asyncio.Event()
        sending = asyncio.create_task(load.run(stop))
        await asyncio.sleep(STEADY_S)
        began_s = time.monotonic()
        yield
        took_s = time.monotonic() - began_s
        await asyncio.sleep(STEADY_S)
        stop.set()
        await sending
        failed = load.failed.total() + load.reads_failed.total() + load.sent_again
        reasons = dict(load.failed + load.reads_failed)
        query = f"SELECT count(DISTINCT prediction_id) FROM feedback WHERE comment = '{load.name}'"  # noqa: S608 - our own name
        promised = lost = len(load.promised.verdicts)
        for _ in range(120):  # on a slow machine some are on disk first
            ((verdicts,),) = await self._site.rows(query)
            if not (lost := promised - int(verdicts)):
                break
            await asyncio.sleep(0.5)
        self._add(
            what,
            promise,
            f"{failed} of {load.sent} predictions and what goes with them failed {reasons or ''}; "
            f"{lost} verdicts lost; p99 {load.p99_ms:.0f} ms; {took_s:.0f} s",
            holds=not failed and not lost,
        )

    def _as(self, key: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._site.keys[key]}"}


def table(rows: list[Row]) -> str:
    """Markdown."""
    lines = ["| what | promise | measured | |", "|---|---|---|---|"]
    lines += [f"| {row.what} | {row.promise} | {row.measured} | {'✓' if row.holds else '✗'} |" for row in rows]
    return "\n".join(lines)


async def run(site: Site) -> list[Row]:
    """Every trial, in order."""
    trials = Trials(site)
    await trials.start()
    async with site.watched():
        for trial in (trials.spread, trials.once, trials.swap, trials.leaders):
            await trials.attempt(trial)
    await trials.attempt(trials.comings_and_goings)
    return trials.rows


def main() -> int:
    """Build, run, show, take down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--no-build", action="store_true", help="use the images of the last run")
    parser.add_argument("--keep", action="store_true", help="leave the stack running, to look at it")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    chosen = parser.parse_args()
    if not docker_answers():
        return 2
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    site = prepare()
    try:
        if not chosen.no_build and (code := site.stack.run("build", "--quiet", *BUILT)):
            return code
        rows = asyncio.run(run(site))
    finally:
        site.stack.save_logs()
        if not chosen.keep:
            site.stack.down()
            site.stack.forget()
    print(json.dumps([asdict(row) for row in rows]) if chosen.json else table(rows))
    return 0 if all(row.holds for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
