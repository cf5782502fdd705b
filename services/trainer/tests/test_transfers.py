import os

from vigie_trainer.settings import Settings
from vigie_trainer.tracking.store import configure, transferring


def test_files_get_more_time_than_questions_and_only_files(home, monkeypatch) -> None:
    monkeypatch.setenv("VIGIE_TRAINER_MLFLOW_TIMEOUT_S", "7")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    settings = Settings()
    configure(settings)
    with transferring(settings):
        assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "300"
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "7"
    monkeypatch.setenv("VIGIE_TRAINER_MLFLOW_TIMEOUT_S", "400")
    with transferring(Settings()):
        assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "400"


def test_a_process_without_the_variable_has_none_afterwards(home, monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_TIMEOUT")
    with transferring(Settings()):
        pass
    assert "MLFLOW_HTTP_REQUEST_TIMEOUT" not in os.environ
