"""Clients of the Open Inference Protocol, unchanged: Triton's, MLServer's types and codecs, and `mlserver infer`."""

import json
import os
import subprocess
from pathlib import Path

import pytest

import vigie_model
from vigie_api.access.keys import new_key
from vigie_api.champion.source import FixedSource

from .conftest import serving

CLIENTS = Path(__file__).parent / "inference_clients"
ARTIFACT = Path(__file__).parents[2] / "packages/model/tests/golden/format_2/linear"
TEXTS = ["not good", "Great flight :)", "Café fermé, merci 🙂"]
OUTPUTS = ("sentiment", "score", "confidence", "uncertain", "language")
NETWORK = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")


@pytest.fixture(scope="module")
def model():
    return vigie_model.load(ARTIFACT)


@pytest.fixture(scope="module")
def said(model, tmp_path_factory):
    """What each client understood of the answers to the same texts."""
    key, entry = new_key("clients", ["predict"])
    python = CLIENTS / ".venv" / "bin" / "python"
    assert python.exists(), "run scripts/setup.sh tests"
    environment = {name: value for name, value in os.environ.items() if name not in NETWORK}
    with serving(tmp_path_factory.mktemp("api"), FixedSource(model), keys=[json.loads(entry)]) as address:
        command = [str(python), str(CLIENTS / "ask.py"), address.removeprefix("http://"), key, *TEXTS]
        done = subprocess.run(command, capture_output=True, text=True, timeout=240, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def expected(model):
    """The model's own verdicts, a list for each output."""
    return dict(zip(OUTPUTS, map(list, zip(*model.predict(TEXTS), strict=True)), strict=True))


def test_tritons_client_reads_binary_tensors_and_json_alike(said, expected):
    assert said["triton"]["binary"] == expected
    assert said["triton"]["binary_on_the_wire"]
    assert said["triton"]["json"] == expected
    assert said["triton"]["column_shape"] == [len(TEXTS), 1]
    assert said["triton"]["id"] == "seven"
    assert said["triton"]["some"] == ["score", "prediction_id"]


def test_tritons_client_finds_the_server_and_the_model(said):
    assert said["triton"]["probes"] == [True, True, True, True, False]
    assert said["triton"]["server"]["extensions"] == ["binary_tensor_data"]
    assert said["triton"]["model"]["versions"] == ["1"]
    assert [output["name"] for output in said["triton"]["model"]["outputs"]] == list(OUTPUTS)


def test_tritons_client_is_told_why_it_is_refused(said):
    (unknown, unknown_reason), (stranger, stranger_reason) = said["triton"]["refusals"]
    assert (unknown, stranger) == ("404", "401")
    assert "'sentiment'" in unknown_reason
    assert "API key" in stranger_reason


def test_mlservers_codecs_read_a_data_frame_and_strings(said, expected):
    assert said["mlserver"]["frame"] == expected
    assert said["mlserver"]["content_type"] == "pd"
    assert said["mlserver"]["strings"] == said["mlserver"]["alone"] == expected["sentiment"]
    assert said["mlserver"]["shapes"] == [[len(TEXTS), 1]] * len(OUTPUTS)
    assert said["mlserver"]["id"] == "9"
    assert said["mlserver"]["metadata"] == "sentiment"


@pytest.mark.parametrize("command", ["command", "binary_command"])
def test_mlservers_command_judges_a_file(said, expected, command):
    for index, answer in enumerate(said[command]):
        assert answer["id"] == str(index)
        assert {output["name"]: output["data"][0] for output in answer["outputs"]} == {
            name: values[index] for name, values in expected.items()
        }
    assert len(said[command]) == len(TEXTS)
