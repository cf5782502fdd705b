import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.main import get_command

from vigie_trainer.cli import app
from vigie_trainer.cli.terminal import Terminal, line_list, number
from vigie_trainer.settings import Settings

COMMANDS = [
    (),
    ("data",),
    *((name,) for name in ("train", "leaderboard", "evaluate", "predict", "score", "promote", "rollback")),
    *((name,) for name in ("bootstrap", "retrain", "drift")),
    *(("data", name) for name in ("fetch", "protocol", "clean", "report", "demo")),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(vigie, command: tuple[str, ...]) -> None:
    done = vigie(*command, "--help")
    assert done.code == 0
    assert " ".join(["vigie", *command]) in done.out


def test_the_commands_are_those_of_the_design() -> None:
    group = get_command(app)
    assert set(group.commands) == {  # type: ignore[attr-defined]  # a group has commands
        "data",
        "train",
        "leaderboard",
        "evaluate",
        "predict",
        "score",
        "promote",
        "rollback",
        "bootstrap",
        "retrain",
        "drift",
    }


def test_help_imports_none_of_the_heavy_libraries() -> None:
    script = (
        "import sys; sys.argv = ['vigie', '--help']\n"
        "from vigie_trainer.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'mlflow', 'sklearn', 'pandas', 'matplotlib', 'numpy', 'lightgbm', 'httpx'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("train",), "Missing argument"),
        (("train", "tfidf_nonsense"), "no recipe 'tfidf_nonsense'"),
        (("train", "absent.yaml"), "no recipe 'absent.yaml'"),
        (("train", "tfidf_logreg", "--data", "absent.csv"), "There is no file absent.csv"),
        (("train", "tfidf_logreg", "--sample", "3"), "--sample"),
        (("train", "tfidf_logreg", "--labels", "good,bad"), "--labels"),
        (("train", "tfidf_logreg", "--no-such-option"), "No such option"),
        (("nonsense",), "No such command"),
        (("evaluate", "--data", "absent.csv"), "There is no file absent.csv"),
        (("evaluate", "--data", "absent.csv", "--model", "zzz"), "names no model"),
        (("evaluate",), "Missing option"),
        (("predict",), "give either texts or --file"[1:]),
        (("predict", " "), "empty"),
        (("predict", "x" * 10_001), "10,001 characters"),
        (("predict", "a\udcffb"), "not UTF-8"),
        (("predict", "x", "--model", "."), "holds no Vigie artifact"),
        (("predict", "--file", "absent.csv"), "There is no file"),
        (("promote", "zzz"), "names no model"),
        (("data", "clean", "--out", "x.csv", "--recipe", "nope"), "no recipe 'nope'"),
    ],
)
def test_misuse_is_exit_2_with_one_clear_sentence(vigie, arguments: tuple[str, ...], said: str) -> None:
    done = vigie(*arguments)
    assert done.code == 2, done
    assert said in re.sub(r"\s+", " ", done.err)
    assert "Traceback" not in done.err
    assert done.out == ""
    in_json = vigie(*arguments, "--json")
    assert in_json.code == 2
    assert said in in_json.document["error"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("label,text\n9,x\n", "more than one way"),
        ("label,text\nbanana,x\n", "no usable row"),
        ("label,text\n" + "".join(f"1,post {at}\n" for at in range(30)), "only positive rows"),
        ("label,text\n0,a\n1,b\n", "data.csv has 2 usable rows; training needs at least 10"),
        ("label,text\n0,caf\udce9\n", "1 with bytes that are not UTF-8"),
    ],
)
def test_data_that_cannot_be_trained_on_is_exit_2(
    vigie, tmp_path: Path, tiny_recipe: Path, content: str, said: str
) -> None:
    path = tmp_path / "data.csv"
    path.write_text(content, errors="surrogateescape")
    done = vigie("train", tiny_recipe, "--data", path, "--json")
    assert done.code == 2
    assert said in done.err
    assert said in done.document["error"]


def test_a_setting_that_is_not_valid_is_named(vigie, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIE_TRAINER_THREADS", "many")
    done = vigie("leaderboard")
    assert done.code == 2
    assert "VIGIE_TRAINER_THREADS" in done.err


def test_an_error_that_nobody_foresaw_is_one_sentence_and_its_trace_is_in_the_log(
    vigie, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path) -> int:
        raise RuntimeError("the moon\nfell down")

    monkeypatch.setattr("vigie_trainer.data.demo.write_demo", fail)
    done = vigie("data", "demo", "x.csv", "--json")
    assert done.code == 1
    assert "RuntimeError: the moon" in done.err
    assert "Traceback" not in done.err
    assert "Traceback" in (home / "logs" / "trainer.log").read_text()
    assert done.document["error"]


def test_every_setting_says_what_it_is() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_line_numbers_are_short_to_read() -> None:
    assert line_list([3, 4, 5, 9]) == "lines 3–5, 9"
    assert line_list([7]) == "line 7"
    assert line_list(list(range(1, 60, 2))).endswith("23 and 18 more")
    assert number(None) == "–"
    assert number(0.12345) == "0.1235"  # rounded half to even would say 0.1234 or 0.1235


def test_a_log_gets_a_line_for_each_step_and_no_bar(capfd: pytest.CaptureFixture[str]) -> None:
    with Terminal().working("Reading") as report:
        report("first", 0.1)
        report("first", 0.2)
        report("second", 0.9)
    assert capfd.readouterr().err.splitlines() == ["Reading: first", "Reading: second"]


def test_ctrl_c_says_what_is_kept_and_leaves_no_half_run(home: Path, tmp_path: Path, tiny_recipe: Path) -> None:
    slow = tmp_path / "tfidf_slow.yaml"
    grid = ", ".join(str(0.01 * step) for step in range(1, 200))
    slow.write_text(
        tiny_recipe.read_text()
        .replace("tfidf_tiny", "tfidf_slow")
        .replace("search: {folds: 2}", f"search: {{folds: 10, grid: {{classifier.C: [{grid}]}}}}")
    )
    environment = {**os.environ, "VIGIE_HOME": str(home), "VIGIE_TRAINER_MLFLOW_URI": "http://127.0.0.1:1"}
    # A shell starts what it puts in the background deaf to Ctrl-C, and a test run may be that.
    listening = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    with subprocess.Popen(
        [
            *(sys.executable, "-c", f"{listening}; from vigie_trainer.cli import main; main()"),
            *("train", tiny_recipe, slow, "--json"),
        ],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        heard = []
        assert process.stderr is not None
        for line in process.stderr:
            heard.append(line)
            if "tfidf_slow: search" in line:
                break
        time.sleep(0.5)  # into the search, wherever that is
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 130, "".join(heard) + err
    assert "Traceback" not in err
    assert "Kept: nothing in MLflow yet; 1 finished" in err
    assert "Not finished, nothing kept: tfidf_slow" in err
    document = json.loads(out)
    assert document["interrupted"] is True
    assert [run["recipe"] for run in document["runs"]] == ["tfidf_tiny"]
    (kept,) = (home / "trainer" / "pending").iterdir()
    assert (kept / "run.json").is_file()
