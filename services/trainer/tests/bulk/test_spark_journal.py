"""What a restarted job takes over, and what it refuses to touch."""

from dataclasses import replace
from pathlib import Path

import pytest

from vigie_trainer.bulk.spark_journal import InputFile, Journal, PartDone, Plan, part_ends
from vigie_trainer.errors import Misuse


class Disk:
    """Files of this machine, as the journal asks for them."""

    def exists(self, name: str) -> bool:
        return Path(name).exists()

    def names(self, folder: str) -> list[str]:
        return [path.name for path in Path(folder).iterdir()] if Path(folder).exists() else []

    def read(self, name: str) -> bytes:
        return Path(name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(content)

    def delete(self, name: str) -> None:
        folder = Path(name)
        for path in sorted(folder.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        folder.rmdir()


FILES = tuple(InputFile(f"s3a://archive/posts/{number}.csv", 100, 1) for number in range(5))
PLAN = Plan("sha256:aa", None, ("date",), 10_000, FILES, part_ends(FILES, 200))


def journal(folder: Path) -> Journal:
    return Journal(Disk(), str(folder / "scored"))


def test_files_are_cut_into_parts_that_never_mix_formats() -> None:
    mixed = (
        *FILES[:3],
        InputFile("s3a://archive/posts/3.parquet", 100, 1),
        InputFile("s3a://archive/x.jsonl.gz", 9, 1),
    )

    assert PLAN.ends == (2, 4, 5)
    assert part_ends(mixed, 10_000) == (3, 4, 5)
    assert [part.format for part in replace(PLAN, files=mixed, ends=(3, 4, 5)).parts] == ["csv", "parquet", "ndjson"]


def test_a_restart_knows_what_is_done_even_when_it_would_cut_the_input_otherwise(tmp_path: Path) -> None:
    assert journal(tmp_path).open(PLAN, overwrite=False) == (PLAN, {})
    journal(tmp_path).finish(PLAN.parts[1], PartDone(rows=40, scored=39))

    assert journal(tmp_path).open(replace(PLAN, ends=(5,)), overwrite=False) == (PLAN, {1: PartDone(40, 39)})


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"artifact": "sha256:bb"}, "the model"),
        ({"files": FILES[:4]}, "the input"),
        ({"text_column": "comment"}, "the text column"),
        ({"keep": ()}, "the columns to keep"),
    ],
)
def test_another_job_is_refused_until_it_says_overwrite(tmp_path: Path, changed: dict, said: str) -> None:
    journal(tmp_path).open(PLAN, overwrite=False)
    journal(tmp_path).finish(PLAN.parts[0], PartDone(40, 40))
    other = replace(PLAN, **changed)

    with pytest.raises(Misuse, match=f"another job \\({said} changed since\\): --overwrite"):
        journal(tmp_path).open(other, overwrite=False)
    assert journal(tmp_path).open(other, overwrite=True) == (other, {})


def test_a_folder_that_is_no_result_of_ours_is_never_removed(tmp_path: Path) -> None:
    (tmp_path / "scored").mkdir()
    (tmp_path / "scored/thesis.tex").write_text("years of work")

    with pytest.raises(Misuse, match="is no result of a `vigie score` on Spark"):
        journal(tmp_path).open(PLAN, overwrite=True)
    assert (tmp_path / "scored/thesis.tex").exists()


def test_a_journal_of_another_version_is_not_guessed_at(tmp_path: Path) -> None:
    Disk().write(str(tmp_path / "scored/_vigie/job.json"), b'{"version": 9}')

    with pytest.raises(Misuse, match="not readable by this version"):
        journal(tmp_path).open(PLAN, overwrite=False)


def test_a_file_of_no_known_format_is_named() -> None:
    with pytest.raises(Misuse, match=r"posts/readme\.md is neither CSV, NDJSON nor Parquet"):
        part_ends([InputFile("posts/a.csv", 9, 1), InputFile("posts/readme.md", 9, 1)], 1)
