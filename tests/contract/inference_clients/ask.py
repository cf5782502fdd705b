"""Ask a server as clients of the Open Inference Protocol do, and print what each of them understood, as JSON.

Runs in the environment of requirements.txt: python ask.py HOST:PORT KEY TEXT TEXT…
"""

import asyncio
import json
import sys
import tempfile
import urllib.request
from pathlib import Path

import numpy as np
import pandas as pd
import tritonclient.http as triton
from mlserver import types
from mlserver.batch_processing import process_batch
from mlserver.codecs import PandasCodec, StringCodec, StringRequestCodec
from tritonclient.utils import InferenceServerException

URL, KEY, *TEXTS = sys.argv[1:]
HEADERS = {"Authorization": f"Bearer {KEY}"}
MODEL = "sentiment"


def _listed(array):
    return [one.decode() if isinstance(one, bytes) else one for one in array.tolist()]


def _tensor(shape, binary):
    tensor = triton.InferInput("text", shape, "BYTES")
    tensor.set_data_from_numpy(np.array(TEXTS, dtype=np.object_).reshape(shape), binary_data=binary)
    return tensor


def triton_says():
    client = triton.InferenceServerClient(URL)
    names = ["sentiment", "score", "confidence", "uncertain", "language"]
    said = {
        "probes": [
            client.is_server_live(),
            client.is_server_ready(),
            client.is_model_ready(MODEL),
            client.is_model_ready(MODEL, "1"),
            client.is_model_ready("another"),
        ],
        "server": client.get_server_metadata(),
        "model": client.get_model_metadata(MODEL),
    }
    whole = client.infer(MODEL, [_tensor([len(TEXTS)], True)], headers=dict(HEADERS), request_id="seven")
    said["binary"] = {name: _listed(whole.as_numpy(name)) for name in names}
    said["binary_on_the_wire"] = all("data" not in output for output in whole.get_response()["outputs"])
    said["id"] = whole.get_response()["id"]
    wanted = [triton.InferRequestedOutput(name, binary_data=False) for name in names]
    column = client.infer(
        MODEL, [_tensor([len(TEXTS), 1], False)], outputs=wanted, headers=dict(HEADERS), model_version="1"
    )
    said["json"] = {name: _listed(column.as_numpy(name).reshape(-1)) for name in names}
    said["column_shape"] = list(column.as_numpy("score").shape)
    one = [triton.InferRequestedOutput("score"), triton.InferRequestedOutput("prediction_id", binary_data=False)]
    some = client.infer(MODEL, [_tensor([len(TEXTS)], True)], outputs=one, headers=dict(HEADERS))
    said["some"] = [output["name"] for output in some.get_response()["outputs"]]
    refusals = []
    for model, headers in (("another", dict(HEADERS)), (MODEL, {})):
        try:
            client.infer(model, [_tensor([len(TEXTS)], True)], headers=headers)
        except InferenceServerException as error:
            refusals.append([error.status(), error.message()])
    said["refusals"] = refusals
    client.close()
    return said


def _post(request):
    sent = urllib.request.Request(
        f"http://{URL}/v2/models/{MODEL}/infer",
        request.model_dump_json(exclude_none=True).encode(),
        HEADERS | {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(sent) as answered:
        return types.InferenceResponse.model_validate_json(answered.read())


def mlserver_says():
    framed = _post(PandasCodec.encode_request(pd.DataFrame({"text": TEXTS}), use_bytes=False))
    tensor = StringCodec.encode_input("text", TEXTS, use_bytes=False)
    plain = _post(types.InferenceRequest(id="9", inputs=[tensor]))
    alone = _post(types.InferenceRequest(inputs=[tensor], outputs=[types.RequestOutput(name="sentiment")]))
    metadata = urllib.request.urlopen(f"http://{URL}/v2/models/{MODEL}").read()
    return {
        "frame": PandasCodec.decode_response(framed).to_dict(orient="list"),
        "content_type": framed.parameters.content_type,
        "strings": StringCodec.decode_output(plain.outputs[0]),
        "shapes": [output.shape for output in plain.outputs],
        "id": plain.id,
        "alone": StringRequestCodec.decode_response(alone),
        "metadata": types.MetadataModelResponse.model_validate_json(metadata).name,
    }


def command_says(binary):
    """What `mlserver infer` writes for a file with one request a line."""
    with tempfile.TemporaryDirectory() as folder:
        asked, told = Path(folder, "asked"), Path(folder, "told")
        lines = [
            types.InferenceRequest(
                id=str(index),
                inputs=[types.RequestInput(name="text", shape=[1], datatype="BYTES", data=[text])],
            ).model_dump_json(exclude_none=True)
            for index, text in enumerate(TEXTS)
        ]
        asked.write_text("\n".join(lines) + "\n")
        asyncio.run(
            process_batch(
                model_name=MODEL,
                url=URL,
                workers=1,
                retries=1,
                batch_size=2,
                input_data_path=str(asked),
                output_data_path=str(told),
                binary_data=binary,
                transport="rest",
                request_headers=[f"Authorization: Bearer {KEY}"],
                timeout=60,
                batch_interval=0,
                batch_jitter=0,
                use_ssl=False,
                insecure=False,
                verbose=False,
                extra_verbose=False,
            )
        )
        return [json.loads(line) for line in told.read_text().splitlines()]


print(
    json.dumps(
        {
            "triton": triton_says(),
            "mlserver": mlserver_says(),
            "command": command_says(False),
            "binary_command": command_says(True),
        }
    )
)
