"""What is asked of a bulk scoring and what came of it: the contract between `vigie score` and its engines."""

from dataclasses import dataclass
from pathlib import Path

from vigie_model import MAX_TEXT_LENGTH

STANDARD = "-"
"""As input: standard input; as output: standard output."""
VERDICT_COLUMNS = ("sentiment", "score", "confidence", "uncertain", "language")
"""What is said of a text, in the order of `vigie_model.Prediction`; null when the row has an error."""
ERROR_COLUMN = "error"
"""Why a row has no verdict, one sentence; null when it has one."""


@dataclass(frozen=True)
class ScoreJob:
    """Posts to score.

    Attributes:
        input: a file, `-`, or what else the engine reads (a folder, an address such as s3a://bucket/key).
        output: the same, to be written.
        artifact: folder of the model.
        text_column: name of the column of the texts; None for the first of text, comment, tweet.
        keep: other columns to copy to the output, in this order. A column `id` is copied without being named.
        workers: processes that score at the same time; None for one a core.
        overwrite: replace an output that is there, and forget what an interrupted run had done.
        max_text_chars: longest text that is scored; a longer one gets an error.
    """

    input: str
    output: str
    artifact: Path
    text_column: str | None = None
    keep: tuple[str, ...] = ()
    workers: int | None = None
    overwrite: bool = False
    max_text_chars: int = MAX_TEXT_LENGTH


@dataclass(frozen=True)
class ScoreReport:
    """What came of a job.

    Attributes:
        rows: rows of the input; each is one of the output, in the same order where the engine keeps one.
        scored: those with a verdict.
        refused: those with an error instead. scored + refused = rows.
        resumed: of the rows, those that an interrupted run had done already.
        seconds: wall-clock time of this run.
        output: where the result is.
    """

    rows: int
    scored: int
    refused: int
    resumed: int
    seconds: float
    output: str
