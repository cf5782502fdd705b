"""The runs that MLflow knows, best accuracy first among those with the same protocol and held-out rows."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vigie_trainer.identity import PROTOCOL
from vigie_trainer.scoring.intervals import wilson
from vigie_trainer.scoring.metrics import CLASSES
from vigie_trainer.scoring.reports import LATENCY_THREADS
from vigie_trainer.tracking.store import Store, translated
from vigie_trainer.tracking.versions import CHAMPION, Version, all_versions

if TYPE_CHECKING:
    from mlflow.entities import Run

_METRICS = (
    "accuracy",
    "accuracy_low",
    "accuracy_high",
    "balanced_accuracy",
    "roc_auc",
    "f1_macro",
    *(f"{metric}_{name}" for name in CLASSES for metric in ("precision", "recall", "f1", "support")),
    "log_loss",
    "brier",
    "ece",
)
_TIMINGS = ("fit_s", "encode_s", "search_s", "predict_s", "artifact_mb", "peak_memory_mb")
_REPORTS = {"manual_test": "manual", "french": "french_calibration"}
_PAGE = 500


def leaderboard(store: Store, protocol: str | None = None) -> dict[str, Any]:
    """The document of `vigie leaderboard --json`.

    Args:
        protocol: leave out the runs of others, and those of none.
    """
    versions = {version.run_id: version for version in all_versions(store)}
    champion = next((one for one in versions.values() if CHAMPION in one.aliases), None)
    with translated(store.uri):
        rows = [row(run, versions.get(run.info.run_id)) for run in _finished_runs(store)]
    rows = [one for one in rows if protocol is None or one["protocol"] == protocol]
    return {"runs": ranked(rows), "champion": champion.document() if champion else None}


def ranked(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Group rows, the group with the newest run first; in a group, the best accuracy first."""
    newest = sorted(rows, key=lambda one: str(one["ended_at"]), reverse=True)
    return [one for group in grouped(newest).values() for one in sorted(group, key=_worth, reverse=True)]


def grouped(rows: Iterable[dict[str, Any]]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Rows that may be compared with each other: by protocol (empty without one) and held-out digest, in order."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for one in rows:
        groups.setdefault((one["protocol"] or "", one["heldout_digest"]), []).append(one)
    return groups


def heading(rows: Sequence[dict[str, Any]]) -> str:
    """What the runs of a group have in common, for people."""
    dataset = rows[0]["dataset"]
    held_out = sum(rows[0]["metrics"][f"support_{name}"] or 0 for name in CLASSES)
    kind = ", synthetic" if dataset["synthetic"] else ""
    protocol = f"Protocol {rows[0]['protocol']}, " if rows[0]["protocol"] else ""
    digest = rows[0]["heldout_digest"].removeprefix("sha256:")[:8]
    return f"{protocol}{dataset['name']}{kind}: {held_out:,} held-out rows ({digest})"


def row(run: "Run", version: Version | None) -> dict[str, Any]:
    """The entry of one run."""
    from datetime import UTC, datetime

    tags, values = run.data.tags, run.data.metrics
    found = {name: values.get(name) for name in _METRICS}
    for name in CLASSES:
        support = found[f"support_{name}"]
        found[f"support_{name}"] = None if support is None else int(support)
    rows = sum(int(found[f"support_{name}"] or 0) for name in CLASSES)
    if found["accuracy_low"] is None and found["accuracy"] is not None and rows:  # a run of before it was logged
        found["accuracy_low"], found["accuracy_high"] = wilson(found["accuracy"] * rows, rows)
    protocol = tags.get(PROTOCOL, "none")
    ended = datetime.fromtimestamp((run.info.end_time or run.info.start_time) / 1000, UTC)
    return {
        "recipe": tags["vigie.recipe"],
        "protocol": None if protocol == "none" else protocol,
        "run_id": run.info.run_id,
        "version": version.number if version else None,
        "dataset": {
            "name": tags.get("vigie.dataset"),
            "rows": int(tags["vigie.rows"]) if tags.get("vigie.rows", "").isdecimal() else None,
            "digest": tags.get("vigie.data_digest"),
            "synthetic": tags.get("vigie.synthetic") == "true",
        },
        "heldout_digest": tags["vigie.heldout_digest"],
        "train_rows": int(tags["vigie.train_rows"]) if "vigie.train_rows" in tags else None,
        **{name: values.get(name) for name in _TIMINGS},
        "latency_ms": _latency(values),
        **{name: _report(values, prefix) for name, prefix in _REPORTS.items()},
        "metrics": found,
        "aliases": list(version.aliases) if version else [],
        "gate": version.tags.get("vigie.gate") if version else None,
        "ended_at": ended.isoformat(timespec="seconds").replace("+00:00", "Z"),
    }


def _latency(values: Mapping[str, float]) -> dict[str, Any] | None:
    if "latency_median_ms" not in values:
        return None
    return {
        "median": values["latency_median_ms"],
        "p95": values.get("latency_p95_ms"),
        "threads": LATENCY_THREADS,
    }


def _report(values: Mapping[str, float], prefix: str) -> dict[str, Any] | None:
    """The figures on another test set, as training logged them."""
    if f"{prefix}_accuracy" not in values:
        return None
    keys = ("accuracy", "low", "high", "balanced_accuracy", "roc_auc")
    found: dict[str, Any] = {"rows": int(values.get(f"{prefix}_rows", 0))}
    found |= {key: values.get(f"{prefix}_{key}") for key in keys}
    if prefix == _REPORTS["french"]:
        found |= {"used_for_calibration": True, "used_for_training": bool(values.get(f"{prefix}_used_for_training"))}
    return found


def _finished_runs(store: Store) -> list["Run"]:
    found: list[Run] = []
    token: str | None = None
    while True:
        page = store.client.search_runs(
            [store.experiment_id()],
            "attributes.status = 'FINISHED' and tags.`vigie.heldout_digest` != ''",
            max_results=_PAGE,
            page_token=token,
        )
        found += list(page)
        token = page.token
        if not token:
            return [run for run in found if "vigie.recipe" in run.data.tags]


def _worth(one: dict[str, Any]) -> float:
    return float(one["metrics"]["accuracy"] or 0.0)
