"""`vigie score`: formats in and out, bad rows, and going on where a run was interrupted."""

import csv
import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import vigie_model
from vigie_trainer.bulk.job import ScoreJob
from vigie_trainer.bulk.journal import Journal
from vigie_trainer.bulk.local import _identity
from vigie_trainer.bulk.progress import progress_text

ROWS = [{"id": str(n), "text": "merci" if n % 2 else "worst", "day": "lundi"} for n in range(5_000)]


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "artifact"
    block = vigie_model.Block("word", (1, 1), ["merci", "worst"], np.ones(2))
    vigie_model.save(
        folder,
        recipe="tiny",
        features=vigie_model.TfidfFeatures(vigie_model.Cleaner(vigie_model.CleaningOptions()), [block]),
        head=vigie_model.LinearHead(np.array([3.0, -3.0]), 0.0),
        calibration=vigie_model.Platt(),
        uncertain=(0.4, 0.6),
    )
    return folder


@pytest.fixture(scope="module")
def posts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("posts") / "posts.ndjson.gz"
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in ROWS)
    return path


def test_every_format_says_the_same_of_every_row_in_order(vigie, artifact, posts, tmp_path):
    common = ("--model", str(artifact), "--keep", "day", "--workers", "1")
    report = vigie("score", "--input", posts, "--output", tmp_path / "a.parquet", *common, "--json").document
    assert (report["rows"], report["scored"], report["refused"]) == (5_000, 5_000, 0)
    table = pq.read_table(tmp_path / "a.parquet").to_pylist()
    assert [(row["row"], row["id"], row["day"]) for row in table] == [(n + 1, str(n), "lundi") for n in range(5_000)]
    assert [row["sentiment"] for row in table[:2]] == ["negative", "positive"]
    # The Parquet file is an input, too: its texts are the days now.
    again = ("--text-column", "day", "--model", str(artifact), "--workers", "1")
    assert vigie("score", "--input", tmp_path / "a.parquet", "--output", tmp_path / "b.csv", *again).code == 0
    with (tmp_path / "b.csv").open(encoding="utf-8", newline="") as file:
        cells = list(csv.DictReader(file))
    assert [cells[9]["row"], cells[9]["id"], cells[9]["score"], cells[9]["error"]] == ["10", "9", "0.5", ""]
    assert len(cells) == 5_000


def test_an_interrupted_run_goes_on_and_ends_with_the_bytes_of_a_whole_one(vigie, artifact, posts, tmp_path):
    common = ("--model", str(artifact), "--workers", "1")
    whole, output = tmp_path / "whole.ndjson", tmp_path / "out.ndjson"
    assert vigie("score", "--input", posts, "--output", whole, *common).code == 0
    job = ScoreJob(str(posts), str(output), artifact)
    journal = Journal(output, _identity(job), fresh=True)
    first = json.loads((whole).read_text().splitlines()[0])
    assert first["row"] == 1
    # As after a kill: the first unit is sure, and half a line follows it.
    lines = whole.read_bytes().splitlines(keepends=True)
    unit = next(n for n in range(len(lines)) if _begins_a_unit(posts, n))
    journal.append(b"".join(lines[:unit]), rows=unit)
    journal.sync()
    journal.append(b'{"row": 99')
    journal._file.flush()
    journal.close()
    report = vigie("score", "--input", posts, "--output", output, *common, "--json").document
    assert (report["rows"], report["resumed"]) == (5_000, unit)
    assert output.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["out.ndjson", "whole.ndjson"]


def _begins_a_unit(posts: Path, rows: int) -> bool:
    from vigie_trainer.bulk.reading import opened

    with opened(ScoreJob(str(posts), "-", posts)) as source:
        return rows > 0 and rows + 1 in {unit.first_row for unit in source.units()}


def test_ctrl_c_in_the_middle_keeps_what_is_done_and_the_same_command_ends_with_the_bytes_of_a_whole_run(
    vigie, artifact, tmp_path
):
    posts, output, whole = tmp_path / "posts.csv", tmp_path / "out.ndjson", tmp_path / "whole.ndjson"
    partial = tmp_path / "out.ndjson.partial"
    words = " merci worst" * 40
    posts.write_text("id,text\n" + "".join(f"{n},{n}{words}\n" for n in range(12_000)), encoding="utf-8")
    common = ("score", "--input", posts, "--model", artifact, "--workers", "1")
    # A shell starts what it puts in the background deaf to Ctrl-C, and a test run may be that.
    listening = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    with subprocess.Popen(
        [
            *("nice", "-n", "10"),  # so that we see its first rows long before its last ones
            *(sys.executable, "-c", f"{listening}; from vigie_trainer.cli import main; main()"),
            *map(str, (*common, "--output", output)),
        ],
        start_new_session=True,  # a group of its own, as in a terminal: the command and its processes hear Ctrl-C
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while process.poll() is None and not (partial.exists() and partial.stat().st_size):
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 130, err
    assert "the same command goes on there" in err
    assert "Interrupted; nothing that was finished is lost." in err
    assert "Traceback" not in err
    assert not output.exists()
    noted = json.loads((tmp_path / "out.ndjson.partial.json").read_text())["done"]
    assert 0 < noted["rows"] < 12_000
    assert len(partial.read_bytes()[: noted["size"]].splitlines()) == noted["rows"]

    report = vigie(*common, "--output", output, "--json").document
    assert (report["rows"], report["resumed"]) == (12_000, noted["rows"])
    assert vigie(*common, "--output", whole).code == 0
    assert output.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in tmp_path.glob("*.ndjson*")) == ["out.ndjson", "whole.ndjson"]


def test_another_job_does_not_go_on_with_these_rows(vigie, artifact, posts, tmp_path):
    output = tmp_path / "out.ndjson"
    journal = Journal(output, {"input": "another"}, fresh=True)
    journal.append(b"{}\n", rows=1)
    journal.sync()
    common = ("score", "--input", posts, "--output", output, "--model", str(artifact), "--workers", "1")
    assert "nother run writes" in vigie(*common).err
    journal.close()
    refused = vigie(*common)
    assert refused.code == 2
    assert "--overwrite" in refused.err
    assert vigie(*common, "--overwrite").code == 0
    assert "is there already" in vigie(*common).err


def test_bad_rows_are_written_with_their_error_and_a_file_of_nothing_else_is_exit_2(vigie, artifact, tmp_path):
    bad = tmp_path / "bad.csv"
    bad.write_text('id,text\n1,\n2,"a" b\n', encoding="utf-8")
    done = vigie("score", "--input", bad, "--output", tmp_path / "out.csv", "--model", str(artifact), "--workers", "1")
    assert done.code == 2
    assert "no row that can be scored" in done.err
    assert "its quotes make no sense" in (tmp_path / "out.csv").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--input", "absent.csv", "--output", "o.csv"), "There is no file absent.csv"),
        (("--input", "here.csv", "--output", "o.xlsx"), "must end in"),
        (("--input", "here.csv", "--output", "-", "--json"), "both write to stdout"),
        (("--input", "here.csv", "--output", "o.csv", "--master", "local"), "--engine spark"),
        (("--input", "here.csv", "--output", "o.csv", "--text-column", "x"), "no column 'x'"),
        (("--input", "here.csv", "--output", "o.csv", "--keep", "score"), "cannot be kept"),
        (("--input", ".", "--output", "o.csv"), "is a folder"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_2(vigie, artifact, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    Path("here.csv").write_text("text\nmerci\n", encoding="utf-8")
    done = vigie("score", *arguments, "--model", str(artifact))
    assert done.code == 2
    assert said in done.err or said in done.out
    assert "Traceback" not in done.err
    assert not list(tmp_path.glob("*.partial*"))


def test_progress_tells_rows_rate_share_and_what_is_left():
    assert progress_text(1_200, 1_000, 10.0, 0.5, 0.1) == "1,200 rows, 100 a second, 50%, 12 s left"
    assert progress_text(5, 5, 1.0, None, 0.0) == "5 rows, 5 a second"
