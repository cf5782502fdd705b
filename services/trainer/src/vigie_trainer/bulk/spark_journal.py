"""What a job on Spark is made of, and which of its parts are done: kept beside the result, so that a restart goes on.

    OUTPUT/vigie_part=00000/*.parquet   the rows of a part, committed by Spark at once or not at all
    OUTPUT/_vigie/job.json              the plan: model, columns, input files, and which of them make up each part
    OUTPUT/_vigie/done/00000.json       how many rows the part has; written when the part is whole
    OUTPUT/_SUCCESS                     every part is done

What Spark and pandas read as the result is the parts alone: names that begin with `_` are skipped by both.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from vigie_trainer.bulk.spark_formats import Format, format_of
from vigie_trainer.errors import Misuse

_VERSION = 1
_FOLDER = "_vigie"
PART_COLUMN = "vigie_part"


class Files(Protocol):
    """Where the journal is kept."""

    def exists(self, name: str) -> bool: ...  # noqa: D102 - of a protocol
    def names(self, folder: str) -> list[str]: ...  # noqa: D102
    def read(self, name: str) -> bytes: ...  # noqa: D102
    def write(self, name: str, content: bytes) -> None: ...  # noqa: D102
    def delete(self, name: str) -> None: ...  # noqa: D102


@dataclass(frozen=True)
class InputFile:
    """A file of the input: its address, its size, and when it was last written (milliseconds since 1970)."""

    path: str
    size: int
    modified_ms: int


@dataclass(frozen=True)
class Part:
    """What is done, and done again, as a whole: files of one format that follow one another."""

    number: int
    files: tuple[InputFile, ...]
    format: Format

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True)
class Plan:
    """A job, as it must still be when it goes on after an interruption.

    Attributes:
        artifact: digest of the model.
        text_column, keep, max_text_chars: as in ScoreJob.
        files: of the input, ordered by address.
        ends: for each part, the number of files in it and in the parts before.
    """

    artifact: str
    text_column: str | None
    keep: tuple[str, ...]
    max_text_chars: int
    files: tuple[InputFile, ...]
    ends: tuple[int, ...]

    @property
    def parts(self) -> list[Part]:
        """The parts, in order."""
        starts = (0, *self.ends[:-1])
        return [
            Part(number, self.files[start:end], format_of(self.files[start].path))
            for number, (start, end) in enumerate(zip(starts, self.ends, strict=True))
        ]


@dataclass(frozen=True)
class PartDone:
    """What came of a part: rows written, and how many of them have a verdict."""

    rows: int
    scored: int


def part_ends(files: Sequence[InputFile], part_bytes: int) -> tuple[int, ...]:
    """Cut files into parts of at least `part_bytes`; formats never share one.

    Raises:
        Misuse: a file is of no format that the engine reads.
    """
    ends: list[int] = []
    size = 0
    formats = [format_of(file.path) for file in files]
    for at, file in enumerate(files):
        if size and (size >= part_bytes or formats[at] is not formats[at - 1]):
            ends.append(at)
            size = 0
        size += max(1, file.size)
    return (*ends, len(files))


class Journal:
    """The journal of the job whose result is in the folder `output`."""

    def __init__(self, files: Files, output: str) -> None:
        self._files = files
        self.output = output.rstrip("/")

    def open(self, asked: Plan, *, overwrite: bool) -> tuple[Plan, dict[int, PartDone]]:
        """The plan to follow, and the parts of it that are done: those of an interrupted run of the same job, or none.

        Raises:
            Misuse: the folder holds another job's result, or something that is no result of ours.
        """
        there = self._plan()
        if there is None and self._files.names(self.output):
            raise Misuse(
                f"{self.output} is there already and is no result of a `vigie score` on Spark: name another --output, "
                "or remove it yourself."
            )
        if there is not None and overwrite:
            self._files.delete(self.output)
            there = None
        if there is None:
            self._files.write(self._name("job.json"), _document({"version": _VERSION, **asdict(asked)}))
            return asked, {}
        if differences := _differences(there, asked):
            raise Misuse(
                f"{self.output} holds the result of another job ({', '.join(differences)} changed since): "
                "--overwrite starts anew, another --output keeps both."
            )
        return there, self._done()

    def finish(self, part: Part, done: PartDone) -> None:
        """Note that a part is whole."""
        self._files.write(self._name(f"done/{part.number:05d}.json"), _document(asdict(done)))

    def close(self) -> None:
        """Note that every part is."""
        self._files.write(f"{self.output}/_SUCCESS", b"")

    def folder(self, part: Part) -> str:
        """Where the rows of a part go."""
        return f"{self.output}/{PART_COLUMN}={part.number:05d}"

    def _name(self, name: str) -> str:
        return f"{self.output}/{_FOLDER}/{name}"

    def _plan(self) -> Plan | None:
        name = self._name("job.json")
        if not self._files.exists(name):
            return None
        try:
            read = json.loads(self._files.read(name))
            version = read.pop("version")
            files = tuple(InputFile(**file) for file in read.pop("files"))
            plan = Plan(**{**read, "keep": tuple(read["keep"]), "ends": tuple(read["ends"]), "files": files})
        except (ValueError, TypeError, KeyError, AttributeError):
            version, plan = None, None
        if plan is None or version != _VERSION:
            raise Misuse(f"{name} is not readable by this version: name another --output, or remove {self.output}.")
        return plan

    def _done(self) -> dict[int, PartDone]:
        folder = self._name("done")
        names = [name for name in self._files.names(folder) if name.removesuffix(".json").isdecimal()]
        return {
            int(name.removesuffix(".json")): PartDone(**json.loads(self._files.read(f"{folder}/{name}")))
            for name in names
        }


def _document(content: dict[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode()


def _differences(there: Plan, asked: Plan) -> list[str]:
    """What of a job is not what it was. Parts may differ: they were cut for another cluster, perhaps."""
    names = {
        "artifact": "the model",
        "text_column": "the text column",
        "keep": "the columns to keep",
        "max_text_chars": "the longest text",
        "files": "the input",
    }
    return [said for name, said in names.items() if getattr(there, name) != getattr(asked, name)]
