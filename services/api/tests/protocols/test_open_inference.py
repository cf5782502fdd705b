"""The Open Inference Protocol; tests/contract asks with the clients of Triton and MLServer."""

import json
import struct

import pytest
from sqlalchemy import select

from vigie_api.champion.source import FixedSource
from vigie_api.prediction.table import predictions

pytestmark = pytest.mark.anyio
INFER = "/v2/models/sentiment/infer"
LENGTH = "inference-header-content-length"
NAMES = ["sentiment", "score", "confidence", "uncertain", "language"]


def _tensor(*texts, **changed):
    return {"name": "text", "datatype": "BYTES", "shape": [len(texts)], "data": list(texts)} | changed


def _packed(*texts):
    return b"".join(struct.pack("<I", len(one)) + one for one in texts)


def _binary(tail, *, shape, head=None, claimed=None):
    """The body and header of a request whose texts follow the JSON."""
    size = len(tail) if claimed is None else claimed
    tensor = {"name": "text", "datatype": "BYTES", "shape": shape, "parameters": {"binary_data_size": size}}
    document = json.dumps({"inputs": [tensor]}).encode()
    return {"content": document + tail, "headers": {LENGTH: str(len(document) if head is None else head)}}


async def test_an_answer_has_the_shape_of_the_question_and_is_recorded(api):
    for shape, data in (([2], ["un", "deux"]), ([2, 1], ["un", "deux"]), ([2, 1], [["un"], ["deux"]])):
        answer = await api.client.post(INFER, json={"id": "x", "inputs": [_tensor(shape=shape, data=data)]})
        said = answer.json()
        assert (said["model_name"], said["model_version"], said["id"]) == ("sentiment", "1", "x")
        assert [output["name"] for output in said["outputs"]] == NAMES
        assert {tuple(output["shape"]) for output in said["outputs"]} == {tuple(shape)}
        assert [output["data"] for output in said["outputs"]] == [
            ["positive"] * 2,
            [0.9] * 2,
            [0.9] * 2,
            [False] * 2,
            ["en"] * 2,
        ]
    await api.settled()
    kept = await api.services.database.read(lambda c: c.execute(select(predictions.c.text)).scalars().all())
    assert sorted(kept) == ["deux"] * 3 + ["un"] * 3


async def test_the_outputs_that_are_asked_for_come_in_that_order_with_the_id_that_feedback_names(api):
    wanted = [{"name": "prediction_id"}, {"name": "score"}]
    said = (await api.client.post(INFER, json={"inputs": [_tensor("un")], "outputs": wanted})).json()
    assert [output["name"] for output in said["outputs"]] == ["prediction_id", "score"]
    assert "id" not in said
    verdict = {"prediction_id": said["outputs"][0]["data"][0], "verdict": "correct"}
    assert (await api.client.post("/v1/feedback", json=verdict)).status_code in (200, 201)


async def test_binary_data_comes_in_and_goes_out_as_the_extension_says(api):
    request = _binary(_packed("été".encode(), b"two"), shape=[2])
    plain = await api.client.post(INFER, **request)
    assert plain.headers["content-type"] == "application/json"
    wanted = {"parameters": {"binary_data_output": True}, "inputs": [_tensor("été", "two")]}
    answer = await api.client.post(INFER, json=wanted)
    length = int(answer.headers[LENGTH])
    said, tail = json.loads(answer.content[:length]), answer.content[length:]
    sizes = [output["parameters"]["binary_data_size"] for output in said["outputs"]]
    assert sizes == [24, 16, 16, 2, 12]
    assert tail == _packed(b"positive", b"positive") + struct.pack("<4d", *[0.9] * 4) + bytes(2) + _packed(b"en", b"en")


async def test_a_version_that_is_named_judges_and_one_that_is_not_there_is_404(running, settings, registry, source):
    registry.add("2", registry.folders["1"])
    async with running(settings, source) as api:
        for version in ("1", "2"):
            path = f"/v2/models/sentiment/versions/{version}/infer"
            said = (await api.client.post(path, json={"inputs": [_tensor("un", "deux")]})).json()
            assert said["model_version"] == version
            assert len(said["outputs"][0]["data"]) == 2
        for version in ("3", "0", "latest", "..%2f1", "1" * 10):
            path = f"/v2/models/sentiment/versions/{version}"
            asked = await api.client.post(f"{path}/infer", json={"inputs": [_tensor("un")]})
            assert asked.status_code == 404, version
            assert (await api.client.get(path)).status_code == (await api.client.get(f"{path}/ready")).status_code
        assert (await api.client.get("/v2/models/sentiment/versions/2")).json()["versions"] == ["2"]
        # A stranger's probe loads nothing.
        assert (await api.client.get("/v2/models/sentiment/versions/1/ready")).status_code == 404


@pytest.mark.parametrize("name", ["another", "sentiment%2f..", "%2e%2e", "sentiment%00", "SENTIMENT"])
async def test_another_model_is_404_in_both_tongues(api, name):
    for method, path in (("POST", f"/v2/models/{name}/infer"), ("GET", f"/v2/models/{name}")):
        answer = await api.client.request(method, path, json={"inputs": [_tensor("un")]})
        assert answer.status_code == 404
        assert answer.json()["error"] == answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, "inputs"),
        ({"inputs": []}, "exactly one input"),
        ({"inputs": [_tensor("a"), _tensor("b")]}, "exactly one input"),
        ({"inputs": [_tensor("a", name="tweet")]}, "'text'"),
        ({"inputs": [_tensor("a", datatype="FP64")]}, "BYTES"),
        ({"inputs": [_tensor("a", shape=[])]}, "shape"),
        ({"inputs": [_tensor("a", shape=[1, 2])]}, "shape"),
        ({"inputs": [_tensor("a", shape=[-1])]}, "shape"),
        ({"inputs": [_tensor("a", shape=[2])]}, "1 elements"),
        ({"inputs": [_tensor("a", shape=[10**30])]}, "texts, not 1000000"),
        ({"inputs": [_tensor("a", data=None)]}, "no data"),
        ({"inputs": [_tensor("a", data=[3])]}, "must be a string"),
        ({"inputs": [_tensor("a", data=[["a"]])]}, "must be a string"),
        ({"inputs": [_tensor(" ")]}, "blank"),
        ({"inputs": [_tensor("a" * 10_001)]}, "10000 characters"),
        ({"inputs": [_tensor(*["a"] * 1_001)]}, "1000 texts, not 1001"),
        ({"inputs": [_tensor("a", parameters={"content_type": "base64"})]}, "content types"),
        ({"inputs": [_tensor("a", parameters={"content_type": ["str"]})]}, "content types"),
        ({"inputs": [_tensor("a", parameters={"binary_data_size": 5})]}, "both data"),
        ({"inputs": [_tensor("a", data=None, parameters={"binary_data_size": 5})]}, "number of bytes"),
        ({"inputs": [_tensor("a")], "outputs": [{"name": "logits"}]}, "these outputs"),
        ({"inputs": [_tensor("a")], "outputs": [{"name": "score"}] * 2}, "at most once"),
        ({"inputs": [_tensor("a")], "outputs": [{"name": "score"}] * 100}, "outputs"),
        ({"inputs": [_tensor("a")], "outputs": [{"name": "score", "parameters": {"classification": 1}}]}, "extension"),
        ({"inputs": [_tensor("a")], "id": "x" * 300}, "id"),
        ([], "body"),
    ],
    ids=lambda value: str(value)[:50],
)
async def test_what_is_no_request_is_400_in_both_tongues(api, body, told):
    answer = await api.client.post(INFER, json=body)
    assert answer.status_code == 400
    assert told in answer.json()["error"]
    assert answer.json()["error"] == answer.json()["detail"]
    assert len(answer.content) < 1_000


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        (_binary(_packed(b"a"), shape=[2]), "ends before element 1"),
        (_binary(_packed(b"a", b"b"), shape=[1]), "goes on"),
        (_binary(b"\xff\xff\xff\xff", shape=[1]), "ends within element 0"),
        (_binary(b"\x01\x00", shape=[1]), "ends before element 0"),
        (_binary(_packed(b"\xff"), shape=[1]), "not UTF-8"),
        (_binary(_packed(b"a"), shape=[1], claimed=4), "number of bytes"),
        (_binary(_packed(b"a"), shape=[1], claimed=5.5), "number of bytes"),
        (_binary(b"\x00", shape=[1], claimed=True), "number of bytes"),
        (_binary(_packed(b"a"), shape=[1], claimed="5"), "number of bytes"),
        (_binary(_packed(b"a"), shape=[1], head=10_000), "longer than the body"),
        (_binary(_packed(b"a"), shape=[1], head="-1"), "must be the number"),
        (_binary(_packed(b"a"), shape=[1], head="9" * 5_000), "must be the number"),
        (_binary(_packed(b"a"), shape=[1], head=0), "not valid JSON"),
        (_binary(_packed(b""), shape=[1]), "empty"),
        ({"json": {"inputs": [_tensor("a")]}, "headers": {LENGTH: "10"}}, "not valid JSON"),
    ],
    ids=str,
)
async def test_binary_data_that_is_not_what_it_says_is_400(api, request_, told):
    answer = await api.client.post(INFER, **request_)
    assert answer.status_code == 400
    assert any(part in answer.json()["error"] for part in told.split("|")), answer.json()


async def test_bytes_behind_a_whole_request_are_refused(api):
    document = json.dumps({"inputs": [_tensor("a")]}).encode()
    answer = await api.client.post(INFER, content=document + b"tail", headers={LENGTH: str(len(document))})
    assert (answer.status_code, "no binary_data_size claims" in answer.json()["error"]) == (400, True)


async def test_clients_may_say_no_media_type_but_not_another_one_and_nothing_packed(api):
    raw = json.dumps({"inputs": [_tensor("a")]}).encode()
    accepted = [{}, {"content-type": "application/json"}, {"content-type": "application/octet-stream"}]
    assert [(await api.client.post(INFER, content=raw, headers=one)).status_code for one in accepted] == [200] * 3
    refused = [{"content-type": "text/plain"}, {"origin": "http://127.0.0.1"}, {"content-encoding": "gzip"}]
    assert [(await api.client.post(INFER, content=raw, headers=one)).status_code for one in refused] == [415] * 3


async def test_the_name_of_the_model_is_the_settings_own(running, settings, constant):
    async with running(settings.model_copy(update={"model_name": "mood"}), FixedSource(constant())) as api:
        assert (await api.client.get("/v2/models/mood")).json()["name"] == "mood"
        assert (await api.client.get("/v2/models/sentiment")).status_code == 404


async def test_limits_that_an_operator_lowers_hold_here_too(running, settings):
    async with running(settings.model_copy(update={"max_texts": 2, "max_text_chars": 5})) as api:
        for texts in (["a", "b", "c"], ["123456"]):
            assert (await api.client.post(INFER, json={"inputs": [_tensor(*texts)]})).status_code == 400
            assert (await api.client.post("/invocations", json={"inputs": texts})).status_code == 400


async def test_behind_a_gateways_prefix_answers_and_errors_are_the_same(running, settings):
    """The gateway takes /api off before it asks."""
    async with running(settings.model_copy(update={"root_path": "/api"})) as api:
        assert (await api.client.post("/invocations", json={"inputs": ["a"]})).status_code == 200
        assert (await api.client.post(INFER, json={"inputs": [_tensor("a")]})).status_code == 200
        refused = (await api.client.post("/v2/models/another/infer", json={})).json()
        assert (refused["instance"], "error" in refused) == ("/api/v2/models/another/infer", True)
        assert (await api.client.post("/invocations", json={})).json()["error_code"] == "BAD_REQUEST"
