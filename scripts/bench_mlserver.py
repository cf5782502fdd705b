"""MLServer as a contestant of scripts/bench.py: an environment of its own, a small runtime, adaptive batching on.

The runtime calls `vigie_model` on the artifact that Vigie serves, so that servers are compared and not models.
"""

import json
import subprocess
from pathlib import Path

from bench_load import Server, as_open_inference, free_port

ROOT = Path(__file__).resolve().parent.parent
VERSION = "1.7.1"
# What vigie_model needs for TF-IDF, without what other kinds of artifacts need.
PACKAGES = (
    f"mlserver=={VERSION}",
    "fastapi==0.115.14",
    "numpy==2.4.6",
    "pandas==3.1.1",
    "pydantic==2.14.3",
    "uvloop==0.23.0",
    "regex==2026.11.15",
    "scipy==1.17.1",
    "simplemma==2.0.0",
)

RUNTIME = """
from pathlib import Path

import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse

import vigie_model


class VigieRuntime(MLModel):
    async def load(self) -> bool:
        self._model = vigie_model.load(Path(self.settings.parameters.uri))
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        texts = StringCodec.decode_input(payload.inputs[0])
        scores = np.array([[prediction.score] for prediction in self._model.predict(texts)])
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("score", scores)])
"""


def environment(folder: Path) -> Path:
    """The Python of an environment with MLServer in `folder`, made when it is not there."""
    python = folder / "bin" / "python"
    if not (folder / "bin" / "mlserver").exists():
        subprocess.run(["uv", "venv", "--quiet", "--clear", "--python", "3.11", str(folder)], check=True)
        subprocess.run(["uv", "pip", "install", "--quiet", "--python", str(python), *PACKAGES], check=True)
    return python


def contestant(artifact: Path, folder: Path, environment_folder: Path) -> Server:
    """MLServer over the artifact; its settings and its runtime are written into `folder`."""
    environment(environment_folder)
    home = folder / "mlserver"
    home.mkdir()
    (home / "vigie_runtime.py").write_text(RUNTIME, encoding="utf-8")
    model = {
        "name": "sentiment",
        "implementation": "vigie_runtime.VigieRuntime",
        "max_batch_size": 32,
        "max_batch_time": 0.002,
        "parameters": {"uri": str(artifact)},
    }
    (home / "model-settings.json").write_text(json.dumps(model), encoding="utf-8")
    # No worker process beside the server: a tweet costs less than the way to one and back.
    settings = {
        "host": "127.0.0.1",
        "grpc_port": free_port(),
        "metrics_port": free_port(),
        "parallel_workers": 0,
        "debug": False,
    }
    (home / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    return Server(
        "mlserver",
        [
            "env",
            f"PYTHONPATH={home}:{ROOT / 'packages' / 'model' / 'src'}",
            "MLSERVER_HTTP_PORT=<port>",
            str(environment_folder / "bin" / "mlserver"),
            "start",
            str(home),
        ],
        "/v2/models/sentiment/infer",
        "/v2/health/ready",
        as_open_inference,
    )
