"""`vigie-api forget` and `retain`: one sentence for misuse, one document for programs, and no text in what they say."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vigie_api import cli
from vigie_api.privacy import commands
from vigie_api.privacy.forget import forget_text as really_forget
from vigie_api.privacy.unreachable import UNREACHABLE
from vigie_api.privacy.wanted import Wanted

from .conftest import NOW

SECRET = "Vol AP-12 annulé, personne ne répond"


@pytest.fixture
def run(kept, monkeypatch):
    """Runs a command with the settings of `kept`, without the pause between two looks."""
    monkeypatch.setattr(
        cli, "_settings", lambda **more: kept.settings.model_copy(update={k: v for k, v in more.items() if v})
    )
    monkeypatch.setattr(commands, "forget_text", lambda *args, **more: really_forget(*args, **more, settle_s=0))
    return lambda *arguments, stdin=None: CliRunner().invoke(cli.app, list(arguments), input=stdin)


@pytest.mark.parametrize("command", ["forget", "retain"])
def test_every_command_shows_an_example(command):
    shown = CliRunner().invoke(cli.app, [command, "--help"])
    assert f"vigie-api {command}" in shown.output.split("Example", 1)[1]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "one of --text"),
        (["--text", "a", "--author", "b"], "one of --text"),
        (["--author", "b", "--contains"], "--contains is about texts"),
        (["--text", " "], "blank"),
        (["--text", "abc", "--contains"], "5 characters"),
        (["--text-file", "/nowhere/at/all"], "cannot be read"),
        (["--text", "x" * 10_001], "more than 10,000"),
        (["--text", "some text"], "add --yes"),
    ],
)
def test_misuse_is_one_sentence_and_exit_2(run, arguments, sentence):
    refused = run("forget", *arguments)
    assert refused.exit_code == 2
    assert sentence in refused.stderr
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize("given", ["argument", "file", "stdin", "dash"])
def test_a_text_is_taken_from_an_argument_a_file_or_stdin(run, kept, tmp_path, given):
    kept.predict(SECRET)
    file = tmp_path / "request.txt"
    file.write_text(f"\ufeff{SECRET}\n", encoding="utf-8")
    arguments = {
        "argument": ["--text", SECRET],
        "file": ["--text-file", str(file)],
        "stdin": ["--text-file", "-"],
        "dash": ["--text", "-"],
    }[given]
    done = run("forget", *arguments, "--yes", "--json", stdin=f"{SECRET}\r\n")
    said = json.loads(done.stdout)
    assert (said["found"], said["removed"], kept.rows("predictions")) == (1, 1, 0)
    assert said["places"] == [{"place": "database: predictions", "count": 1}]
    assert [place["place"] for place in said["not_reached"]] == [place.place for place in UNREACHABLE]
    assert "AP-12" not in done.output
    assert done.exit_code == 1  # MLflow is away here
    assert "MLflow" in said["failures"][0]


def test_bytes_that_are_no_text_are_misuse(run, tmp_path):
    (tmp_path / "request.txt").write_bytes(b"\xff\xfe")
    refused = run("forget", "--text-file", str(tmp_path / "request.txt"))
    assert (refused.exit_code, "not UTF-8" in refused.stderr) == (2, True)


def test_a_dry_run_says_what_would_go_and_what_cannot_be_reached(run, kept):
    kept.predict(SECRET)
    shown = run("forget", "--text", SECRET.lower(), "--dry-run")
    assert "1  database: predictions\n1 would be removed.\n" in shown.stdout
    assert "Application Insights" in shown.stdout
    assert "90 days" in shown.stdout
    assert kept.rows("predictions") == 1


@pytest.mark.parametrize(("answer", "left"), [("y\n", 0), ("n\n", 1)])
def test_a_person_is_asked_once_with_the_count(kept, run, monkeypatch, answer, left):
    kept.predict(f"{SECRET}!")

    def ask(question, **_more):
        assert question == "Remove 1 for good?"
        return answer == "y\n"

    monkeypatch.setattr(commands.typer, "confirm", ask)
    code = commands.forget(
        kept.settings, Wanted("AP-12 annulé", fragment=True), dry_run=False, yes=False, as_json=False, can_ask=True
    )
    assert (code, kept.rows("predictions")) == (1, left)


def test_an_author_of_whom_nothing_is_kept_is_no_failure(run):
    done = run("forget", "--author", "@ann", "--yes", "--json")
    said = json.loads(done.stdout)
    assert (done.exit_code, said["found"]) == (0, 0)
    assert "know no authors" in said["notes"][0]


def test_retention_must_be_asked_for(run):
    refused = run("retain", "--dry-run")
    assert (refused.exit_code, "everything is kept" in refused.stderr) == (2, True)


def test_a_dry_run_of_the_retention_shows_what_would_go(run, kept):
    kept.predict(SECRET, days=5_000)
    shown = run("retain", "--dry-run", "--days", "1000")
    assert (shown.exit_code, shown.stdout) == (0, "        1  predictions\n1 rows would be deleted.\n")
    said = json.loads(run("retain", "--dry-run", "--days", "1000", "--json").stdout)
    assert said["rows"] == {"predictions": 1}
    assert said["days"] == {"texts": 1_000, "judged": 1_000}
    assert kept.rows("predictions") == 1
    assert run("retain", "--days", "1000").stdout.endswith("1 rows deleted.\n")
    assert kept.rows("predictions") == 0


def test_a_database_that_is_away_is_one_sentence_and_exit_1(kept, changed, capsys):
    away = changed(kept.settings, database_url="postgresql://u:hush@127.0.0.1:9/d", retention_days=3)
    assert commands.retain(away, dry_run=False, as_json=False, now=NOW) == 1
    said = capsys.readouterr().err
    assert "does not answer" in said
    assert "hush" not in said


def test_a_pass_beside_another_ones_is_exit_1(kept, changed, monkeypatch, capsys):
    monkeypatch.setattr(commands, "pass_once", lambda *_: None)
    assert commands.retain(changed(kept.settings, retention_days=3), dry_run=False, as_json=False) == 1
    assert "another process" in capsys.readouterr().err


def test_the_documentation_names_every_place_that_cannot_be_reached():
    page = (Path(__file__).parents[4] / "docs" / "privacy.md").read_text(encoding="utf-8")
    told = page.split("## What it cannot reach")[1]
    words = (
        "Application Insights",
        "backups",
        "write-ahead log",
        "e-mails",
        "exports",
        "models",
        "cannot reach the database",
    )
    assert [word for word in words if word not in told] == []
