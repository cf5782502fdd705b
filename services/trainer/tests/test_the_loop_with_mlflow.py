"""The trainer against a real MLflow server: what an engineer does in a week."""

import json
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
from mlflow import MlflowClient

from vigie_trainer.settings import Settings
from vigie_trainer.tracking import sending
from vigie_trainer.tracking.pyfunc_model import REQUIREMENTS
from vigie_trainer.tracking.record import pending_runs
from vigie_trainer.tracking.store import connect

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("mlflow")]

METRICS = {
    "accuracy", "accuracy_low", "accuracy_high", "balanced_accuracy", "roc_auc", "f1_macro", "log_loss", "brier", "ece",
    *(f"{metric}_{name}" for metric in ("precision", "recall", "f1", "support") for name in ("negative", "positive")),
}  # fmt: skip


@pytest.fixture
def client(connected) -> MlflowClient:
    return connect(Settings()).client


def train(vigie, recipe: Path, *options: object) -> dict:
    done = vigie("train", recipe, "--json", *options)
    assert done.code == 0, done.err
    (run,) = done.document["runs"]
    return run


def saved_model(client: MlflowClient) -> Path:
    """The folder of version 1 on the server's disk."""
    source = client.get_model_version(Settings().model_name, "1").source
    location = client.get_logged_model(source.removeprefix("models:/")).artifact_location
    return Path(location.removeprefix("file://"))


def test_a_run_has_everything_that_the_design_lists(vigie, connected, client: MlflowClient, tiny_recipe: Path) -> None:
    row = train(vigie, tiny_recipe)
    assert {"recipe", "run_id", "version", "dataset", "heldout_digest", "fit_s", "predict_s", "artifact_mb"} <= set(row)
    assert set(row["metrics"]) == METRICS
    assert set(row["dataset"]) >= {"name", "rows", "digest"}
    assert row["dataset"]["synthetic"] is True
    assert row["version"] is None
    run = client.get_run(row["run_id"])
    assert {"accuracy", "roc_auc", "ece", "fit_s", "predict_s", "artifact_mb", "peak_memory_mb"} <= set(
        run.data.metrics
    )
    assert run.data.metrics["peak_memory_mb"] > 10
    assert run.data.tags["vigie.heldout_digest"] == row["heldout_digest"]
    for tag in ("recipe", "dataset", "data_digest", "git_commit", "lock_digest", "artifact_digest"):
        assert run.data.tags[f"vigie.{tag}"]
    assert run.data.params["duplicates_removed"]
    files = {
        file.path
        for folder in (None, "figures", "heldout", "lineage")
        for file in client.list_artifacts(row["run_id"], folder)
    }
    assert {
        "figures/confusion_matrix.png",
        "figures/roc_curve.png",
        "figures/calibration_curve.png",
        "worst_mistakes.csv",
        "curves.json",
        "recipe.yaml",
        "heldout/heldout.csv.gz",
        "lineage/train_text_hashes.npy",
    } <= files
    assert {dataset.tags[0].value for dataset in run.inputs.dataset_inputs} == {"train", "test"}
    assert not list((Settings().pending).iterdir())


def test_from_first_champion_to_promotion_to_rollback(vigie, connected, tiny_recipe: Path, tmp_path: Path) -> None:
    name = Settings().model_name
    empty = vigie("leaderboard", "--json")
    assert empty.document == {"runs": [], "champion": None}
    assert vigie("leaderboard").out.startswith("No run yet")
    for command in (("predict", "hello", "--json"), ("rollback", "--json"), ("promote", "7", "--json")):
        refused = vigie(*command)
        assert refused.code == 1
        assert refused.document["error"]

    first = train(vigie, tiny_recipe, "--register")
    assert first["version"] == "1"
    checked = vigie("promote", "1", "--check", "--json")
    assert (checked.code, checked.document["champion"], checked.document["gate"]["passed"]) == (0, None, True)
    promoted = vigie("promote", "1", "--reason", "first", "--json")
    assert promoted.code == 0, promoted.err
    assert promoted.document["champion"] == {
        "name": name,
        "version": "1",
        "recipe": "tfidf_tiny",
        "run_id": first["run_id"],
    }
    assert promoted.document["previous"] is None

    # A run that is no version yet becomes one on the way. The same data, so nothing is lost to the champion.
    second = train(vigie, tiny_recipe)
    again = vigie("promote", second["run_id"], "--json")
    assert again.code == 0, again.err
    assert (again.document["champion"]["version"], again.document["previous"]["version"]) == ("2", "1")
    unchanged = vigie("promote", "2")
    assert "is the champion already" in unchanged.out

    board = vigie("leaderboard", "--json").document
    assert board["champion"]["version"] == "2"
    assert [run["aliases"] for run in board["runs"] if run["version"] == "2"] == [["champion"]]
    shown = vigie("leaderboard").out
    assert "2 champion" in shown
    assert "Champion: version 2 (tfidf_tiny)" in shown

    data = tmp_path / "posts.csv"
    data.write_text("polarity,text\n0,awful\n4,lovely\n2,so so\n0,terrible\n4\n", encoding="utf-8")
    measured = vigie("evaluate", "--model", f"models:/{name}@champion", "--data", data, "--json").document
    assert measured["model"] == measured["model"] | {"uri": f"models:/{name}/2", "version": "2", "recipe": "tfidf_tiny"}
    assert (measured["rows"], measured["used"]) == (5, 3)
    assert measured["set_aside"] == {"wrong_field_count": 1, "neutral": 1}
    assert measured["bad_rows"] == {"wrong_field_count": [6]}
    assert sum(map(sum, measured["confusion_matrix"])) == 3
    told = vigie("evaluate", "--data", data)
    assert "line 6" in told.err
    assert "Confusion matrix" in told.out
    data.write_text("label,text\n1,lovely\n", encoding="utf-8")
    assert vigie("evaluate", "--data", data, "--json").document["metrics"]["roc_auc"] is None

    verdict = vigie("predict", "What an excellent day", "Quel désastre", "--json").document["predictions"][0]
    assert set(verdict) == {"text", "sentiment", "score", "confidence", "uncertain", "language"}
    for model in ("1", second["run_id"], f"runs:/{second['run_id']}/model", f"models:/{name}/1", "previous"):
        assert vigie("predict", "hello", "--model", model).code == 0
    assert "negative" in vigie("predict", "awful, terrible, never again").out

    back = vigie("rollback", "--reason", "too harsh", "--json").document
    assert (back["champion"]["version"], back["previous"]["version"]) == ("1", "2")
    tags = connect(Settings()).client.get_model_version(name, "1").tags
    assert tags["vigie.promoted_reason"] == "too harsh"
    assert tags["vigie.promoted_at"].endswith("Z")
    assert tags["vigie.promoted_by"]
    assert tags["vigie.gate"].startswith("passed: ")
    assert tags["vigie.artifact_digest"].startswith("sha256:")


def test_the_gate_refuses_a_worse_model_and_the_champion_stays(
    vigie, connected, tiny_recipe: Path, tmp_path: Path
) -> None:
    assert vigie("bootstrap", "--json").code == 0
    noise = tmp_path / "noise.csv"
    rows = [f"{at * 7919 % 2},{word} number {at}" for at, word in enumerate(["love", "hate"] * 150)]
    noise.write_text("label,text\n" + "\n".join(rows), encoding="utf-8")
    worse = train(vigie, tiny_recipe, "--data", noise, "--register")
    refused = vigie("promote", worse["version"], "--json")
    assert refused.code == 1
    assert refused.document["gate"]["passed"] is False
    assert refused.document["champion"]["version"] == "1"
    assert "The gate refuses version 2" in vigie("promote", "2").out
    tags = connect(Settings()).client.get_model_version(Settings().model_name, "2").tags
    assert tags["vigie.gate"].startswith("failed: ")


def test_an_artifact_that_was_altered_does_not_pass(vigie, connected, client: MlflowClient, tiny_recipe: Path) -> None:
    row = train(vigie, tiny_recipe, "--register")
    client.set_tag(row["run_id"], "vigie.artifact_digest", "sha256:" + "0" * 64)
    refused = vigie("promote", "1", "--json").document
    assert any("not the one that its run recorded" in reason for reason in refused["gate"]["reasons"])
    weights = next(saved_model(client).glob("artifacts/vigie/*.npz"))
    weights.write_bytes(weights.read_bytes()[:-1])
    broken = vigie("predict", "hello", "--model", row["run_id"])
    assert broken.code == 0, "the copy that was downloaded before is still whole"
    for copy in Settings().cache.rglob("*.npz"):
        copy.write_bytes(b"")
    damaged = vigie("promote", "1", "--json")
    assert damaged.code == 1
    assert any("does not load in a bare process" in reason for reason in damaged.document["gate"]["reasons"])


def test_bootstrap_makes_one_champion_however_often_it_runs(vigie, connected, client: MlflowClient) -> None:
    made = vigie("bootstrap", "--json")
    assert made.code == 0, made.err
    assert made.document["created"] is True
    again = vigie("bootstrap", "--json").document
    assert (again["created"], again["champion"]["version"]) == (False, made.document["champion"]["version"])
    assert "There is a champion already" in vigie("bootstrap").out
    # Cut off between training and promotion: the next one promotes what is there instead of training again.
    client.delete_registered_model_alias(Settings().model_name, "champion")
    third = vigie("bootstrap", "--json").document
    assert third["champion"]["version"] == made.document["champion"]["version"]
    assert len(client.search_model_versions(f"name = '{Settings().model_name}'")) == 1
    for sentence, sentiment in (
        ("My flight was cancelled and nobody answers. Worst airline ever.", "negative"),
        ("Merci à l'équipage, vol parfait !", "positive"),
        ("Je suis content d'être ici !", "positive"),
    ):
        assert vigie("predict", sentence, "--json").document["predictions"][0]["sentiment"] == sentiment


def test_a_sender_killed_at_any_step_neither_loses_nor_doubles_the_run(
    vigie, connected, client: MlflowClient, tiny_recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """The process is gone."""

    monkeypatch.setattr(sending, "_METRICS_PER_BATCH", 5)
    monkeypatch.setenv("VIGIE_TRAINER_MLFLOW_URI", "http://127.0.0.1:1")
    assert vigie("train", tiny_recipe, "--register", "--json").code == 1
    monkeypatch.setenv("VIGIE_TRAINER_MLFLOW_URI", connected.uri)
    store = connect(Settings())
    (run,) = pending_runs(Settings().pending)
    steps = [
        "create_run", "log_batch", "log_inputs", "log_artifacts", "create_logged_model", "log_model_artifacts",
        "log_outputs", "finalize_logged_model", "create_model_version", "set_terminated",
    ]  # fmt: skip
    for step in steps:
        real: Callable[..., object] = getattr(store.client, step)

        def once_and_die(*arguments: object, real: Callable[..., object] = real, **options: object) -> None:
            real(*arguments, **options)
            raise Killed

        monkeypatch.setattr(store.client, step, once_and_die)
        with pytest.raises(Killed):
            sending.send(store, run)
        monkeypatch.setattr(store.client, step, real)
    sent = sending.send(store, run)
    assert pending_runs(Settings().pending) == []
    assert [found.info.run_id for found in client.search_runs([store.experiment_id()])] == [sent.run_id]
    assert len(client.search_logged_models([store.experiment_id()])) == 1
    assert [one.version for one in client.search_model_versions(f"name = '{store.name}'")] == [sent.version]
    assert len(client.get_metric_history(sent.run_id, "accuracy")) == 1
    assert vigie("predict", "hello", "--model", sent.version).code == 0


def test_the_model_that_mlflow_serves_needs_none_of_our_packages(
    vigie, connected, client: MlflowClient, tiny_recipe: Path, tmp_path: Path, bare_python: Path
) -> None:
    row = train(vigie, tiny_recipe, "--register")
    folder = saved_model(client)
    description = (folder / "MLmodel").read_text()
    assert str(tmp_path) not in description
    assert "/vigie_model/" not in description
    assert f"run_id: {row['run_id']}" in description
    texts = ["What a lovely flight", "Bagages perdus, quelle honte", "😡"]
    script = (
        "import importlib.util, json, sys\n"
        "import pandas as pd, mlflow.pyfunc\n"
        "assert importlib.util.find_spec('vigie_trainer') is None and importlib.util.find_spec('vigie_model') is None\n"
        "model = mlflow.pyfunc.load_model(sys.argv[1])\n"
        "frame = model.predict(pd.DataFrame({'text': json.loads(sys.argv[2])}))\n"
        "print(frame.to_json(orient='records'))"
    )
    done = subprocess.run(
        [bare_python, "-I", "-c", script, folder, json.dumps(texts)],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    expected = vigie("predict", *texts, "--model", "1", "--json").document["predictions"]
    assert [one["score"] for one in found] == pytest.approx([one["score"] for one in expected])
    assert [one["sentiment"] for one in found] == [one["sentiment"] for one in expected]


@pytest.fixture(scope="session")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with what the pyfunc asks for, and nothing of ours."""
    folder = tmp_path_factory.mktemp("bare") / "venv"
    subprocess.run(["uv", "venv", "--quiet", "--python", sys.executable, folder], check=True)
    pins = [f"{name}=={version(name)}" for name in REQUIREMENTS]
    python = folder / "bin" / "python"
    subprocess.run(["uv", "pip", "install", "--quiet", "--python", python, *pins], check=True)
    return python
