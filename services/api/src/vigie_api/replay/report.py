"""Episodes as people and programs read them."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from vigie_api.replay.engine import Found


def _time(at_s: int | None) -> str | None:
    return None if at_s is None else datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def line(found: Found) -> str:
    """One episode as one line of JSON; times are RFC 3339 in UTC."""
    return json.dumps(
        {
            "topic": found.topic,
            "onset": _time(found.onset_s),
            "opened_at": _time(found.opened_s),
            "closed_at": _time(found.closed_s),
            "severity": found.severity.value,
            "negatives": found.negatives,
            "expected": round(found.expected, 1),
            "share": round(found.share, 3),
            "terms": found.terms,
        },
        ensure_ascii=False,
    )


def table(episodes: Sequence[Found]) -> str:
    """The episodes for a terminal."""
    if not episodes:
        return "No episode."
    rows: list[tuple[str, ...]] = [
        ("topic", "onset", "opened", "closed", "severity", "negatives", "expected", "share", "terms")
    ]
    rows += [
        (
            found.topic,
            *(_short(at_s) for at_s in (found.onset_s, found.opened_s, found.closed_s)),
            found.severity.value,
            str(found.negatives),
            f"{found.expected:.1f}",
            f"{found.share:.0%}",
            ", ".join(found.terms[:4]),
        )
        for found in episodes
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _short(at_s: int | None) -> str:
    return "open" if at_s is None else datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M")
