"""MLflow's scoring protocol: its own client, and the same answers as its own server with the same artifact."""

import asyncio
import json
import warnings
from pathlib import Path

import httpx
import pandas as pd
import pytest

import vigie_model
from vigie_api.access.keys import new_key
from vigie_api.champion.source import FixedSource
from vigie_trainer.tracking.pyfunc_model import save_pyfunc

from .conftest import serving

ARTIFACT = Path(__file__).parents[2] / "packages/model/tests/golden/format_2/linear"
FRAME = pd.DataFrame({"text": ["not good", "Great flight :)", 'Café "fermé",\nmerci 🙂'], "likes": [1, 2, 3]})
TEXTS = list(FRAME["text"])

SAME = {
    "split": {"dataframe_split": FRAME.to_dict(orient="split")},
    "split without index": {"dataframe_split": {"columns": ["text"], "data": [["not good"]]}},
    "records": {"dataframe_records": FRAME.to_dict(orient="records")},
    "instances": {"instances": TEXTS},
    "instances as objects": {"instances": [{"text": text} for text in TEXTS]},
    "inputs": {"inputs": TEXTS},
    "inputs by column": {"inputs": {"text": TEXTS}},
    "inputs as objects": {"inputs": [{"text": text} for text in TEXTS]},
    "one input": {"inputs": {"text": "not good"}},
    "params": {"inputs": TEXTS, "params": {"threshold": 0.5}},
    "no params": {"inputs": TEXTS, "params": None},
    "another key": {"inputs": TEXTS, "client": "x"},
}
REFUSED = {
    "nothing": {},
    "a list": [{"text": "a"}],
    "two formats": {"inputs": TEXTS, "instances": TEXTS},
    "no column text": {"dataframe_split": {"columns": ["tweet"], "data": [["a"]]}},
    "records of another column": {"dataframe_records": [{"tweet": "a"}]},
    "a short row": {"dataframe_split": {"columns": ["text", "likes"], "data": [["a", 1], ["b"]]}},
    "split as a list": {"dataframe_split": [["a"]]},
    "records as an object": {"dataframe_records": {"text": "a"}},
}


@pytest.fixture(scope="module")
def model():
    return vigie_model.load(ARTIFACT)


@pytest.fixture(scope="module")
def mlflow_scoring():
    """MLflow's scoring server and client; imported here, because that takes seconds and warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow.pyfunc import scoring_server
        from mlflow.pyfunc.scoring_server import client  # noqa: F401 - now an attribute of the package
    return scoring_server


@pytest.fixture(scope="module")
def logged(model, mlflow_scoring, tmp_path_factory):
    """The pyfunc as training logs it."""
    folder = tmp_path_factory.mktemp("pyfunc") / "model"
    save_pyfunc(folder, ARTIFACT, model)
    return mlflow_scoring.load_model(str(folder))


@pytest.fixture(scope="module")
def theirs(mlflow_scoring, logged):
    """Asks `mlflow models serve`, in process."""
    app = mlflow_scoring.init(logged)

    def ask(body, kind="application/json"):
        async def asked():
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="http://mlflow") as client:
                return await client.post("/invocations", content=body, headers={"content-type": kind})

        return asyncio.run(asked())

    return ask


@pytest.fixture(scope="module")
def address(model, tmp_path_factory):
    with serving(tmp_path_factory.mktemp("api"), FixedSource(model)) as url:
        yield url


@pytest.fixture(scope="module")
def ours(address):
    with httpx.Client(base_url=address, trust_env=False, timeout=60) as client:
        yield lambda body, kind="application/json": client.post(
            "/invocations", content=body, headers={"content-type": kind}
        )


@pytest.mark.parametrize("body", SAME.values(), ids=SAME)
def test_every_shape_of_input_gets_the_answer_of_mlflows_own_server(ours, theirs, body):
    raw = json.dumps(body)
    assert theirs(raw).status_code == ours(raw).status_code == 200
    assert ours(raw).json() == theirs(raw).json()


def test_a_csv_gets_the_answer_of_mlflows_own_server(ours, theirs):
    for raw in (FRAME.to_csv(index=False), FRAME.to_csv(), "text\nnot good\n\nGreat flight :)\n"):
        assert ours(raw.encode(), "text/csv; charset=utf-8").json() == theirs(raw.encode(), "text/csv").json()


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_what_mlflows_server_refuses_is_refused_with_its_status_and_its_code(ours, theirs, body):
    raw = json.dumps(body)
    refused = ours(raw)
    assert (refused.status_code, refused.json()["error_code"]) == (400, "BAD_REQUEST")
    assert refused.json()["message"] == refused.json()["detail"]
    assert theirs(raw).status_code == 400


def test_mlflows_client_reads_the_rows_that_the_logged_model_gives(address, mlflow_scoring, logged):
    host, _, port = address.removeprefix("http://").partition(":")
    client = mlflow_scoring.client.ScoringServerClient(host, port)
    client.wait_server_ready()
    assert client.get_version() == mlflow_scoring.VERSION
    answer = client.invoke(FRAME[["text"]], params={"ignored": 1}).get_predictions()
    pd.testing.assert_frame_equal(answer, logged.predict(FRAME[["text"]]))


def test_mlflows_client_shows_its_key_by_way_of_netrc(model, mlflow_scoring, tmp_path, monkeypatch):
    key, entry = new_key("mlflow", ["predict"])
    with serving(tmp_path / "api", FixedSource(model), keys=[json.loads(entry)]) as url:
        host, _, port = url.removeprefix("http://").partition(":")
        client = mlflow_scoring.client.ScoringServerClient(host, port)
        monkeypatch.setenv("NETRC", str(tmp_path / "nobody"))
        with pytest.raises(Exception, match="error code 401"):
            client.invoke(TEXTS)
        (tmp_path / "netrc").write_text(f"machine {host} login key password {key}\n")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        assert len(client.invoke(TEXTS).get_predictions()) == len(TEXTS)
