"""Hold the branch coverage of the parts that must not rot to their floors (run after pytest --cov)."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

FLOORS = {"packages/model/src/vigie_model/": 90.0, "services/api/src/vigie_api/": 90.0}
# The pure cores of the trainer: files whose logic takes data as arguments.
CORES = {
    f"services/trainer/src/vigie_trainer/{name}": 90.0
    for name in (
        "data/exploration.py",
        "data/labels.py",
        "data/reading.py",
        "data/rows.py",
        "data/splitting.py",
        "gate/behaviour.py",
        "gate/paired.py",
        "gate/rules.py",
        "scoring/metrics.py",
    )
}


def covered(files: dict[str, dict[str, dict[str, int]]], prefix: str) -> float:
    """Line and branch coverage, in per cent, of the files under a prefix."""
    chosen = [file["summary"] for name, file in files.items() if name.startswith(prefix)]
    total = sum(f["num_statements"] + f["num_branches"] for f in chosen)
    hit = sum(f["covered_lines"] + f["covered_branches"] for f in chosen)
    return 100.0 * hit / total if total else 0.0


def main() -> int:
    """Print a line for each floor; 1 when one is broken."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "coverage.json"
        if any(Path().glob(".coverage.*")):
            subprocess.run([sys.executable, "-m", "coverage", "combine", "--append", "-q"], check=True)
        subprocess.run([sys.executable, "-m", "coverage", "json", "-q", "-o", str(report)], check=True)
        files = json.loads(report.read_text(encoding="utf-8"))["files"]
    broken = 0
    for prefix, floor in (FLOORS | CORES).items():
        value = covered(files, prefix)
        broken += value < floor
        print(f"coverage {prefix:<48} {value:5.1f} % (floor {floor:.0f} %){'  TOO LOW' if value < floor else ''}")
    return int(broken > 0)


if __name__ == "__main__":
    raise SystemExit(main())
