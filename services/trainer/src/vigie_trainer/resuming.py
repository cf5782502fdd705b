"""Finding the runs that make a training needless: those in MLflow, and those that wait on disk."""

from pathlib import Path
from typing import Any

from vigie_trainer.identity import CODE, TRAIN, Identity
from vigie_trainer.leaderboard import row
from vigie_trainer.tracking.record import pending_runs
from vigie_trainer.tracking.store import Store, translated
from vigie_trainer.tracking.versions import version_of_run

_PAGE = 500


def known_run(store: Store | None, pending: Path, wanted: Identity) -> dict[str, Any] | None:
    """The row of the newest finished run of a training, or None.

    Args:
        store: None while MLflow is away; then only what waits on disk is known.

    Raises:
        Unavailable: MLflow went away.
    """
    for waiting in reversed(pending_runs(pending)):
        if wanted.is_of(waiting.record.tags):
            return waiting.record.row | {"pending": True, "skipped": True}
    if store is None:
        return None
    with translated(store.uri):
        runs = store.client.search_runs(
            [store.experiment_id()],
            f"attributes.status = 'FINISHED' and tags.`{TRAIN}` = '{wanted.tags[TRAIN]}' "
            f"and tags.`{CODE}` = '{wanted.tags[CODE]}'",
            order_by=["attributes.start_time DESC"],
            max_results=_PAGE,
        )
    found = next((run for run in runs if wanted.is_of(run.data.tags)), None)
    if found is None:
        return None
    number = version_of_run(store, found.info.run_id)
    return row(found, None) | {"version": number, "pending": False, "skipped": True}
