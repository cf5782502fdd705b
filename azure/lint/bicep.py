"""Check the Bicep files with checkov, as `make check` does: uv run --project azure/lint python azure/lint/bicep.py.

checkov alone exits 0 when it could not parse a file or when one of its checks fell over; here both are findings. So is
an exception in azure/.checkov.yaml that nothing needs any more. Works without network.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
BROKEN = re.compile(r"\[ERROR\]\s+Failed to run check (?P<check>\S+) on (?P<where>\S+)")


def main() -> int:
    """Print every finding; 0 when there is none, 1 otherwise."""
    excepted = set(yaml.safe_load((ROOT / "azure" / ".checkov.yaml").read_text(encoding="utf-8"))["skip-check"])
    # All checks run, the excepted ones too (of none, it takes the configuration's): only so is it known which
    # exceptions are needed.
    result = subprocess.run(
        [
            *(sys.executable, "-m", "checkov.main", "--directory=azure", "--framework=bicep"),
            *("--skip-download", "--compact", "--quiet", "--soft-fail", "--skip-check=none", "--output=json"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        report = json.loads(result.stdout)
        summary, failed = report["summary"], report["results"]["failed_checks"]
    except (ValueError, KeyError, TypeError):
        print(f"checkov gave no report (exit code {result.returncode}):\n{result.stderr[-2000:]}")
        return 1
    seen = {
        (check["check_id"], f"{check['file_path']}: {check['resource']}: {check['check_name']}") for check in failed
    }
    seen |= {(broken["check"], f"{broken['where']}: the check fell over") for broken in BROKEN.finditer(result.stderr)}
    findings = [f"{check} {where}" for check, where in sorted(seen) if check not in excepted]
    if summary["parsing_errors"]:
        findings.append(f"{summary['parsing_errors']} files could not be parsed:\n{result.stderr[-2000:]}")
    unused = sorted(excepted - {check for check, _ in seen})
    findings += [f"{check}: excepted in azure/.checkov.yaml, and nothing needs it" for check in unused]
    if not summary["resource_count"]:
        findings.append("no resource was found")
    print(*findings, sep="\n", end="\n" if findings else "")
    print(
        f"checkov {summary['checkov_version']}: {len(list((ROOT / 'azure').rglob('*.bicep')))} Bicep files, "
        f"{summary['resource_count']} resources, {summary['parsing_errors']} parsing errors, "
        f"{len(excepted)} policies excepted, {len(findings)} findings"
    )
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
