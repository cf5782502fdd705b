"""What the cluster's workers do with a batch, without a cluster."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

import vigie_model
from vigie_model.bulk.judging import REMEMBERED_PIECES
from vigie_model.bulk.layout import Wanted
from vigie_trainer.bulk import spark_rows
from vigie_trainer.bulk.spark_rows import CutLines, JudgeChunks, JudgeRows, Shipped
from vigie_trainer.errors import Misuse

from .conftest import ARTIFACT


@pytest.fixture
def shipped(monkeypatch: pytest.MonkeyPatch) -> Shipped:
    """A model that a worker has loaded before."""
    model = vigie_model.load(ARTIFACT)
    monkeypatch.setattr(spark_rows, "_models", {model.digest: model})
    return Shipped("nowhere", model.digest)


def batches(*files: tuple[str, bytes], lines_at_once: int = 2) -> Iterator[pa.RecordBatch]:
    """Files as Spark gives them: a row a line, several files in one task."""
    rows = [(name, line) for name, content in files for line in content.split(b"\n")]
    for start in range(0, len(rows), lines_at_once):
        names, lines = zip(*rows[start : start + lines_at_once], strict=True)
        yield pa.record_batch([pa.array(names), pa.array(lines, pa.binary())], ["file", "value"])


def chunks(cut: CutLines, *files: tuple[str, bytes]) -> pd.DataFrame:
    return pd.concat([batch.to_pandas() for batch in cut(batches(*files))])


def test_files_of_one_task_are_cut_apart_and_rows_are_numbered_within_each(shipped: Shipped) -> None:
    cut = CutLines("csv", Wanted(keep=("date",)))
    frame = chunks(
        cut,
        ("a.csv", b'id,text,date\n7,"two\nlines",May\n8,,June\n9,"broken,July\n10,merci,Aug'),
        ("b.csv", b"date;comment\nMay;nul"),
    )
    (scored,) = JudgeChunks(shipped, ("id", "date"))([frame])
    scored = scored.astype(object).where(scored.notna(), None)

    assert scored[["file", "row", "id", "date"]].values.tolist() == [
        ["a.csv", 1, "7", "May"],
        ["a.csv", 2, "8", "June"],
        ["a.csv", 3, None, None],
        ["a.csv", 4, "10", "Aug"],
        ["b.csv", 1, None, "May"],
    ]
    assert scored["error"].tolist() == [None, "the text is empty", "its quotes make no sense", None, None]
    model = shipped.model()
    expected = [model.predict_one(text).score for text in ("two\nlines", "merci", "nul")]
    assert [score for score in scored["score"] if score is not None] == expected


def test_a_file_without_the_columns_that_are_wanted_is_named() -> None:
    with pytest.raises(Misuse, match=r"^b\.csv: the CSV has no column 'date' to keep"):
        chunks(CutLines("csv", Wanted(keep=("date",))), ("a.csv", b"text,date\nx,y"), ("b.csv", b"text\nx"))


def test_rows_of_parquet_keep_their_order_and_missing_texts_cost_no_others(shipped: Shipped) -> None:
    texts = ["lovely crew", None, " ", "x" * 51, "awful"]
    frame = pd.DataFrame(
        {"file": "c.parquet", "row": range(1, 6), "vigie_text": texts, "id": ["1", None, "3", "4", "5"]}
    )
    (scored,) = JudgeRows(shipped, ("id",), max_chars=50)([frame])

    assert scored["error"].tolist() == [
        None,
        "there is no text",
        "the text is empty",
        "the text has 51 characters; the limit is 50",
        None,
    ]
    assert [verdict is None for verdict in scored["sentiment"]] == [False, True, True, True, False]
    assert scored["row"].tolist() == [1, 2, 3, 4, 5]


def test_a_task_without_rows_has_no_output(shipped: Shipped) -> None:
    assert list(CutLines("ndjson", Wanted())([])) == []
    assert list(JudgeChunks(shipped, ())([])) == []


def test_a_worker_refuses_another_artifact_than_the_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spark_rows, "_models", {})
    monkeypatch.setattr("pyspark.SparkFiles.get", lambda name: str(Path(ARTIFACT)))

    with pytest.raises(vigie_model.ArtifactError, match="the job's is sha256:other"):
        Shipped("model", "sha256:other").model()


def test_a_worker_remembers_as_many_pieces_as_the_local_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spark_rows, "_models", {})
    monkeypatch.setattr("pyspark.SparkFiles.get", lambda name: str(Path(ARTIFACT)))
    remembered: list[int] = []
    monkeypatch.setattr(vigie_model.Model, "remember", lambda self, pieces: remembered.append(pieces))
    shipped = Shipped("model", vigie_model.artifact_digest(ARTIFACT))

    assert shipped.model() is shipped.model()
    assert remembered == [REMEMBERED_PIECES]
