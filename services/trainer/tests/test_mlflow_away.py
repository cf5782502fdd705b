"""MLflow that is absent, that goes away, and that comes back."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from vigie_trainer import training
from vigie_trainer.bootstrap import champion_on_server
from vigie_trainer.errors import Unavailable, VigieError
from vigie_trainer.settings import Settings
from vigie_trainer.tracking import store
from vigie_trainer.tracking.record import pending_runs


@pytest.fixture
def answers(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict]:
    """A server that gives every request the same answer."""
    told = {"status": 200, "body": b"{}"}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(int(told["status"]))
            self.end_headers()
            self.wfile.write(bytes(told["body"]))

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    told["uri"] = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setenv("VIGIE_TRAINER_MLFLOW_URI", str(told["uri"]))
    yield told
    server.shutdown()
    server.server_close()
    thread.join()


def test_results_are_kept_when_mlflow_is_away_and_sent_by_the_next_command(
    vigie, home: Path, tiny_recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIGIE_TRAINER_MLFLOW_URI", "http://127.0.0.1:1")
    away = vigie("train", tiny_recipe, "--register", "--json")
    assert away.code == 1
    assert "MLflow does not answer at http://127.0.0.1:1" in away.err
    assert str(home / "trainer" / "pending") in away.err
    (run,) = away.document["runs"]
    assert (run["run_id"], run["version"], run["pending"]) == (None, None, True)
    assert run["metrics"]["accuracy"] > 0.5
    assert vigie("leaderboard").code == 1

    # Without a server, the embedded store in the home folder takes it.
    monkeypatch.delenv("VIGIE_TRAINER_MLFLOW_URI")
    board = vigie("leaderboard", "--json")
    assert board.code == 0, board.err
    assert "Sent the waiting run tfidf_tiny" in board.err
    assert [one["version"] for one in board.document["runs"]] == ["1"]
    assert (home / "mlflow" / "mlflow.db").is_file()
    assert pending_runs(Settings().pending) == []
    assert vigie("promote", "1", "--json").code == 0
    assert vigie("predict", "Excellent !", "--json").code == 0
    report = vigie("data", "report", "--out", home / "r.html", "--json")
    assert report.code == 0, report.err
    assert report.document["run_id"]
    assert len(vigie("leaderboard", "--json").document["runs"]) == 1


@pytest.mark.integration
@pytest.mark.xdist_group("mlflow")
def test_mlflow_that_dies_during_a_training_costs_nothing(
    vigie, connected, tiny_recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIGIE_TRAINER_MLFLOW_TIMEOUT_S", "5")
    monkeypatch.setenv("VIGIE_TRAINER_MLFLOW_RETRIES", "1")
    real = training.train

    def train_while_the_server_dies(*arguments, **options):
        run = real(*arguments, **options)
        connected.stop()
        return run

    monkeypatch.setattr(training, "train", train_while_the_server_dies)
    done = vigie("train", tiny_recipe, "--json")
    monkeypatch.setattr(training, "train", real)
    connected.start()
    assert done.code == 1
    assert "MLflow went away" in done.err
    assert "Traceback" not in done.err
    assert done.document["runs"][0]["pending"] is True
    board = vigie("leaderboard", "--json").document
    assert len(board["runs"]) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_server_that_refuses_us_is_told_apart_from_one_that_is_away(vigie, answers: dict, status: int) -> None:
    answers["status"] = status
    done = vigie("leaderboard", "--json")
    assert done.code == 1
    assert "VIGIE_TRAINER_MLFLOW_USERNAME" in done.document["error"]


def test_something_else_on_that_port_is_not_taken_for_mlflow(answers: dict) -> None:
    answers |= {"status": 404, "body": b"<html>no such page</html>"}
    with pytest.raises(Unavailable, match="is the path right"):
        store.probe(str(answers["uri"]), Settings(), attempts=1)
    answers["status"] = 503
    with pytest.raises(Unavailable, match="status 503"):
        store.probe(str(answers["uri"]), Settings(), attempts=2)
    with pytest.raises(VigieError):
        store.probe("http://[broken", Settings(), attempts=1)


def test_bootstrap_waits_for_mlflow_and_says_so(vigie, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIE_TRAINER_MLFLOW_URI", "http://127.0.0.1:1")
    done = vigie("bootstrap", "--wait", "0")
    assert done.code == 1
    assert "waited 0 s" in done.err.lower()
    patient = vigie("bootstrap", "--wait", "1")
    assert "Waiting for MLflow" in patient.err


def test_a_champion_is_known_without_mlflows_own_client(vigie, answers: dict) -> None:
    answers["body"] = b'{"model_version": {"version": "7"}}'
    assert champion_on_server(str(answers["uri"]), Settings()) == "7"
    assert vigie("bootstrap", "--json").document == {
        "champion": {"name": "sentiment", "version": "7"},
        "created": False,
    }
    answers["body"] = b"nonsense"
    assert champion_on_server(str(answers["uri"]), Settings()) is None
    assert champion_on_server("sqlite:///x.db", Settings()) is None
