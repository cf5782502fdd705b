"""`vigie drift`."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vigie_trainer.cli.options import Json
from vigie_trainer.cli.terminal import Terminal, number
from vigie_trainer.errors import Misuse, Unavailable, VigieError

if TYPE_CHECKING:
    from vigie_model import Reference
    from vigie_trainer.drift.report import Measure
    from vigie_trainer.settings import Settings
    from vigie_trainer.tracking.store import Store
    from vigie_trainer.tracking.versions import Version

EXAMPLES = (
    "Examples:  vigie drift  |  vigie drift --since 2026-11-01T00:00:00Z --html drift.html --json  |  "
    "vigie drift --sample 16 --threshold 0.1"
)
FEWEST = 200
MOST = 50_000
_DAYS = 7


def drift(
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help="Predictions made from then on (RFC 3339). Default: 7 days ago."),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="Predictions made before then (RFC 3339).")
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write the report here too.")] = None,
    threshold: Annotated[
        float, typer.Option("--threshold", metavar="N", min=0.0, max=1.0, help="From which value on a measure drifted.")
    ] = 0.25,
    sample: Annotated[
        int,
        typer.Option("--sample", metavar="N", help=f"One prediction in 1, 16, 256 or 4096; {MOST:,} are read at most."),
    ] = 1,
    no_log: Annotated[bool, typer.Option("--no-log", help="Do not record the report in MLflow.")] = False,
    json_output: Json = False,
) -> None:
    """Report how far the champion's live predictions are from the rows that travel with it.

    The predictions come from the API (VIGIE_TRAINER_API_URL, VIGIE_TRAINER_API_KEY). Population stability index for
    numbers, Jensen-Shannon distance for categories, by Evidently. Exit 0 whether there is drift or not: --json says
    "drift". The report is logged as a run of its own.
    """
    from vigie_trainer.cli.session import open_store, read_settings
    from vigie_trainer.drift.columns import live_columns, reference_columns
    from vigie_trainer.retraining.pulling import pull_export
    from vigie_trainer.tracking.versions import CHAMPION, by_alias

    terminal = Terminal(json_output)
    if sample not in (1, 16, 256, 4_096):
        raise Misuse("--sample is 1, 16, 256 or 4096.")
    settings = read_settings()
    store = open_store(settings, terminal)
    champion = by_alias(store, CHAMPION)
    if champion is None:
        raise VigieError("there is no champion yet: `vigie bootstrap` or `vigie promote VERSION` makes one.")
    reference = _reference(store, champion)
    start = since or (datetime.now(UTC) - timedelta(days=_DAYS)).isoformat(timespec="seconds").replace("+00:00", "Z")
    limits = {"model_version": champion.number, "since": start, "sample": str(sample)}
    with terminal.working("Drift") as progress:
        progress("reading predictions", 0.0)
        found = pull_export(
            settings,
            "predictions",
            limits | ({} if until is None else {"until": until}),
            thing="predictions",
            say=terminal.say,
            most=MOST,
        )
        if len(found) == MOST:
            terminal.warn(
                f"Only the newest {MOST:,} predictions were read; --sample 16 takes one in 16 of all of them."
            )
        live = live_columns(found, reference)
        rows = len(live["score"])
        if rows < FEWEST:
            raise VigieError(
                f"version {champion.number} made {rows:,} predictions since {start}; {FEWEST} are needed to tell drift "
                "from chance."
            )
        progress("loading Evidently and comparing", 0.3)
        from vigie_trainer.drift.report import compare

        measures, page = compare(reference_columns(reference), live, threshold)
        progress("done", 1.0)
    if html is not None:
        try:
            html.parent.mkdir(parents=True, exist_ok=True)
            html.write_text(page, encoding="utf-8")
        except OSError as error:
            raise Unavailable(f"{html} cannot be written: {error.strerror or error}.") from None
    run_id = None if no_log else _log(settings, store, champion, measures, page, rows)
    drifted = any(one.drift for one in measures)
    terminal.emit(
        {
            "model": champion.document(),
            "since": start,
            "until": until,
            "predictions": rows,
            "reference_rows": len(reference.sample["score"]),
            "measures": [one.document() for one in measures],
            "drift": drifted,
            "html": None if html is None else str(html),
            "run_id": run_id,
        }
    )
    terminal.table(
        f"Version {champion.number} ({champion.recipe}), {rows:,} predictions since {start}",
        [("column", False), ("statistic", False), ("value", True), ("threshold", True), ("drift", False)],
        [
            (one.name, one.statistic, number(one.value), number(one.threshold, 2), "yes" if one.drift else "no")
            for one in measures
        ],
    )
    where = "" if html is None else f" The report is in {html}."
    terminal.result(f"{'Live traffic has drifted.' if drifted else 'No drift.'}{where}")


def _reference(store: "Store", champion: "Version") -> "Reference":
    """The statistics that travel with the champion.

    Raises:
        VigieError: it carries none. Unavailable: its files cannot be had.
    """
    from vigie_model import ArtifactError, load, read_reference
    from vigie_trainer.models import download

    try:
        found = read_reference(load(download(store, champion.source)).manifest.reference)
    except ArtifactError as error:
        raise VigieError(f"version {champion.number} cannot be loaded: {error}") from None
    if found is None or not found.sample:
        raise VigieError(
            f"version {champion.number} was trained before rows to compare with travelled with a model; train it again."
        )
    return found


def _log(
    settings: "Settings", store: "Store", champion: "Version", measures: "list[Measure]", page: str, rows: int
) -> str:
    """Record the report as a run of its own; it waits on disk when MLflow goes away.

    Raises:
        Unavailable: MLflow does not answer.
    """
    from vigie_trainer.tracking.record import RunDraft
    from vigie_trainer.tracking.sending import send

    draft = RunDraft(settings.pending, f"drift of version {champion.number}")
    (draft.files / "drift.html").write_text(page, encoding="utf-8")
    tags: dict[str, Any] = {
        "vigie.kind": "drift",
        "vigie.version": champion.number,
        "vigie.drift": str(any(one.drift for one in measures)).lower(),
    }
    draft.record.tags = tags
    draft.record.metrics = {"predictions": float(rows)} | {f"drift_{one.name}": one.value for one in measures}
    run = draft.finish()
    try:
        return send(store, run).run_id
    except VigieError as error:
        raise type(error)(f"{error} The record of the report waits in {settings.pending}.") from None
