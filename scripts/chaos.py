"""Break what Vigie stands on, one after another, under constant load, and count what was lost.

Everything is real: the containers of compose.yaml in a stack of their own, asked through their gateway as people and
programs ask. Before, during and after each fault tweets are judged, verdicts given (wrong ones open alerts, which send
e-mails), lists of mentions posted and pages read; then what was acknowledged is compared with what is stored.

    python scripts/chaos.py                            all faults, three replicas of the API
    python scripts/chaos.py --list                     what there is
    python scripts/chaos.py --only kill-postgres clock-jump --seconds 30
    python scripts/chaos.py --replicas 1 --keep        and leave the stack running
    python scripts/chaos.py --json                     one JSON document on stdout instead of the table

Targets: no prediction fails while a way leads to a running API; nothing acknowledged is lost; nothing is there twice;
Vigie is whole again less than 15 s after what was broken answers, and nobody helps. Exit 1 when one is missed.
Progress goes to stderr. docs/chaos.md says how each figure is counted.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import httpx

from chaos_faults import FAULTS, Fault
from chaos_ledger import Balance, Stored, compare
from chaos_load import Load
from chaos_stack import CLOCK_IMAGE, SERVICES, Site, output, prepare, until
from chaos_table import Row, table, verdict
from e2e_stack import ROOT, docker_answers

STEADY_S = 5.0
READY_LIMIT_S, WHOLE_LIMIT_S, SETTLE_S = 180.0, 120.0, 60.0
_OLD_S = 3.0
"""So long ago a verdict was taken at the latest, or Vigie is not whole."""
_LATE_LETTERS = (
    "SELECT 1 FROM alert_outbox WHERE state = 'waiting' AND created_at < now() - interval '4 seconds' LIMIT 1"
)


def say(words: str) -> None:
    """Progress."""
    print(f"chaos: {words}", file=sys.stderr, flush=True)


class Trial:
    """One fault, from the load's start to the balance."""

    def __init__(self, site: Site, fault: Fault, seconds: float, number: int) -> None:
        self._site = site
        self._fault = fault
        self._seconds = seconds
        self._load = Load(f"{site.url}/api", site.keys, f"{fault.name}-{number}")
        self._letters_before = len(set(site.letters()))
        self._lacks = ""

    async def run(self) -> Row:
        """Do it."""
        site, fault, load = self._site, self._fault, self._load
        await site.vary(fault.variation)
        stop = asyncio.Event()
        sending = asyncio.create_task(load.run(stop))
        try:
            await asyncio.sleep(STEADY_S)
            excused = await self._break()
            back_s = await until(lambda: fault.ready(site), READY_LIMIT_S)
            whole_s = None if back_s is None else await until(self._whole, WHOLE_LIMIT_S)
            manual = 0
            if whole_s is None:  # somebody must help, so that the next fault finds a sound stack
                manual = 1
                lacks = self._lacks or "it does not answer"
                say(f"{fault.name}: not whole by itself ({lacks}); the API is restarted by hand")
                await site.docker("restart", *await site.containers("api"))
                await until(self._whole, WHOLE_LIMIT_S)
            await asyncio.sleep(STEADY_S)
        finally:
            stop.set()
            await sending
        balance, stored = await self._settle(excused)
        return Row(
            fault=fault.name,
            what=fault.what,
            way_in=fault.way_in and not (fault.kills_api and site.replicas == 1),
            predictions=load.sent,
            failed=sum(load.failed.values()),
            verdicts=len(load.promised.verdicts),
            mentions=len(load.promised.mentions),
            emails=len(stored.letters_taken.keys()) - self._letters_before,
            balance=balance,
            started_in_s=READY_LIMIT_S if back_s is None else back_s,
            recovered_s=whole_s,
            manual_steps=manual,
            not_taken=sum(load.not_taken.values()),
            foreign_answers=sum(number for version, number in load.versions.items() if version != "1"),
            notes={
                "failed_predictions": dict(load.failed),
                "reads_failed": dict(load.reads_failed),
                "not_taken": {name: number for name, number in load.not_taken.items() if number},
                "sent_again": load.sent_again,
                "p99_ms": round(load.p99_ms, 1),
            },
        )

    async def _break(self) -> set[str]:
        """Break, hold, and let come back; the e-mails whose second copy is excused."""
        site, fault = self._site, self._fault
        say(f"{fault.name}: {fault.what}")
        await fault.breaks(site)
        excused: set[str] = set()
        try:
            if fault.kills_api:
                await asyncio.sleep(1.0)  # a last commit is in, and what the mail server had in hand is taken
                with contextlib.suppress(RuntimeError):  # with Postgres away too, nothing is known: nothing is excused
                    excused = await self._between()
            await asyncio.sleep(self._seconds)
        finally:
            await fault.ends(site)
        return excused

    async def _between(self) -> set[str]:
        """E-mails that the mail server took, and that nobody marked: their sender is dead."""
        query = "SELECT message_id FROM alert_outbox WHERE channel = 'email' AND state = 'waiting' AND attempts > 0"
        return {letter for (letter,) in await self._site.rows(query)} & set(self._site.letters())

    async def _whole(self) -> bool:
        """Whether everything is as before the fault: asked, not assumed."""
        self._lacks = await self._lacking()
        return not self._lacks

    async def _lacking(self) -> str:
        """What is not yet as before the fault; "" when all is."""
        site, load = self._site, self._load
        admin = {"Authorization": f"Bearer {site.keys['ADMIN']}"}
        promised = (set(load.promised.verdicts), set(load.promised.mentions))
        try:
            async with httpx.AsyncClient(base_url=f"{site.url}/api", headers=admin, timeout=10.0) as client:
                asked = ["/v1/model", "/v1/feedback?limit=1"] + (["/v1/models"] if self._fault.registry else [])
                answers = [await client.get(path) for path in asked]
                answers.append(await client.post("/v1/predict", json={"text": "Merci"}))
            if refused := [f"{answer.url.path} {answer.status_code}" for answer in answers if answer.is_error]:
                return f"answers: {', '.join(refused)}"
            if error := answers[0].json()["refresh_error"]:
                return f"the champion cannot be refreshed: {error}"
            if time.monotonic() - load.last_verdict_s > _OLD_S:
                return "verdicts do not flow"  # again, whatever those who give them are waiting for
            stored = await site.stored(load.name)
            waiting = await site.rows(_LATE_LETTERS)
        except (httpx.HTTPError, RuntimeError, ValueError, KeyError) as error:
            return f"it cannot be asked: {type(error).__name__}"
        verdicts, mentions = len(promised[0] - stored.verdicts.keys()), len(promised[1] - stored.mentions.keys())
        if verdicts or mentions:
            return f"{verdicts} verdicts and {mentions} mentions are not in Postgres"
        return "e-mails wait" if waiting else ""

    async def _settle(self, excused: set[str]) -> tuple[Balance, Stored]:
        """Compare, as soon as everything is there; and as it is when that takes too long."""
        ends = time.monotonic() + SETTLE_S
        while True:
            stored = await self._site.stored(self._load.name)
            balance = compare(self._load.promised, stored, excused)
            if balance.complete or time.monotonic() > ends:
                return balance, stored
            await asyncio.sleep(1.0)


async def start(site: Site, *, build: bool, clock: bool) -> None:
    """Build the images and bring the stack up."""
    if build:
        say("building the images")
        await site.compose("build", "--quiet", "gateway", "api", "trainer", "mlflow")
    if clock:
        context = ["--build-arg", f"API_IMAGE={site.secrets['API_IMAGE']}", "--file", "scripts/chaos_clock.Dockerfile"]
        await output(["docker", "build", "--quiet", "--tag", CLOCK_IMAGE, *context, "scripts"])
    say("starting the stack")
    await site.up(*SERVICES)


async def try_all(site: Site, faults: Sequence[Fault], options: argparse.Namespace) -> list[Row]:
    """Every fault in turn."""
    clock = any(fault.variation == "clock" for fault in faults)
    await start(site, build=not options.no_build, clock=clock)
    rows = []
    for number, fault in enumerate(faults):
        rows.append(await Trial(site, fault, options.seconds, number).run())
        say(f"{fault.name}: {', '.join(rows[-1].faults()) or 'nothing lost'} {json.dumps(rows[-1].notes)}")
    return rows


def main() -> int:
    """Parse, prepare, break, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [fault.name for fault in FAULTS]
    parser.add_argument("--only", nargs="+", choices=names, metavar="FAULT", default=names, help="these faults alone")
    parser.add_argument("--list", action="store_true", help="say what faults there are, and end")
    parser.add_argument("--seconds", type=float, default=15.0, help="how long a fault lasts (default: 15)")
    parser.add_argument("--replicas", type=int, default=3, help="of the API (default: 3)")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout instead of the table")
    parser.add_argument("--keep", action="store_true", help="leave the stack running, to look at it")
    parser.add_argument("--no-build", action="store_true", help="use the images of the last run")
    options = parser.parse_args()
    if options.list:
        print("\n".join(f"{fault.name:<16} {fault.what}" for fault in FAULTS))
        return 0
    if not docker_answers():
        return 2
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    site = prepare(options.replicas)
    try:
        rows = asyncio.run(try_all(site, [fault for fault in FAULTS if fault.name in options.only], options))
    except KeyboardInterrupt:
        return 130
    finally:
        leave(site, keep=options.keep)
    if options.json:
        document = {
            "replicas": options.replicas,
            "seconds": options.seconds,
            "faults": [row.document() for row in rows],
        }
        print(json.dumps(document))
    else:
        print(table(rows))
        print(f"\n{verdict(rows)}")
    return 1 if any(row.faults() for row in rows) else 0


def leave(site: Site, *, keep: bool) -> None:
    """Keep the logs, take everything down and delete the secrets; or say how."""
    stack = site.stack
    stack.save_logs()
    where: Path = stack.artifacts.relative_to(ROOT)
    if keep:
        say(f"the stack still runs on {site.url}; take it down with:")
        say(" ".join(stack.command_of(site.variation, "--profile", "dev", "down", "--volumes", "--remove-orphans")))
    else:
        stack.down()
        stack.forget()
    say(f"the logs are in {where}")


if __name__ == "__main__":
    sys.exit(main())
