"""Ask an API steadily for a long time, and see whether it stays as it is: memory, descriptors, threads, latency.

    python scripts/soak.py                              an hour at half of the maximum, which is measured before
    python scripts/soak.py --minutes 20 --rate 200      so many requests a second, whatever the maximum
    python scripts/soak.py --json                       one JSON document on stdout instead of the table

The API is a real process on SQLite with a TF-IDF champion. Most requests are predictions; some are verdicts, lists of
mentions and reads, among them Prometheus' own. After a warm-up (a fifth of the time) memory must not grow by more than
5 %, descriptors not at all, and latency must not drift. Exit 1 when it does. Progress goes to stderr; a
picture is drawn with --picture FILE.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import statistics
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]  # ships no types

from bench_ingest import Api, give_champion
from soak_load import SteadyLoad
from soak_samples import Sample, draw, faults, growth, table

_CALIBRATE_S = 15.0


def process_of(port: int) -> psutil.Process:
    """The process that listens on a port of this machine."""
    (pid,) = {
        connection.pid
        for connection in psutil.net_connections("tcp")
        if connection.laddr.port == port and connection.status == psutil.CONN_LISTEN
    }
    return psutil.Process(pid)


async def maximum(url: str) -> float:
    """Requests a second that the API answers when it is asked without pause by a few."""
    load = SteadyLoad(url, None)
    await load.run(_CALIBRATE_S)
    return len(load.taken()) / _CALIBRATE_S


async def soak(api: Api, rate: float, seconds: float, every_s: float) -> list[Sample]:
    """Ask for so long, and measure every so often."""
    process = process_of(api.port)
    load = SteadyLoad(api.url, rate)
    samples: list[Sample] = []
    asking = asyncio.create_task(load.run(seconds))
    began, spent, failed = time.monotonic(), _processor_s(process), 0
    while len(samples) < int(seconds / every_s):
        await asyncio.sleep(began + (len(samples) + 1) * every_s - time.monotonic())
        took = sorted(load.taken()) or [float("nan")]
        now_spent, now_failed = _processor_s(process), _failures(load)
        samples.append(
            Sample(
                at_s=(len(samples) + 1) * every_s,
                rss_mb=process.memory_info().rss / 1e6,
                descriptors=process.num_fds(),
                threads=process.num_threads(),
                requests=len(took),
                failures=now_failed - failed,
                p50_ms=statistics.median(took),
                p99_ms=took[int(len(took) * 0.99)],
                processor_ms=1000 * (now_spent - spent) / len(took),
            )
        )
        spent, failed = now_spent, now_failed
        if len(samples) % max(1, int(60 / every_s)) == 0:
            last = samples[-1]
            print(
                f"soak: {last.at_s / 60:.0f} min  {last.rss_mb:.0f} MB  {last.descriptors} descriptors  "
                f"p50 {last.p50_ms:.1f} ms  p99 {last.p99_ms:.1f} ms",
                file=sys.stderr,
                flush=True,
            )
    await asking
    return samples


def _processor_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _failures(load: SteadyLoad) -> int:
    return sum(number for status, number in load.statuses.items() if not status.startswith("2"))


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Start, measure, end."""
    with tempfile.TemporaryDirectory(prefix="vigie-soak-") as temporary:
        folder = Path(temporary)
        give_champion(folder / "models")
        api = Api(f"sqlite:///{folder}/vigie.db", folder, folder / "models", VIGIE_API_RATE_PER_MINUTE="0")
        api.start()
        try:
            httpx.get(f"{api.url}/readyz").raise_for_status()
            most, rate = None, options.rate
            if rate is None:
                most = asyncio.run(maximum(api.url))
                rate = most / 2
            print(f"soak: {rate:.0f} requests a second for {options.minutes:g} minutes", file=sys.stderr, flush=True)
            samples = asyncio.run(soak(api, rate, 60 * options.minutes, options.every))
        finally:
            api.kill()
    return {"minutes": options.minutes, "maximum": most, "rate": rate, "samples": samples, "faults": faults(samples)}


def main() -> int:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0, help="how long (default: 60)")
    parser.add_argument("--rate", type=float, default=None, help="requests a second (default: half of the maximum)")
    parser.add_argument("--every", type=float, default=10.0, metavar="S", help="seconds between samples (default: 10)")
    parser.add_argument("--picture", type=Path, default=None, metavar="FILE", help="draw it into a PNG")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout instead of the table")
    options = parser.parse_args()
    # SIGTERM ends like Ctrl-C: through the `finally` that ends the API.
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    found = run(options)
    samples: list[Sample] = found["samples"]
    if options.picture:
        draw(samples, options.picture, f"{found['rate']:.0f} requests/s, {options.minutes:g} minutes")
    if options.json:
        print(json.dumps(found | {"samples": [asdict(sample) for sample in samples]}))
    else:
        print(table(samples))
        print(f"\nMemory after the warm-up: {100 * growth(samples, lambda sample: sample.rss_mb):+.1f} %.")
        print("; ".join(found["faults"]) or "Flat.")
    return 1 if found["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())
