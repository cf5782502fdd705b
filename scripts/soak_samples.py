"""What a soak has measured, whether it is flat, and how that is shown. Pure, but for the picture."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

WARM_UP = 0.2
"""Of the whole time: caches fill, pools open, the allocator settles."""
MEMORY_GROWTH, MEDIAN_DRIFT, TAIL_DRIFT, WORK_DRIFT = 0.05, 0.2, 0.5, 0.2

LATE_THREADS = 2
"""A pool starts a thread when all that it has are busy, for the first time perhaps after an hour."""


@dataclass(frozen=True)
class Sample:
    """One stretch of time, at its end."""

    at_s: float
    rss_mb: float
    descriptors: int
    threads: int
    requests: int
    failures: int
    p50_ms: float
    p99_ms: float
    processor_ms: float
    """Of the API's process, user and system, for each request: what a busy machine does not change much."""


def phases(samples: Sequence[Sample]) -> tuple[Sequence[Sample], Sequence[Sample]]:
    """The first and the last quarter of what comes after the warm-up."""
    whole = samples[int(len(samples) * WARM_UP) :]
    quarter = max(1, len(whole) // 4)
    return whole[:quarter], whole[-quarter:]


def growth(samples: Sequence[Sample], value: Callable[[Sample], float]) -> float:
    """By which share the median of a value grew from the first quarter to the last."""
    first, last = (statistics.median(map(value, part)) for part in phases(samples))
    return last / first - 1


def faults(samples: Sequence[Sample]) -> list[str]:
    """Why it is not flat; empty when it is."""
    first, last = phases(samples)
    limits: tuple[tuple[str, Callable[[Sample], float], float], ...] = (
        ("memory", lambda sample: sample.rss_mb, MEMORY_GROWTH),
        ("the median latency", lambda sample: sample.p50_ms, MEDIAN_DRIFT),
        ("the 99th percentile", lambda sample: sample.p99_ms, TAIL_DRIFT),
        ("processor time a request", lambda sample: sample.processor_ms, WORK_DRIFT),
    )
    said = [
        f"{name} grew by {100 * grown:.1f} %"
        for name, value, limit in limits
        if (grown := growth(samples, value)) > limit
    ]
    counts: tuple[tuple[str, Callable[[Sample], float], int], ...] = (
        ("descriptors", lambda sample: sample.descriptors, 0),
        ("threads", lambda sample: sample.threads, LATE_THREADS),
    )
    for name, count, allowed in counts:
        before, after = (statistics.median(map(count, part)) for part in (first, last))
        if after > before + allowed:
            said.append(f"{name} grew from {before:.0f} to {after:.0f}")
    failed = sum(sample.failures for sample in samples)
    return said + ([f"{failed} requests failed"] if failed else [])


def table(samples: Sequence[Sample], rows: int = 12) -> str:
    """So many stretches of equal length, as Markdown: of each the medians, and the requests in sum."""
    lines = ["| minute | RSS MB | descriptors | threads | requests/s | p50 ms | p99 ms | processor ms/request |"]
    lines.append("|--:|--:|--:|--:|--:|--:|--:|--:|")
    size = max(1, len(samples) // rows)
    every_s = samples[0].at_s
    for start in range(0, len(samples) - size + 1, size):
        part = samples[start : start + size]

        def median(value: Callable[[Sample], float], part: Sequence[Sample] = part) -> float:
            return statistics.median(map(value, part))

        rate = sum(sample.requests for sample in part) / (len(part) * every_s)
        lines.append(
            f"| {part[-1].at_s / 60:.1f} | {median(lambda sample: sample.rss_mb):.1f} "
            f"| {median(lambda sample: sample.descriptors):.0f} | {median(lambda sample: sample.threads):.0f} "
            f"| {rate:.0f} | {median(lambda sample: sample.p50_ms):.2f} | {median(lambda sample: sample.p99_ms):.1f} "
            f"| {median(lambda sample: sample.processor_ms):.3f} |"
        )
    return "\n".join(lines)


def draw(samples: Sequence[Sample], file: Path, title: str) -> None:
    """The same as a small picture."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    minutes = [sample.at_s / 60 for sample in samples]
    figure, panels = plt.subplots(4, 1, sharex=True, figsize=(8, 7), dpi=80)
    drawn: tuple[tuple[str, tuple[tuple[str, list[float]], ...]], ...] = (
        ("RSS, MB", (("", [sample.rss_mb for sample in samples]),)),
        (
            "count",
            (
                ("descriptors", [float(sample.descriptors) for sample in samples]),
                ("threads", [float(sample.threads) for sample in samples]),
            ),
        ),
        ("ms", (("p50", [sample.p50_ms for sample in samples]), ("p99", [sample.p99_ms for sample in samples]))),
        ("processor ms a request", (("", [sample.processor_ms for sample in samples]),)),
    )
    for panel, (label, lines) in zip(panels, drawn, strict=True):
        for name, values in lines:
            panel.plot(minutes, values, label=name or None, linewidth=1)
        panel.set_ylabel(label)
        panel.grid(alpha=0.3)
        if len(lines) > 1:
            panel.legend(loc="center right")
        if label != "ms":
            panel.set_ylim(bottom=0)
        else:
            panel.set_yscale("log")
        panel.axvspan(0, minutes[-1] * WARM_UP, color="grey", alpha=0.15)
    panels[-1].set_xlabel("minutes (grey: warm-up)")
    panels[0].set_title(title)
    figure.tight_layout()
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file)
    plt.close(figure)
