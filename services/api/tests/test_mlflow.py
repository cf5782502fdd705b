"""Against a real MLflow server: the champion by alias, the leaderboard, promotion and rollback."""

import uuid

import pytest

import vigie_model
from vigie_api.settings import Settings

pytestmark = [pytest.mark.anyio, pytest.mark.integration, pytest.mark.xdist_group("api-mlflow")]


@pytest.fixture
def registry(mlflow_server, make_artifact, tmp_path, monkeypatch):
    """Registers tiny artifacts in a registered model of the test's own."""
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow import MlflowClient

    client = MlflowClient(mlflow_server)
    name = f"sentiment-{uuid.uuid4().hex[:8]}"
    client.create_registered_model(name)
    experiment = client.create_experiment(name)

    class Registry:
        def __init__(self) -> None:
            self.client, self.name = client, name

        def register(
            self, bias=0.0, gate="passed: fine", digest=None, metrics=None, tags=True, artifact=True, files=None
        ):
            run = client.create_run(experiment)
            folder = make_artifact(tmp_path / run.info.run_id / "vigie", bias=bias)
            if artifact:
                client.log_artifacts(run.info.run_id, str(folder.parent), "model/artifacts")
            for path, document in (files or {}).items():
                client.log_dict(run.info.run_id, document, path)
            for key, value in (metrics or {}).items():
                client.log_metric(run.info.run_id, key, value)
            client.set_terminated(run.info.run_id)
            said = {
                "vigie.gate": gate,
                "vigie.artifact_digest": digest or vigie_model.artifact_digest(folder),
                "vigie.recipe": "tiny",
            }
            source = f"{run.info.artifact_uri}/model"
            version = client.create_model_version(name, source, run.info.run_id, tags=said if tags else {})
            return str(version.version)

        def alias(self, alias):
            return str(client.get_model_version_by_alias(name, alias).version)

        def point(self, alias, version):
            client.set_registered_model_alias(name, alias, version)

    return Registry()


@pytest.fixture
def connected(settings, mlflow_server, registry):
    """Settings that name the server and the test's model."""
    return Settings(**settings.model_dump() | {"mlflow_uri": mlflow_server, "model_name": registry.name})


async def test_a_promoted_version_serves_at_once_and_a_rollback_brings_the_old_one_back(running, connected, registry):
    async with running(connected, None) as api:
        first, second = registry.register(), registry.register(bias=2.0)
        moved = await api.client.post(f"/v1/models/{first}/promote", json={"reason": "first of all"})
        assert moved.status_code == 200, moved.text
        assert moved.json() == {
            "champion": {"name": registry.name, "version": first, "recipe": "tiny"},
            "previous": None,
            "serving": first,
            "refresh_error": None,
        }
        moved = (await api.client.post(f"/v1/models/{second}/promote", json={"reason": "better"})).json()
        assert (moved["serving"], moved["previous"]["version"]) == (second, first)
        assert (registry.alias("champion"), registry.alias("previous")) == (second, first)
        tags = registry.client.get_model_version(registry.name, second).tags
        assert (tags["vigie.promoted_by"], tags["vigie.promoted_reason"]) == ("embedded", "better")
        assert tags["vigie.promoted_at"].endswith("Z")

        again = (await api.client.post(f"/v1/models/{second}/promote", json={"reason": "twice"})).json()
        assert again["previous"]["version"] == first
        assert registry.alias("previous") == first

        back = (await api.client.post("/v1/models/rollback", json={"reason": "worse in French"})).json()
        assert (back["serving"], back["previous"]["version"]) == (first, second)
        judged = (await api.client.post("/v1/predict", json={"text": "a"})).json()
        assert judged["model"]["version"] == first

        told = (await api.client.get("/v1/models/moves")).json()
        assert [(move["action"], move["version"], move["previous"], move["reason"]) for move in told["moves"]] == [
            ("rollback", first, second, "worse in French"),
            ("promote", second, first, "better"),
            ("promote", first, None, "first of all"),
        ]
        assert told["registry_error"] is None


async def test_the_configured_registry_is_asked_whatever_mlflow_finds_in_the_environment(
    running, connected, registry, monkeypatch
):
    for variable in ("MLFLOW_REGISTRY_URI", "MLFLOW_TRACKING_URI"):
        monkeypatch.setenv(variable, "http://127.0.0.1:1")
    async with running(connected, None) as api:
        version = registry.register()
        moved = await api.client.post(f"/v1/models/{version}/promote", json={"reason": "first of all"})
        assert moved.json()["serving"] == version


async def test_only_a_version_that_passed_the_gate_can_be_promoted(running, connected, registry):
    async with running(connected, None) as api:
        good = registry.register()
        await api.client.post(f"/v1/models/{good}/promote", json={"reason": "good"})
        for bad in (registry.register(gate="failed: worse"), registry.register(tags=False)):
            refused = await api.client.post(f"/v1/models/{bad}/promote", json={"reason": "please"})
            assert refused.status_code == 409
            assert refused.json()["type"] == "urn:vigie:problem:version-refused"
        missing = await api.client.post("/v1/models/999/promote", json={"reason": "please"})
        assert missing.status_code == 404
        assert registry.alias("champion") == good


async def test_what_makes_no_sense_moves_nothing(running, connected, registry):
    async with running(connected, None) as api:
        version = registry.register()
        for path, body in (
            (f"/v1/models/{version}/promote", {}),
            (f"/v1/models/{version}/promote", {"reason": " "}),
            (f"/v1/models/{version}/promote", {"reason": "a\0"}),
            ("/v1/models/latest/promote", {"reason": "x"}),
            ("/v1/models/rollback", {"reason": ""}),
        ):
            assert (await api.client.post(path, json=body)).status_code == 422
        nothing = await api.client.post("/v1/models/rollback", json={"reason": "x"})
        assert (nothing.status_code, nothing.json()["type"]) == (409, "urn:vigie:problem:no-champion")
        refresh = await api.client.post("/v1/model/refresh")
        assert (refresh.status_code, refresh.json()["type"]) == (409, "urn:vigie:problem:no-champion")


async def test_a_promoted_version_that_cannot_be_served_says_so_and_the_old_one_goes_on(running, connected, registry):
    async with running(connected, None) as api:
        good = registry.register()
        await api.client.post(f"/v1/models/{good}/promote", json={"reason": "good"})
        for broken in (registry.register(digest="sha256:of-another"), registry.register(artifact=False)):
            moved = (await api.client.post(f"/v1/models/{broken}/promote", json={"reason": "hm"})).json()
            assert (moved["champion"]["version"], moved["serving"]) == (broken, good)
            assert moved["refresh_error"]
            assert (await api.client.get("/v1/model")).json()["refresh_error"] == moved["refresh_error"]


async def test_a_challenger_that_was_promoted_is_called_so_no_more(running, connected, registry):
    first, second = registry.register(), registry.register()
    registry.point("champion", first)
    registry.point("challenger", second)
    async with running(connected, None) as api:

        async def aliases():
            models = (await api.client.get("/v1/models")).json()["models"]
            return {row["version"]: row["aliases"] for row in models}

        assert await aliases() == {first: ["champion"], second: ["challenger"]}
        moved = await api.client.post(f"/v1/models/{second}/promote", json={"reason": "better"})
        assert moved.status_code == 200
        assert await aliases() == {first: ["previous"], second: ["champion"]}
        assert registry.alias("challenger") == second


async def test_the_leaderboard_shows_versions_with_aliases_and_finite_metrics(running, connected, registry):
    async with running(connected, None) as api:
        assert (await api.client.get("/v1/models")).json() == {"models": []}
        first = registry.register(metrics={"accuracy": 0.77, "roc_auc": float("nan")})
        second = registry.register(gate="failed: worse")
        registry.point("champion", first)
        for _ in range(2):
            rows = (await api.client.get("/v1/models")).json()["models"]
        assert [row["version"] for row in rows] == [second, first]
        assert rows[1]["metrics"] == {"accuracy": 0.77}
        assert (rows[1]["aliases"], rows[1]["gate"], rows[1]["recipe"]) == (["champion"], "passed: fine", "tiny")
        assert (rows[0]["aliases"], rows[0]["gate"], rows[0]["metrics"]) == ([], "failed: worse", {})
        assert rows[0]["run_id"]
        assert rows[0]["created_at"].endswith("Z")
        assert [rows[0][name] for name in ("confusion_matrix", "roc", "gate_checks", "behaviour")] == [None] * 4


NEGATION = {"passed": 7, "total": 8, "needed": 0.5, "kept": True, "decides": True, "failures": ["not great"]}


async def test_the_leaderboard_shows_what_the_runs_left_behind(running, connected, registry):
    rates = [step / 500 for step in range(501)]
    files = {
        "confusion_matrix.json": [[8, 2], [1, 9]],
        "curves.json": {"calibration": [], "roc": {"false_positive_rate": rates, "true_positive_rate": rates}},
        "gate/gate.json": {
            "passed": True,
            "reasons": ["fine"],
            "checks": [
                {"name": "size", "passed": True, "detail": "small"},
                {"name": "note", "passed": None, "detail": "n"},
            ],
            "behaviour": {"negation": {"fr": NEGATION | {"a_key_of_tomorrow": 1}}},
        },
    }
    async with running(connected, None) as api:
        registry.register(files=files)
        registry.register(files={"confusion_matrix.json": "no matrix", "curves.json": ["no curves"]})
        board = (await api.client.get("/v1/models")).json()
        while not all(row["evidence_complete"] for row in board["models"]):
            board = (await api.client.get("/v1/models")).json()
        odd, whole = board["models"]
        assert whole["confusion_matrix"] == [[8, 2], [1, 9]]
        assert len(whole["roc"]["false_positive_rate"]) == len(whole["roc"]["true_positive_rate"]) == 60
        assert (whole["roc"]["true_positive_rate"][0], whole["roc"]["true_positive_rate"][-1]) == (0, 1)
        assert [check["name"] for check in whole["gate_checks"]] == ["size", "note"]
        assert whole["behaviour"] == {"negation": {"fr": NEGATION}}
        assert [odd[name] for name in ("confusion_matrix", "roc", "gate_checks", "behaviour")] == [None] * 4


async def test_a_named_version_beside_the_champion_comes_from_the_registry(running, connected, registry):
    async with running(connected, None) as api:
        first, second = registry.register(), registry.register(bias=2.0)
        await api.client.post(f"/v1/models/{first}/promote", json={"reason": "first"})
        judged = await api.client.post("/v1/predict", json={"text": "a", "model_version": second})
        assert judged.json()["model"]["version"] == second
        for version, status in (
            ("999", 404),
            (registry.register(gate="failed: worse"), 409),
            (registry.register(digest="sha256:of-another"), 409),
            (registry.register(artifact=False), 503),
        ):
            refused = await api.client.post("/v1/predict", json={"text": "a", "model_version": version})
            assert refused.status_code == status, refused.text


async def test_with_mlflow_away_a_start_serves_from_disk_and_registry_routes_are_503(
    running, connected, registry, until
):
    async with running(connected, None) as api:
        version = registry.register()
        await api.client.post(f"/v1/models/{version}/promote", json={"reason": "first"})
    away = Settings(**connected.model_dump() | {"mlflow_uri": "http://127.0.0.1:9", "poll_s": 0.05})
    async with running(away, None) as api:
        judged = (await api.client.post("/v1/predict", json={"text": "a"})).json()
        assert judged["model"]["version"] == version
        await until(lambda: api.services.refresher.error is not None)
        served = (await api.client.get("/v1/model")).json()
        assert served["source"] == "cache"
        assert served["refresh_error"] == "MLflow at 127.0.0.1:9 does not answer."
        for answer in (
            await api.client.get("/v1/models"),
            await api.client.post("/v1/models/1/promote", json={"reason": "x"}),
            await api.client.post("/v1/models/rollback", json={"reason": "x"}),
            await api.client.post("/v1/model/refresh"),
        ):
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")


async def test_credentials_reach_mlflow_and_no_message(running, connected, registry, monkeypatch):
    import os

    monkeypatch.delenv("MLFLOW_TRACKING_USERNAME", raising=False)
    monkeypatch.delenv("MLFLOW_TRACKING_PASSWORD", raising=False)
    signed = Settings(**connected.model_dump() | {"mlflow_username": "api", "mlflow_password": "hush"})
    try:
        async with running(signed, None) as api:
            assert (await api.client.get("/v1/models")).status_code == 200
            assert os.environ["MLFLOW_TRACKING_USERNAME"] == "api"
            assert os.environ["MLFLOW_TRACKING_PASSWORD"] == "hush"
            answer = await api.client.post("/v1/model/refresh")
            assert "hush" not in answer.text
    finally:
        os.environ.pop("MLFLOW_TRACKING_USERNAME", None)
        os.environ.pop("MLFLOW_TRACKING_PASSWORD", None)
