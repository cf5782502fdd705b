"""Forgetting in a real MLflow: what runs log is rewritten, models are left alone."""

import csv
import gzip
import html
import io
import json
import uuid
from pathlib import Path

import pytest

from vigie_api.privacy.forget import forget_text
from vigie_api.privacy.mlflow_files import MlflowAway, clean_folder, clean_mlflow
from vigie_api.privacy.wanted import MARKER, Wanted
from vigie_api.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("api-mlflow")]
SECRET = 'Vol "AP-12" annulé & personne <ne> répond 😡'
WANTED = Wanted(SECRET)


def _table(*texts: str) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerows([("label", "text"), *((0, text) for text in texts)])
    return out.getvalue().encode()


@pytest.fixture
def logged(mlflow_server, tmp_path, monkeypatch):
    """A run with the files that a training, a gate and a drift report log, all with the text in them."""
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow import MlflowClient

    client = MlflowClient(mlflow_server)
    name = f"sentiment-{uuid.uuid4().hex[:8]}"
    run = client.create_run(client.create_experiment(name), tags={"mlflow.note.content": f"see «{SECRET}» there"})
    folder = tmp_path / "files"
    files = {
        "worst_mistakes.csv": _table("other", SECRET),
        "heldout/heldout.csv.gz": gzip.compress(_table(SECRET.upper(), "other")),
        "gate/gate.json": json.dumps({"examples": [{"text": SECRET, "right": "positive"}]}).encode(),
        "gate/gate.html": f'<td class="text">{html.escape(SECRET)}</td>'.encode(),
        "drift/report.html": b"<script>show(" + json.dumps({"rows": [SECRET]}).encode() + b")</script>",
        "curves.json": b'{"roc": [0, 1]}',
        "figures/a.png": b"\x89PNG",
        "numbers.parquet": b"PAR1",
        "model/MLmodel": b"flavors: {}",
        "model/data/terms.json": json.dumps([SECRET]).encode(),
    }
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    client.log_artifacts(run.info.run_id, str(folder))
    client.create_registered_model(name)
    source = f"{run.info.artifact_uri}/model"
    version = client.create_model_version(
        name, source, run.info.run_id, tags={"vigie.promoted_reason": f"for {SECRET}"}
    )

    class Logged:
        def __init__(self) -> None:
            self.client, self.run_id, self.name, self.version = client, run.info.run_id, name, version.version
            self.settings = Settings(home=tmp_path, mlflow_uri=mlflow_server, model_name=name)

        def file(self, path: str) -> bytes:
            return Path(client.download_artifacts(self.run_id, path, str(tmp_path))).read_bytes()

        def hits(self, *, apply: bool) -> dict[str, int]:
            looked = clean_mlflow(self.settings, WANTED, apply=apply)
            assert self.mine(looked.failures) == []
            return {place.removeprefix(f"run {self.run_id}"): looked.hits[place] for place in self.mine(looked.hits)}

        def mine(self, places) -> list[str]:
            """The server is shared with other tests: what is said of this run and this version."""
            return [place for place in places if self.run_id in place or place.startswith("version ")]

    return Logged()


def test_every_file_and_tag_with_the_text_is_rewritten_and_the_rest_is_left(logged):
    before = {path: logged.file(path) for path in ("curves.json", "model/data/terms.json", "figures/a.png")}
    expected = {
        ", tag mlflow.note.content": 1,
        ": worst_mistakes.csv": 1,
        ": heldout/heldout.csv.gz": 1,
        ": gate/gate.json": 1,
        ": gate/gate.html": 1,
        ": drift/report.html": 1,
        f"version {logged.version}, tag vigie.promoted_reason": 1,
    }
    assert logged.hits(apply=False) == expected
    assert SECRET in logged.file("worst_mistakes.csv").decode().replace('""', '"')
    assert logged.hits(apply=True) == expected
    assert logged.file("worst_mistakes.csv") == _table("other")
    assert gzip.decompress(logged.file("heldout/heldout.csv.gz")) == _table("other")
    assert json.loads(logged.file("gate/gate.json")) == {"examples": [{"text": MARKER, "right": "positive"}]}
    assert logged.file("gate/gate.html").decode() == f'<td class="text">{MARKER}</td>'
    assert b"removed" in logged.file("drift/report.html")
    assert {path: logged.file(path) for path in before} == before
    assert logged.client.get_run(logged.run_id).data.tags["mlflow.note.content"] == MARKER
    assert logged.client.get_model_version(logged.name, logged.version).tags["vigie.promoted_reason"] == MARKER
    assert logged.hits(apply=True) == {}


def test_files_of_a_deleted_run_are_rewritten_too(logged):
    logged.client.set_tag(logged.run_id, "mlflow.note.content", "nothing")
    logged.client.delete_run(logged.run_id)
    assert ": worst_mistakes.csv" in logged.hits(apply=True)
    assert logged.file("worst_mistakes.csv") == _table("other")


def test_what_cannot_be_read_is_told_and_does_not_stop_the_rest(logged, tmp_path):
    broken = tmp_path / "broken.csv.gz"
    broken.write_bytes(b"no gzip")
    logged.client.log_artifact(logged.run_id, str(broken))
    looked = clean_mlflow(logged.settings, WANTED, apply=True)
    assert logged.mine(looked.failures) == [f"run {logged.run_id}: broken.csv.gz: it cannot be read (BadGzipFile)"]
    assert looked.unsearched >= 1
    assert logged.file("worst_mistakes.csv") == _table("other")


def test_the_whole_command_reports_each_place(logged):
    from vigie_api.database.engine import open_engine
    from vigie_api.database.migrate import migrate

    engine = open_engine(logged.settings.database_url)
    migrate(engine)
    engine.dispose()
    pending = logged.settings.home / "trainer" / "pending" / "run" / "files"
    pending.mkdir(parents=True)
    (pending / "worst_mistakes.csv").write_bytes(_table(SECRET, "other"))
    report = forget_text(logged.settings, WANTED, dry_run=False, sleep=lambda _: None)
    assert logged.mine(report.failures) == []
    assert report.places[f"MLflow: run {logged.run_id}: gate/gate.html"] == 1
    assert report.places["unsent runs: run/files/worst_mistakes.csv"] == 1
    assert (pending / "worst_mistakes.csv").read_bytes() == _table("other")
    assert "AP-12" not in json.dumps(report.document())


def test_a_server_that_is_away_is_said_to_be(settings):
    with pytest.raises(MlflowAway, match="does not answer"):
        clean_mlflow(settings, WANTED, apply=True)


def test_a_folder_is_cleaned_but_for_its_models(tmp_path):
    for name in ("run/files", "run/model/artifacts/vigie"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "run/files/rows.csv").write_bytes(_table(SECRET))
    (tmp_path / "run/files/broken.json.gz").write_bytes(b"?")
    (tmp_path / "run/files/figure.png").write_bytes(b"?")
    (tmp_path / "run/files/table.parquet").write_bytes(b"?")
    (tmp_path / "run/model/artifacts/vigie/manifest.json").write_text("{}")
    (tmp_path / "run/model/artifacts/vigie/terms.json").write_text(json.dumps([SECRET]))
    dry = clean_folder(tmp_path, WANTED, apply=False)
    assert (tmp_path / "run/files/rows.csv").read_bytes() == _table(SECRET)
    looked = clean_folder(tmp_path, WANTED, apply=True)
    assert dry == looked
    assert (looked.hits, looked.unsearched) == ({"run/files/rows.csv": 1}, 1)
    assert looked.failures == ["run/files/broken.json.gz: it cannot be read (BadGzipFile)"]
    assert (tmp_path / "run/files/rows.csv").read_bytes() == _table()
    assert SECRET in json.loads((tmp_path / "run/model/artifacts/vigie/terms.json").read_text())
