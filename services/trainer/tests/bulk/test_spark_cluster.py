"""`vigie score --engine spark` on a real cluster whose machines and driver are killed while it works."""

import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from vigie_trainer.bulk.job import ERROR_COLUMN, VERDICT_COLUMNS, ScoreJob
from vigie_trainer.bulk.local import score_locally
from vigie_trainer.bulk.spark_standalone import StandaloneCluster
from vigie_trainer.cli.terminal import Terminal

from .conftest import ARTIFACT, GENEROUS_S, until

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("spark"), pytest.mark.timeout(1500)]
WORDS = ["the", "flight", "crew", "great", "lovely", "late", "awful", "lost", "retard", "merci", "parfait", "nul", ":)"]
SAID = ("row", *VERDICT_COLUMNS, ERROR_COLUMN)
# As the command, with parts so small that there are several.
IN_SMALL_PARTS = """
import sys
from pathlib import Path
from vigie_trainer.bulk.job import ScoreJob
from vigie_trainer.bulk.spark import score_with_spark
given, output, artifact, master = sys.argv[1:]
report = score_with_spark(ScoreJob(given, output, Path(artifact)), master=master, part_bytes=1)
print(report.rows, report.scored, report.refused, report.resumed)
"""


def posts(count: int, seed: int) -> list[str]:
    chosen = random.Random(seed)
    return [" ".join(chosen.choices(WORDS, k=chosen.randint(3, 14))) for _ in range(count)]


def csv_of(texts: list[str]) -> bytes:
    """A CSV with every kind of row that cannot be scored among those that can."""
    rows = [f'{number},"{text}"' for number, text in enumerate(texts)]
    rows[3:3] = ["a,", "b,one,too many", 'c,"no end', 'd,"a line\nbreak"', "e," + "x" * 10_001]
    return "\n".join(["id,text", *rows]).encode() + b"\nf,\xff\xfe bytes\n"


@contextmanager
def started(cluster: StandaloneCluster, given: Path, output: Path) -> Iterator[subprocess.Popen[str]]:
    """The driver, which does not outlive its test: it would keep the cluster's cores."""
    arguments = [str(given), str(output), str(ARTIFACT), cluster.master]
    with subprocess.Popen(
        [sys.executable, "-c", IN_SMALL_PARTS, *arguments],
        env=cluster.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    ) as driver:  # fmt: skip
        try:
            yield driver
        finally:
            if driver.poll() is None:
                os.killpg(driver.pid, signal.SIGKILL)


def parts_done(output: Path) -> list[str]:
    return sorted(path.name for path in (output / "_vigie/done").glob("0*.json"))


def scored_by_spark(output: Path) -> dict[str, list[dict[str, object]]]:
    """The rows of each input file, by number; fails when one is there twice."""
    table = ds.dataset(output, format="parquet", partitioning="hive").to_table(columns=["file", *SAID])
    rows = table.to_pylist()
    assert max(Counter((row["file"], row["row"]) for row in rows).values()) == 1
    files: dict[str, list[dict[str, object]]] = {}
    for row in sorted(rows, key=lambda row: row["row"]):
        files.setdefault(Path(row.pop("file")).name, []).append(row)
    return files


def scored_here(given: Path, folder: Path) -> list[dict[str, object]]:
    """The same file by the local engine."""
    output = folder / f"{given.name}.parquet"
    score_locally(ScoreJob(str(given), str(output), ARTIFACT, workers=1), Terminal())
    return pq.read_table(output, columns=list(SAID)).to_pylist()


def test_a_job_survives_a_worker_that_dies_in_the_middle_and_has_every_row_once(
    cluster: StandaloneCluster, tmp_path: Path
) -> None:
    given, output = tmp_path / "posts", tmp_path / "scored"
    given.mkdir()
    content = csv_of(posts(6_000, seed=1))
    for number in range(6):
        (given / f"{number}.csv").write_bytes(content)

    with started(cluster, given, output) as job:
        until(lambda: parts_done(output) or job.poll() is not None, "a first part")
        cluster.kill("second")
        done_when_killed = len(parts_done(output))
        out, err = job.communicate(timeout=GENEROUS_S)
    cluster.start_worker("second")

    assert job.returncode == 0, err
    assert done_when_killed < 6, "the worker was killed too late for this test to mean anything"
    assert out.split() == ["36036", "36006", "30", "0"], err
    files = scored_by_spark(output)
    assert sorted(files) == [f"{number}.csv" for number in range(6)]
    expected = scored_here(given / "0.csv", tmp_path)
    assert sum(row["error"] is not None for row in expected) == 5
    for rows in files.values():
        assert rows == expected


def test_a_job_whose_driver_was_killed_goes_on_where_it_stopped(cluster: StandaloneCluster, tmp_path: Path) -> None:
    given, output = tmp_path / "posts", tmp_path / "scored"
    given.mkdir()
    texts = posts(4_000, seed=2)
    (given / "a.csv").write_bytes(csv_of(texts))
    lines = [json.dumps({"id": 2**62 + number, "text": text}) for number, text in enumerate(texts)]
    (given / "b.ndjson").write_text("\n".join([*lines, "no json", '{"text": 3}', "[]"]))
    ids = pa.array([None, *range(2**62, 2**62 + len(texts))])
    pq.write_table(pa.table({"id": ids, "tweet": [None, *texts]}), given / "c.parquet", row_group_size=1_000)

    with started(cluster, given, output) as first:
        until(lambda: parts_done(output) or first.poll() is not None, "a first part")
        os.killpg(first.pid, signal.SIGKILL)
    done = parts_done(output)
    kept = {path: path.stat().st_mtime_ns for name in done for path in parquet_of(output, name)}
    command = [
        Path(sys.executable).with_name("vigie"),
        "score",
        "--engine",
        "spark",
        "--master",
        cluster.master,
        "--json",
    ]
    command += ["--model", ARTIFACT, "--input", given, "--output", output]
    again = subprocess.run(command, env=cluster.environment, capture_output=True, text=True, timeout=GENEROUS_S)

    assert again.returncode == 0, again.stderr
    assert 0 < len(done) < 3, "the driver was killed too late for this test to mean anything"
    report = json.loads(again.stdout)
    assert report["rows"] == 4_006 + 4_003 + 4_001
    assert report["resumed"] == sum(pq.read_metadata(path).num_rows for path in kept)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    files = scored_by_spark(output)
    for name in ("a.csv", "b.ndjson", "c.parquet"):
        assert files[name] == scored_here(given / name, tmp_path)
    # A number over 2**53 among missing ones is still that number.
    table = ds.dataset(output, format="parquet", partitioning="hive").to_table(columns=["file", "row", "id"])
    kept_ids = {(Path(row["file"]).name, row["row"]): row["id"] for row in table.to_pylist()}
    assert kept_ids["c.parquet", 1] is None
    assert kept_ids["c.parquet", 4_001] == str(2**62 + 3_999)


def parquet_of(output: Path, done: str) -> list[Path]:
    return sorted((output / f"vigie_part={done.removesuffix('.json')}").glob("*.parquet"))
