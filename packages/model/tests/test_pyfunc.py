"""The models-from-code script works where nothing of Vigie is installed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import vigie_model

GOLDEN = Path(__file__).parent / "golden"

SAVE = """
import sys, pandas as pd, mlflow, vigie_model
from pathlib import Path
from mlflow.models import infer_signature
frame = pd.DataFrame({"text": ["not good"]})
model = vigie_model.load(Path(sys.argv[1]))
mlflow.pyfunc.save_model(
    sys.argv[2], python_model=str(vigie_model.pyfunc_source()), artifacts={"vigie": sys.argv[1]},
    code_paths=[str(Path(vigie_model.__file__).parent)],
    signature=infer_signature(frame, pd.DataFrame(model.predict(["not good"]))),
    pip_requirements=["numpy"],
)
"""

# The workspace is installed through .pth files: without their folders on the path, only the model's copy is left.
LOAD = """
import sys
sys.path = [entry for entry in sys.path if not entry.rstrip("/").endswith("/src")]
import pandas as pd, mlflow
try:
    import vigie_model
except ModuleNotFoundError:
    pass
else:
    sys.exit("vigie_model is importable without the code path: " + vigie_model.__file__)
model = mlflow.pyfunc.load_model(sys.argv[1])
print(model.predict(pd.DataFrame({"text": ["not good", "Great flight :)"]}, index=[7, 3])).to_json())
"""


def run(script: str, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("artifact", ["format_1/linear", "format_2/ensemble"])
def test_mlflow_serves_the_artifact_with_only_a_copy_of_the_package(artifact: str, tmp_path: Path):
    run(SAVE, str(GOLDEN / artifact), str(tmp_path / "model"))
    answer = json.loads(run(LOAD, str(tmp_path / "model")).splitlines()[-1])
    model = vigie_model.load(GOLDEN / artifact)
    expected = dict(zip(["7", "3"], model.predict(["not good", "Great flight :)"]), strict=True))
    assert set(answer) == set(vigie_model.Prediction._fields)
    for index, verdict in expected.items():
        assert answer["sentiment"][index] == verdict.sentiment
        assert abs(answer["score"][index] - verdict.score) < 1e-6
        assert answer["language"][index] == verdict.language
