"""`vigie score`."""

import importlib
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vigie_trainer.cli.models import check_model_name
from vigie_trainer.cli.options import Json, TextColumn
from vigie_trainer.cli.terminal import Terminal
from vigie_trainer.errors import Misuse, VigieError

if TYPE_CHECKING:
    from vigie_trainer.bulk.job import ScoreJob, ScoreReport

EXAMPLES = (
    "Examples:  vigie score --input posts.csv.gz --output scored.parquet --keep id,date  |  "
    "zcat posts.ndjson.gz | vigie score --input - --output - > scored.ndjson  |  "
    "vigie score --engine spark --master spark://host:7077 --input s3a://archive/posts --output s3a://archive/scored"
)
_SPARK = "vigie_trainer.bulk.spark"


class Engine(StrEnum):
    """Who does the work."""

    LOCAL = "local"
    SPARK = "spark"


def score(
    input_: Annotated[
        str,
        typer.Option(
            "--input", metavar="FILE", help="CSV or NDJSON (.gz too), or Parquet; - for CSV or NDJSON on stdin."
        ),
    ],
    output: Annotated[
        str,
        typer.Option(
            "--output", metavar="FILE", help="Written as its ending says: .ndjson, .csv or .parquet; - for stdout."
        ),
    ],
    model: Annotated[
        str,
        typer.Option("--model", metavar="MODEL", help="As for vigie predict: an address, a version, or a folder."),
    ] = "models:/sentiment@champion",
    engine: Annotated[Engine, typer.Option("--engine", help="This machine, or a Spark cluster.")] = Engine.LOCAL,
    master: Annotated[
        str | None, typer.Option("--master", metavar="URL", help="The Spark cluster, for example spark://host:7077.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=1, max=256, help="Processes of the local engine; one a core."),
    ] = None,
    text_column: TextColumn = None,
    keep: Annotated[
        str, typer.Option("--keep", metavar="NAMES", help="Columns to copy to the output: date,topic. An id always is.")
    ] = "",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the output, and forget what an interrupted run had done.")
    ] = False,
    json_output: Json = False,
) -> None:
    """Score a file of any size in constant memory: one row of output for each of the input, in order.

    A row that cannot be scored gets an error instead of a verdict, and is counted. What is done is kept beside the
    output in FILE.partial; the output appears when it is whole. The same command again goes on where an interrupted
    one stopped (not from stdin, nor to stdout).
    """
    from vigie_trainer.bulk.job import STANDARD, ScoreJob

    if master is not None and engine is not Engine.SPARK:
        raise Misuse("--master names a Spark cluster: it needs --engine spark.")
    if json_output and output == STANDARD:
        raise Misuse("--json and --output - would both write to stdout; name a file.")
    terminal = Terminal(json_output)
    run = _engine(engine, master, terminal)
    check_model_name(model)
    folder, uri, version = _find(model, terminal)
    described = _described(folder)
    job = ScoreJob(
        input=input_,
        output=output,
        artifact=folder,
        text_column=text_column,
        keep=tuple(name for name in (part.strip() for part in keep.split(",")) if name),
        workers=workers,
        overwrite=overwrite,
    )
    report = run(job)
    rate = (report.rows - report.resumed) / report.seconds if report.seconds else 0.0
    terminal.emit(
        {
            "engine": engine.value,
            "input": input_,
            "output": report.output,
            "rows": report.rows,
            "scored": report.scored,
            "refused": report.refused,
            "resumed": report.resumed,
            "seconds": round(report.seconds, 3),
            "rows_per_s": round(rate, 1),
            "model": {"uri": uri, "version": version, **described},
        }
    )
    terminal.say(
        f"{report.scored:,} rows scored, {report.refused:,} refused, in {report.seconds:,.1f} s ({rate:,.0f} rows/s)"
        + (f"; {report.resumed:,} were done before" if report.resumed else "")
        + (f": {report.output}" if report.output != STANDARD else "")
    )
    if not report.scored:
        raise Misuse(
            f"{input_} has no row that can be scored" + (f"; {report.output} says why." if report.rows else ".")
        )


def _engine(engine: Engine, master: str | None, terminal: Terminal) -> "Callable[[ScoreJob], ScoreReport]":
    """The engine, as a function.

    Raises:
        Misuse: Spark is not installed.
    """
    if engine is Engine.SPARK:
        try:
            spark = importlib.import_module(_SPARK)
        except ModuleNotFoundError as error:
            if error.name not in (_SPARK, "pyspark", "py4j"):
                raise
            raise Misuse("the Spark engine is not installed; install it with: uv sync --extra spark") from None
        return lambda job: spark.score_with_spark(job, master=master)
    from vigie_trainer.bulk.local import score_locally

    return lambda job: score_locally(job, terminal)


def _find(model: str, terminal: Terminal) -> tuple[Path, str, str | None]:
    """The artifact folder of a model, its address and its version."""
    from vigie_trainer.cli.session import open_store, read_settings
    from vigie_trainer.models import find_model

    settings = read_settings()
    found = find_model(model, settings, lambda: open_store(settings, terminal))
    return found.folder, found.uri, found.version


def _described(folder: Path) -> dict[str, str]:
    """Recipe and digest of an artifact, verified.

    Raises:
        VigieError: it is damaged.
    """
    import vigie_model
    from vigie_model.artifact import read_artifact

    try:
        manifest, _, digest = read_artifact(folder)
    except vigie_model.ArtifactError as error:
        raise VigieError(f"the model in {folder} cannot be loaded: {error}") from None
    return {"recipe": manifest.recipe, "digest": digest}
