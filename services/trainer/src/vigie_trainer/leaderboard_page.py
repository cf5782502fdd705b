"""The leaderboard as one HTML file: bars with intervals, published numbers beside ours, times and sizes."""

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from vigie_trainer.leaderboard import grouped, heading
from vigie_trainer.published import SAMPLES, Published, published, published_for

if TYPE_CHECKING:
    from vigie_trainer.tracking.store import Store

CHANCE = 0.5
_STEP = 0.05
_FULL_RANGE = 0.4  # the axis is never shorter than chance to 0.9


def page(document: Mapping[str, Any]) -> str:
    """The whole page, for a document of `vigie leaderboard --json`: no script, no file beside it, nothing fetched.

    Of several runs of a recipe on the same rows the newest stands there.
    """
    from jinja2 import Environment

    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"seconds": seconds, "figure": figure}
    template = (files("vigie_trainer") / "leaderboard.html.j2").read_text(encoding="utf-8")
    return environment.from_string(template).render(
        groups=[_group(newest(rows)) for rows in grouped(document["runs"]).values()],
        champion=document["champion"],
        published=published(),
    )


def newest(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The newest run of each recipe, in the order of the rows."""
    latest: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row["recipe"] not in latest or str(row["ended_at"]) > str(latest[row["recipe"]]["ended_at"]):
            latest[row["recipe"]] = row
    return [row for row in rows if latest[row["recipe"]] is row]


def seconds(value: float | None) -> str:
    """A time for people: 0.3 s, 42 s, 3.4 min, 2.1 h; a dash when unknown."""
    if value is None:
        return "–"
    if value < 10:
        return f"{value:.1f} s"
    if value < 120:
        return f"{value:.0f} s"
    return f"{value / 60:.1f} min" if value < 5400 else f"{value / 3600:.1f} h"


def figure(value: float | None, digits: int = 4) -> str:
    """A figure for people; a dash when there is none."""
    return "–" if value is None else f"{value:.{digits}f}"


def log_page(store: "Store", document: Mapping[str, Any], text: str) -> str:
    """Record the page and its figures as a run of its own, and return the run's id.

    Raises:
        Unavailable: MLflow went away; the run waits on disk.
    """
    from vigie_trainer.tracking.record import RunDraft
    from vigie_trainer.tracking.sending import send

    draft = RunDraft(store.settings.pending, "leaderboard")
    folder = draft.files / "leaderboard"
    folder.mkdir()
    (folder / "leaderboard.html").write_text(text, encoding="utf-8")
    (folder / "leaderboard.json").write_text(json.dumps(document, ensure_ascii=False, indent=1), encoding="utf-8")
    draft.record.tags = {"vigie.kind": "leaderboard"}
    draft.record.metrics = {"runs": float(len(document["runs"]))}
    return send(store, draft.finish()).run_id


def _group(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What the page shows of runs that may be compared."""
    pairs = [(row, published_for(row["recipe"], row["protocol"])) for row in rows]
    top = _top([_highest(row, other) for row, other in pairs])
    return {
        "heading": heading(rows),
        "axis": [round(CHANCE + _STEP * step, 2) for step in range(round((top - CHANCE) / _STEP) + 1)][::2],
        "place": lambda value: f"{100 * _place(value, top):.2f}",
        "runs": [{"row": row, "published": other, "other": _elsewhere(row, other)} for row, other in pairs],
        "reports": any(row["manual_test"] or row["french"] for row in rows),
    }


def _elsewhere(row: dict[str, Any], other: Published | None) -> bool:
    """Whether the published result is from a sample unlike the rows of this run."""
    return other is not None and other.sample != SAMPLES.get(row["protocol"] or "")


def _highest(row: dict[str, Any], other: Published | None) -> float:
    values = (row["metrics"]["accuracy"], row["metrics"]["accuracy_high"], other.accuracy if other else None)
    return max((value for value in values if value is not None), default=CHANCE)


def _top(values: list[float]) -> float:
    """The end of the axis: a whole number of steps beyond the largest value, an even one so that it is labelled."""
    steps = max(round(_FULL_RANGE / _STEP), -int(-(max(values) - CHANCE) // _STEP))
    return min(1.0, CHANCE + _STEP * (steps + steps % 2))


def _place(value: float, top: float) -> float:
    """Where a value stands between chance and the end of the axis, in [0, 1]."""
    return min(1.0, max(0.0, (value - CHANCE) / (top - CHANCE)))
