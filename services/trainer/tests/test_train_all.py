"""`vigie train --all`: everything once, whatever interrupts it."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from vigie_trainer.fit import code_digest
from vigie_trainer.recipe import load_recipe, recipe_names
from vigie_trainer.settings import Settings
from vigie_trainer.tracking.record import pending_runs
from vigie_trainer.training_order import cost, shipped_recipes

TINY = """\
name: {name}
features: {{kind: tfidf, word: {{ngrams: [1, 1]}}}}
classifier: {{kind: logreg, C: {c}}}
search: {{folds: 2{grid}}}
"""
GOOD, BAD = ("lovely", "great", "thanks", "superb", "happy"), ("awful", "late", "rude", "dirty", "never")


def rows(count: int, seed: int) -> str:
    """Labelled posts that can be learned from; every second one is negative, no two are the same."""
    dice = random.Random(seed)
    lines = ["target,text"]
    for at in range(count):
        word, other = dice.choice(BAD if at % 2 else GOOD), dice.choice(BAD + GOOD)
        lines.append(f"{0 if at % 2 else 4},flight {seed} {at} was {word} and {other}")
    return "\n".join(lines) + "\n"


def french() -> str:
    """Labelled French posts, neutral ones among them, with the labels of UMSAB."""
    words = ("affreux", "ordinaire", "agréable")
    return "label,text\n" + "".join(f"{at % 3},Le vol numéro {at} était {words[at % 3]}\n" for at in range(36))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of a protocol, in small."""
    place = tmp_path / "data"
    place.mkdir()
    for name, content in (
        ("sentiment140_16k.csv.gz", rows(200, 1)),  # the reader looks at the content, not the name
        ("sentiment140_more.csv.gz", rows(60, 2)),
        ("sentiment140_manual_test.csv", rows(30, 3) + "2,so so\n" * 4),
        ("french_validation.csv", french()),
    ):
        (place / name).write_text(content)
    return place


@pytest.fixture
def recipes(tmp_path: Path) -> Path:
    """Recipes as they ship, in small: two quick ones, a slow one in between, and one that cannot be fitted."""
    place = tmp_path / "recipes"
    place.mkdir()
    grid = ", ".join(str(0.01 * step) for step in range(1, 400))
    for name, c, more in (
        ("tfidf_a", 1.0, ""),
        ("tfidf_b", 1.0, f", grid: {{classifier.C: [{grid}]}}"),
        ("tfidf_c", 2.0, ""),
    ):
        (place / f"{name}.yaml").write_text(TINY.format(name=name, c=c, grid=more))
    return place


@pytest.fixture
def shipped(recipes: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The command of this process ships these recipes alone."""
    (recipes / "tfidf_b.yaml").write_text(TINY.format(name="tfidf_b", c=3.0, grid=""))
    monkeypatch.setattr("vigie_trainer.recipe._folder", lambda: recipes)
    return recipes


def test_recipes_are_trained_cheap_first_and_the_ensemble_last() -> None:
    order = [recipe.name for recipe in shipped_recipes()]
    assert sorted(order) == recipe_names()
    assert order[0] == "tfidf_logreg"
    costs = [cost(load_recipe(name))[0] for name in order]
    assert costs == sorted(costs)
    if "ensemble" in order:
        assert order[-1] == "ensemble"


def test_everything_is_trained_once_and_a_second_time_only_when_asked(vigie, shipped: Path, folder: Path) -> None:
    first = vigie("train", "--all", "--protocol", "16k", "--data", folder, "--json")
    assert first.code == 0, first.err
    assert [run["recipe"] for run in first.document["runs"]] == ["tfidf_a", "tfidf_b", "tfidf_c"]
    assert "2 of 3: tfidf_b" in first.err
    row = first.document["runs"][0]
    assert row["protocol"] == "16k"
    assert (row["train_rows"], row["test_rows"]) == (160, 40)
    assert row["manual_test"]["rows"] == 30
    assert row["manual_test"]["low"] <= row["manual_test"]["accuracy"] <= row["manual_test"]["high"]
    assert row["french"] | {"rows": 24, "used_for_calibration": True, "used_for_training": False} == row["french"]
    assert [(one["name"], one["synthetic"]) for one in row["calibration"]["fr"]] == [
        ("french_validation.csv", False),
        ("vigie-demo", True),
    ]
    assert 0 < row["latency_ms"]["median"] <= row["latency_ms"]["p95"]
    assert row["metrics"]["accuracy_low"] <= row["metrics"]["accuracy"] <= row["metrics"]["accuracy_high"]

    second = vigie("train", "--all", "--data", folder, "--json")
    assert second.code == 0, second.err
    assert [run["run_id"] for run in second.document["runs"]] == [run["run_id"] for run in first.document["runs"]]
    assert all(run["skipped"] for run in second.document["runs"])
    assert "3 of 3: tfidf_c is there already" in second.err

    # Another recipe document, other rows, or --again: trained.
    (shipped / "tfidf_b.yaml").write_text(TINY.format(name="tfidf_b", c=5.0, grid=""))
    third = vigie("train", "--all", "--data", folder, "--json").document["runs"]
    assert [run.get("skipped", False) for run in third] == [True, False, True]
    full = vigie("train", "--all", "--protocol", "full", "--data", folder, "--json").document["runs"]
    assert [(run["train_rows"], run.get("skipped", False)) for run in full] == [(220, False)] * 3
    assert {run["heldout_digest"] for run in full} == {row["heldout_digest"]}
    again = vigie("train", "--all", "--again", "--data", folder, "--json").document["runs"]
    assert not any(run.get("skipped") for run in again)

    board = vigie("leaderboard", "--protocol", "full", "--json").document["runs"]
    assert {run["protocol"] for run in board} == {"full"}
    assert board[0]["manual_test"]["rows"] == 30
    assert board[0]["latency_ms"]["median"] == next(
        run["latency_ms"]["median"] for run in full if run["run_id"] == board[0]["run_id"]
    )


def test_a_recipe_that_cannot_be_fitted_does_not_stop_the_others(
    vigie, shipped: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vigie_trainer import fit as fitting

    real = fitting.fit

    def fit(recipe, *arguments, **options):
        if recipe.name == "tfidf_b":
            raise fitting.FitError("tfidf_b needs what this machine lacks.")
        return real(recipe, *arguments, **options)

    monkeypatch.setattr(fitting, "fit", fit)
    done = vigie("train", "--all", "--data", folder, "--json")
    assert done.code == 1
    assert [run["recipe"] for run in done.document["runs"]] == ["tfidf_a", "tfidf_c"]
    assert done.document["failed"] == [{"recipe": "tfidf_b", "error": "tfidf_b needs what this machine lacks."}]
    assert "Not trained: tfidf_b" in done.err


@pytest.mark.parametrize("mlflow", ["embedded", "away"])
def test_after_a_kill_it_goes_on_where_it_was_and_trains_nothing_twice(
    vigie, home: Path, recipes: Path, folder: Path, mlflow: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = (
        "import sys\nfrom pathlib import Path\nimport vigie_trainer.recipe as recipe\n"
        "recipe._folder = lambda: Path(sys.argv.pop())\nfolder = recipe._folder()\nrecipe._folder = lambda: folder\n"
        "from vigie_trainer.tracking import store\nstore.LOCAL_SERVER = 'http://127.0.0.1:1'\n"
        "from vigie_trainer.cli import main\nmain()"
    )
    environment = {**os.environ, "VIGIE_HOME": str(home), "VIGIE_DATA": str(folder)}
    if mlflow == "away":
        environment["VIGIE_TRAINER_MLFLOW_URI"] = "http://127.0.0.1:1"
    with subprocess.Popen(
        [sys.executable, "-c", script, "train", "--all", "--protocol", "16k", "--json", recipes],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        heard = []
        for line in process.stderr:
            heard.append(line)
            if "tfidf_b: search" in line:
                break
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL, "".join(heard)
    code_digest.cache_clear()  # as in a new process
    before = {run.record.key for run in pending_runs(Settings().pending)}
    assert len(before) == (1 if mlflow == "away" else 0)

    monkeypatch.setenv("VIGIE_DATA", str(folder))
    monkeypatch.setattr("vigie_trainer.recipe._folder", lambda: recipes)
    (recipes / "tfidf_b.yaml").write_text(TINY.format(name="tfidf_b", c=3.0, grid=""))
    done = vigie("train", "--all", "--json")  # the store in the home folder takes what waited, too
    assert done.code == 0, done.err
    assert [(run["recipe"], run.get("skipped", False)) for run in done.document["runs"]] == [
        ("tfidf_a", True),
        ("tfidf_b", False),
        ("tfidf_c", False),
    ]
    board = vigie("leaderboard", "--json").document["runs"]
    assert sorted(run["recipe"] for run in board) == ["tfidf_a", "tfidf_b", "tfidf_c"]
    assert pending_runs(Settings().pending) == []


def test_what_waits_on_disk_counts_as_trained_while_mlflow_is_away(
    vigie, shipped: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIGIE_TRAINER_MLFLOW_URI", "http://127.0.0.1:1")
    assert vigie("train", "--all", "--data", folder, "--json").code == 1
    second = vigie("train", "--all", "--data", folder, "--json")
    assert second.code == 1
    assert [(run["skipped"], run["pending"]) for run in second.document["runs"]] == [(True, True)] * 3
    assert len(pending_runs(Settings().pending)) == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--all", "tfidf_logreg"), "either names of recipes or --all"),
        (("tfidf_logreg", "--again"), "--again goes with --all"),
        (("tfidf_logreg", "--protocol", "64k"), "'64k' is not known"),
        (("tfidf_logreg", "--protocol", "16k"), "set VIGIE_DATA or give --data FOLDER; docs/training.md"),
        (("--all", "--protocol", "16k", "--data", "absent"), "bsent is not there"),
        (("--all", "--protocol", "full", "--data", "{empty}"), "sentiment140_16k.csv.gz and sentiment140_more.csv.gz"),
        (("--all", "--data", "{empty}"), "lacks sentiment140_16k.csv.gz, which"),
        (("--all", "--protocol", "16k", "--data", "{file}"), "is a file, not the folder"),
        (("--all", "--data", "{folder}", "--sample", "20"), "--sample does not go with --protocol"),
        (("tfidf_logreg", "--data", "{folder}", "--calibration", "x.csv"), "--calibration does not go"),
    ],
)
def test_misuse_is_exit_2_and_names_what_lacks(
    vigie, folder: Path, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    places = {"empty": empty, "folder": folder, "file": folder / "sentiment140_16k.csv.gz"}
    done = vigie("train", *(argument.format(**places) for argument in arguments), "--json")
    assert done.code == 2
    assert said in done.document["error"]
    assert json.loads(done.out)


def test_calibration_rows_calibrate_their_language_and_never_one_that_is_held_out(
    vigie, tiny_recipe: Path, folder: Path, tmp_path: Path
) -> None:
    french = tmp_path / "mine.csv"
    lines = ["label,text"]
    lines += [f"{at % 2},Le vol numéro {at} était {'agréable' if at % 2 else 'affreux'} merci" for at in range(24)]
    lines += ["1,???", *(line.replace("4,", "1,", 1) for line in rows(200, 1).splitlines()[1:6])]
    french.write_text("\n".join(lines) + "\n")
    data = folder / "sentiment140_16k.csv.gz"
    done = vigie("train", tiny_recipe, "--data", data, "--calibration", french, "--json")
    assert done.code == 0, done.err
    (run,) = done.document["runs"]
    sources = {one["name"]: one["rows"] for one in run["calibration"]["fr"]}
    assert sources["mine.csv"] == 24
    assert set(sources) == {"mine.csv", "vigie-demo"}
    assert set(run["calibration"]) == {"fr"}
    assert "1 calibration rows not used" in done.err
    useless = tmp_path / "useless.csv"
    useless.write_text("label,text\n" + "1,Très bon vol et bel accueil\n0,Très mauvais vol\n")
    refused = vigie("train", tiny_recipe, "--calibration", useless, "--json")
    assert refused.code == 2
    assert "ten of each class" in refused.document["error"]
