"""The runs that MLflow knows, best accuracy first among those with the same held-out rows."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from vigie_trainer.scoring.metrics import CLASSES
from vigie_trainer.tracking.store import Store, translated
from vigie_trainer.tracking.versions import CHAMPION, Version, all_versions

if TYPE_CHECKING:
    from mlflow.entities import Run

_METRICS = (
    "accuracy",
    "balanced_accuracy",
    "roc_auc",
    "f1_macro",
    *(f"{metric}_{name}" for name in CLASSES for metric in ("precision", "recall", "f1", "support")),
    "log_loss",
    "brier",
    "ece",
)
_TIMINGS = ("fit_s", "predict_s", "artifact_mb")
_PAGE = 500


def leaderboard(store: Store) -> dict[str, Any]:
    """The document of `vigie leaderboard --json`."""
    versions = {version.run_id: version for version in all_versions(store)}
    champion = next((one for one in versions.values() if CHAMPION in one.aliases), None)
    with translated(store.uri):
        rows = [row(run, versions.get(run.info.run_id)) for run in _finished_runs(store)]
    return {"runs": ranked(rows), "champion": champion.document() if champion else None}


def ranked(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Group rows by held-out digest, the group with the newest run first; in a group, the best accuracy first."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for one in sorted(rows, key=lambda one: str(one["ended_at"]), reverse=True):
        groups.setdefault(one["heldout_digest"], []).append(one)
    return [one for group in groups.values() for one in sorted(group, key=_worth, reverse=True)]


def row(run: "Run", version: Version | None) -> dict[str, Any]:
    """The entry of one run."""
    from datetime import UTC, datetime

    tags, values = run.data.tags, run.data.metrics
    found = {name: values.get(name) for name in _METRICS}
    for name in CLASSES:
        support = found[f"support_{name}"]
        found[f"support_{name}"] = None if support is None else int(support)
    ended = datetime.fromtimestamp((run.info.end_time or run.info.start_time) / 1000, UTC)
    return {
        "recipe": tags["vigie.recipe"],
        "run_id": run.info.run_id,
        "version": version.number if version else None,
        "dataset": {
            "name": tags.get("vigie.dataset"),
            "rows": int(tags["vigie.rows"]) if tags.get("vigie.rows", "").isdecimal() else None,
            "digest": tags.get("vigie.data_digest"),
            "synthetic": tags.get("vigie.synthetic") == "true",
        },
        "heldout_digest": tags["vigie.heldout_digest"],
        **{name: values.get(name) for name in _TIMINGS},
        "metrics": found,
        "aliases": list(version.aliases) if version else [],
        "gate": version.tags.get("vigie.gate") if version else None,
        "ended_at": ended.isoformat(timespec="seconds").replace("+00:00", "Z"),
    }


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
