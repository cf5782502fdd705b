"""Sending pending runs to MLflow so that a killed sender neither loses nor doubles one."""

import io
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vigie_trainer.errors import Unavailable
from vigie_trainer.tracking.pyfunc_model import stamp
from vigie_trainer.tracking.record import PendingRun, RunRecord, pending_runs
from vigie_trainer.tracking.store import Store, transferring, translated
from vigie_trainer.tracking.versions import version_of_run

if TYPE_CHECKING:
    from mlflow.entities import Run

RUN_KEY = "vigie.run_key"
MODEL_NAME = "model"
_METRICS_PER_BATCH = 1_000
_DIGEST_CHARACTERS = 32  # MLflow takes 36; the whole digest is a tag


@dataclass(frozen=True)
class Sent:
    """Where a run is in MLflow."""

    key: str
    name: str
    run_id: str
    version: str | None


def send_pending(store: Store, *, say: Callable[[str], None] | None = None) -> list[Sent]:
    """Send every pending run, oldest first.

    Raises:
        Unavailable: MLflow went away on the way; what is not sent whole stays pending.
    """
    return list(_send_all(store, pending_runs(store.settings.pending), say))


def send(store: Store, run: PendingRun) -> Sent:
    """Send one run and forget its folder once MLflow has all of it.

    Every step may be repeated: the run is found again by its key, metrics carry fixed times, files are overwritten, and
    a model or version that is there already is used.

    Raises:
        Unavailable: MLflow went away, or another process is sending this run.
    """
    sent = next(_send_all(store, [run], None), None)
    if sent is None:
        raise Unavailable(f"run {run.record.name} is being sent by another vigie command.")
    return sent


def _send_all(store: Store, runs: list[PendingRun], say: Callable[[str], None] | None) -> Iterator[Sent]:
    for run in runs:
        with run.claimed() as ours:
            if not ours:
                continue
            if say:
                say(f"Sending run {run.record.name} to MLflow")
            with translated(store.uri):
                sent = _send(store, run)
            run.remove()
        yield sent


def _send(store: Store, run: PendingRun) -> Sent:
    record = run.record
    remote = find_run(store, record.key) or store.client.create_run(
        store.experiment_id(),
        start_time=record.start_ms,
        tags={**record.tags, RUN_KEY: record.key},
        run_name=record.name,
    )
    run_id = remote.info.run_id
    if remote.info.status != "FINISHED":
        _log_values(store, run_id, record)
        with transferring(store.settings):
            store.client.log_artifacts(run_id, str(run.files))
        if run.model.is_dir():
            _log_model(store, run_id, run)
    version = None
    if record.register:
        version = version_of_run(store, run_id) or _register(store, run_id, record)
    if remote.info.status != "FINISHED":
        with redirect_stdout(io.StringIO()):  # it prints links there, where our one document goes
            store.client.set_terminated(run_id, "FINISHED", end_time=record.end_ms)
    return Sent(record.key, record.name, run_id, version)


def find_run(store: Store, key: str) -> "Run | None":
    """The run with this key, when MLflow has it (whole or not)."""
    found = store.client.search_runs([store.experiment_id()], f"tags.`{RUN_KEY}` = '{key}'", max_results=1)
    return found[0] if found else None


def logged_model_id(store: Store, run_id: str) -> str | None:
    """Id of the complete model of a run, or None."""
    from mlflow.entities import LoggedModelStatus

    return next((model.model_id for model in _models(store, run_id) if model.status == LoggedModelStatus.READY), None)


def _log_values(store: Store, run_id: str, record: RunRecord) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param

    store.client.log_batch(run_id, params=[Param(key, value[:6000]) for key, value in record.params.items()])
    values = [Metric(key, value, record.end_ms, 0) for key, value in record.metrics.items()]
    for key, curve in record.curves.items():
        values += [Metric(key, value, record.end_ms, step) for step, value in enumerate(curve, 1)]
    for start in range(0, len(values), _METRICS_PER_BATCH):
        store.client.log_batch(run_id, metrics=values[start : start + _METRICS_PER_BATCH])
    inputs = [
        DatasetInput(
            Dataset(
                name=one["name"],
                digest=one["digest"].removeprefix("sha256:")[:_DIGEST_CHARACTERS],
                source_type="local",
                source=f'{{"uri": "{one["name"]}"}}',
                profile=f'{{"num_rows": {one["rows"]}}}',
            ),
            [InputTag("mlflow.data.context", one["context"])],
        )
        for one in record.datasets
    ]
    if inputs:
        store.client.log_inputs(run_id, inputs)


def _models(store: Store, run_id: str) -> list[Any]:
    return list(store.client.search_logged_models([store.experiment_id()], f"source_run_id = '{run_id}'"))


def _log_model(store: Store, run_id: str, run: PendingRun) -> None:
    from mlflow.entities import LoggedModelOutput

    if logged_model_id(store, run_id):
        return
    started = _models(store, run_id)
    model = (
        started[0]
        if started
        else store.client.create_logged_model(
            store.experiment_id(),
            name=MODEL_NAME,
            source_run_id=run_id,
            tags={"vigie.recipe": run.record.tags.get("vigie.recipe", "")},
            params={key: value[:250] for key, value in list(run.record.params.items())[:50]},
        )
    )
    stamp(run.model, run_id=run_id, model_id=model.model_id, location=model.artifact_location)
    with transferring(store.settings):
        store.client.log_model_artifacts(model.model_id, str(run.model))
    outputs = store.client.get_run(run_id).outputs
    if model.model_id not in [one.model_id for one in (outputs.model_outputs if outputs else [])]:
        # The one step that MLflow refuses to repeat.
        store.client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
    store.client.finalize_logged_model(model.model_id, "READY")


def _register(store: Store, run_id: str, record: RunRecord) -> str:
    from vigie_trainer.tracking.versions import register

    model_id = logged_model_id(store, run_id)
    if model_id is None:
        raise Unavailable(f"run {record.name} has no model in MLflow to register.")
    return register(store, run_id, model_id, record.tags)
