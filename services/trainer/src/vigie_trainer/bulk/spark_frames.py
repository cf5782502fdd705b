"""The Spark side of scoring: a part's files as rows, through the workers' code, with the columns of the output."""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f
from pyspark.sql import types as t

import vigie_model
import vigie_trainer
from vigie_model.bulk.layout import Unreadable, Wanted, text_column
from vigie_trainer.bulk.job import ERROR_COLUMN, VERDICT_COLUMNS, ScoreJob
from vigie_trainer.bulk.spark_formats import Format, expansion
from vigie_trainer.bulk.spark_journal import Part
from vigie_trainer.bulk.spark_rows import (
    CHUNKS_SCHEMA,
    FILE,
    ROW,
    TEXT,
    CutLines,
    JudgeChunks,
    JudgeRows,
    Shipped,
    output_columns,
)
from vigie_trainer.errors import Misuse

_MEBIBYTE = 1024 * 1024
_TASK_BYTES = 32 * _MEBIBYTE
_TASKS_A_CORE = 3
# Smaller files are joined by a shuffle, so that neither tasks nor files of the output are tiny.
_SMALL_FILE_BYTES = 8 * _MEBIBYTE
_BATCH_ROWS = 4_096
_BATCH_BYTES = 2 * _MEBIBYTE


@dataclass(frozen=True)
class Scoring:
    """What all parts of a job share.

    Attributes:
        spark: the session, with model and code shipped to the workers.
        wanted: the text column, and what is kept.
        shipped: the model.
        kept: names of the kept columns and the types that they have in the output.
        slots: tasks that run at the same time.
    """

    spark: SparkSession
    wanted: Wanted
    shipped: Shipped
    kept: tuple[tuple[str, str], ...]
    slots: int

    @classmethod
    def prepared(
        cls, spark: SparkSession, job: ScoreJob, digest: str, parts: Sequence[Part], slots: int, scratch: Path
    ) -> "Scoring":
        """Ship the model and the code to the workers, and fix the columns of the output.

        Args:
            parts: all of the job's, done or not: the columns are those of the whole output.
            scratch: a folder of this job's own, which stays until the session ends.

        Raises:
            Misuse: a column cannot be kept.
        """
        try:
            wanted = Wanted(job.text_column, job.keep, job.max_text_chars)
        except Unreadable as error:
            raise Misuse(str(error)) from None
        if FILE in job.keep:
            raise Misuse(f"the column {FILE!r} cannot be kept: the output has one of that name. Rename it.")
        name = f"vigie-model-{digest[-12:]}"
        # A folder as such reaches the workers of this machine alone; an archive is unpacked wherever one runs.
        spark.sparkContext.addArchive(f"{_packed_model(scratch / f'{name}.zip', job.artifact)}#{name}")
        spark.sparkContext.addPyFile(_packed_code(scratch / "vigie_code.zip"))
        kept = dict.fromkeys(wanted.kept, "string")
        if all(part.format is Format.PARQUET for part in parts):
            for field in spark.read.parquet(parts[0].files[0].path).schema.fields:
                if field.name in kept and not isinstance(field.dataType, t.ArrayType | t.MapType | t.StructType):
                    kept[field.name] = field.dataType.simpleString()
        return cls(spark, wanted, Shipped(name, digest), tuple(kept.items()), slots)

    def rows(self, part: Part) -> DataFrame:
        """The output's rows of a part.

        Raises:
            Misuse: a Parquet file has no such column. The workers raise the same for the other formats, when it runs.
        """
        # A session of its own: how files are cut into tasks is a setting, and two parts run at the same time.
        session = self.spark.newSession()
        for name, value in self._settings(part).items():
            session.conf.set(name, value)
        names = [name for name, _ in self.kept]
        schema = ", ".join(f"{_quoted(name)} {kind}" for name, kind in output_columns(names))
        if part.format is Format.PARQUET:
            judge = JudgeRows(self.shipped, tuple(names), self.wanted.max_chars)
            judged = self._spread(self._parquet(session, part), part).mapInPandas(judge, schema)
        else:
            lines = session.read.option("lineSep", "\n")
            raw = lines.text([file.path for file in part.files]).select(
                f.col("_metadata.file_path").alias(FILE), f.col("value").cast("binary").alias("value")
            )
            cut = CutLines("csv" if part.format is Format.CSV else "ndjson", self.wanted)
            chunks = self._spread(raw.mapInArrow(cut, CHUNKS_SCHEMA), part)
            judged = chunks.mapInPandas(JudgeChunks(self.shipped, tuple(names)), schema)
        kinds = dict(self.kept)
        return judged.select(
            FILE,
            ROW,
            *(_column(name).try_cast(kinds[name]).alias(name) for name in names),
            *VERDICT_COLUMNS,
            ERROR_COLUMN,
        )

    def _settings(self, part: Part) -> dict[str, str]:
        # Text files are read from their start by one task: a record may span lines, and rows have numbers.
        largest = max(file.size for file in part.files)
        whole = part.format is not Format.PARQUET
        return {
            "spark.sql.files.maxPartitionBytes": str(max(largest, _TASK_BYTES) if whole else _TASK_BYTES),
            "spark.sql.files.minPartitionNum": "1",
            "spark.sql.files.openCostInBytes": str(_MEBIBYTE),
            "spark.sql.execution.arrow.maxRecordsPerBatch": str(_BATCH_ROWS),
            "spark.sql.execution.arrow.maxBytesPerBatch": str(_BATCH_BYTES),
            # Kept values travel as text: a time must read the same on each machine.
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.adaptive.enabled": "false",
        }

    def _spread(self, rows: DataFrame, part: Part) -> DataFrame:
        """The rows over enough tasks for every core; as they are, where the files are enough."""
        count = len(part.files)
        if count >= 2 * self.slots and part.size >= count * _SMALL_FILE_BYTES:
            return rows
        size = sum(file.size * expansion(file.path) for file in part.files)
        tasks = max(ceil(size / _TASK_BYTES), min(_TASKS_A_CORE * self.slots, ceil(size / _MEBIBYTE)), 1)
        return rows.repartition(tasks)

    def _parquet(self, session: SparkSession, part: Part) -> DataFrame:
        frame = session.read.parquet(*(file.path for file in part.files))
        text = text_column(frame.columns, self.wanted.text)
        there = f"it has {', '.join(frame.columns[:20])}"
        if text is None:
            asked = f"no column {self.wanted.text!r}" if self.wanted.text else "no column of texts known by its name"
            raise Misuse(f"{part.files[0].path} has {asked}; {there}. Name it with --text-column.")
        for name in self.wanted.keep:
            if name not in frame.columns:
                raise Misuse(f"{part.files[0].path} has no column {name!r} to keep; {there}.")
        types = {field.name: field.dataType for field in frame.schema.fields}
        return frame.select(
            f.col("_metadata.file_path").alias(FILE),
            (f.col("_metadata.row_index") + 1).alias(ROW),
            _column(text).cast("string").alias(TEXT),
            *(
                (_as_text(name, types[name]) if name in types else f.lit(None).cast("string")).alias(name)
                for name, _ in self.kept
            ),
        )


def _as_text(name: str, kind: t.DataType) -> "f.Column":
    """A kept value as text: a number without a value among others would else become a fraction in pandas."""
    if isinstance(kind, t.ArrayType | t.MapType | t.StructType):
        return f.to_json(_column(name))
    return _column(name).cast("string")


def _column(name: str) -> "f.Column":
    return f.col(_quoted(name))


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _packed_model(archive: Path, folder: Path) -> str:
    """An archive of an artifact's files."""
    with zipfile.ZipFile(archive, "w") as packed:
        for path in sorted(folder.iterdir()):
            packed.write(path, path.name)
    return str(archive)


def _packed_code(archive: Path) -> str:
    """An archive of the code that the workers run: the same as here, whatever is installed there."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for package in (vigie_model, vigie_trainer):
            root = Path(str(package.__file__)).parent
            for path in sorted(root.rglob("*.py")):
                packed.write(path, path.relative_to(root.parent))
    return str(archive)
