"""Build the images, bring the stack up, run the end-to-end tests through its gateway, take it down.

The stack has a project name, a port, image names and secrets of its own: one that is running stays as it is.
What the tests and containers left behind is in artifacts/e2e.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ARTIFACTS = ROOT / "artifacts" / "e2e"
ENV_FILE = ARTIFACTS / "e2e.env"
PROJECT = "vigie-e2e"
OURS = ("gateway", "ui", "api", "trainer", "mlflow")


def main() -> int:
    """Run everything; the exit code is that of the first step that failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="leave the stack running, to look at it")
    parser.add_argument("--no-build", action="store_true", help="use the images of the last run")
    options, pytest_arguments = parser.parse_known_args()

    if shutil.which("docker") is None or subprocess.run(["docker", "info"], capture_output=True).returncode:
        print("e2e: Docker does not answer. Install Docker Engine with the compose plugin, and start it.")
        return 2
    # SIGTERM ends like Ctrl-C: through the `finally` below.
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    prepare()
    code = 1
    try:
        code = run(options.no_build, pytest_arguments)
    except KeyboardInterrupt:
        code = 130
    finally:
        save_logs()
        if code:
            show_failed_services()
        if options.keep:
            print(f"e2e: the stack still runs on {os.environ['VIGIE_E2E_URL']}; take it down with:")
            print(f"     docker compose -p {PROJECT} --env-file {ENV_FILE.relative_to(ROOT)} down -v")
        else:
            compose("--profile", "dev", "down", "--volumes", "--remove-orphans", "--timeout", "10", quiet=True)
            ENV_FILE.unlink(missing_ok=True)  # artifacts may be published; secrets need not
    print(f"e2e: {'all good' if code == 0 else f'failed with {code}'}; logs and pictures in artifacts/e2e")
    return code


def prepare() -> None:
    """Make a fresh folder, secrets, port and image names; clear what a killed run may have left."""
    shutil.rmtree(ARTIFACTS, ignore_errors=True)
    ARTIFACTS.mkdir(parents=True)
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        port, mail_port = one.getsockname()[1], other.getsockname()[1]
    images = "".join(f"{name.upper()}_IMAGE=vigie-{name}:e2e\n" for name in OURS)
    ENV_FILE.write_text(f"VIGIE_PORT={port}\nMAILPIT_PORT={mail_port}\nVIGIE_API_POLL_S=2\n{images}", encoding="utf-8")
    subprocess.run([sys.executable, ROOT / "scripts" / "env.py", "--file", ENV_FILE], check=True, stdout=sys.stderr)
    # Values of the caller's shell would win over the file's.
    for line in ENV_FILE.read_text(encoding="utf-8").splitlines():
        os.environ.pop(line.partition("=")[0], None)
    os.environ |= {
        "VIGIE_E2E_URL": f"http://127.0.0.1:{port}",
        "VIGIE_E2E_MAILPIT": f"http://127.0.0.1:{mail_port}",
        "VIGIE_E2E_PROJECT": PROJECT,
        "VIGIE_E2E_ENV": str(ENV_FILE),
        "VIGIE_E2E_ARTIFACTS": str(ARTIFACTS),
    }
    compose("down", "--volumes", "--remove-orphans", quiet=True)


def run(no_build: bool, pytest_arguments: list[str]) -> int:
    """Build, start, test."""
    steps: list[tuple[str, list[str]]] = [] if no_build else [("build", compose_command("build", "--quiet"))]
    steps.append(("up", compose_command("up", "--detach", "--wait", "--wait-timeout", "600", "--quiet-pull")))
    tests = [sys.executable, "-m", "pytest", "tests/e2e", "-m", "e2e", f"--junitxml={ARTIFACTS / 'junit.xml'}"]
    steps.append(("tests", [*tests, "--timeout=900", *pytest_arguments]))
    for name, command in steps:
        started = time.monotonic()
        print(f"e2e: {name} …", flush=True)
        code = subprocess.run(command, cwd=ROOT).returncode
        print(f"e2e: {name} took {time.monotonic() - started:.0f} s", flush=True)
        if code:
            return code
    return 0


def compose_command(*arguments: str) -> list[str]:
    """Give the command line of `docker compose` for the stack of the tests."""
    return ["docker", "compose", "--project-name", PROJECT, "--env-file", str(ENV_FILE), "--ansi=never", *arguments]


def compose(*arguments: str, quiet: bool = False) -> str:
    """Run `docker compose` whatever comes of it; give its output."""
    result = subprocess.run(compose_command(*arguments), cwd=ROOT, capture_output=True, text=True)
    if result.returncode and not quiet:
        print(result.stderr, file=sys.stderr)
    return result.stdout


def save_logs() -> None:
    """Keep each service's log, and the state of all, with the artifacts."""
    (ARTIFACTS / "services.txt").write_text(compose("ps", "--all"), encoding="utf-8")
    for name in compose("config", "--services").split():
        log = compose("logs", "--no-color", "--no-log-prefix", "--timestamps", name)
        (ARTIFACTS / f"{name}.log").write_text(log, encoding="utf-8")


def show_failed_services() -> None:
    """Print the end of the log of every service that did not end or run as it should."""
    print((ARTIFACTS / "services.txt").read_text(encoding="utf-8"))
    states = compose("ps", "--all", "--format", "{{.Service}} {{.State}} {{.ExitCode}} {{.Health}}")
    for state in states.splitlines():
        name, running, exit_code, *health = state.split()
        good = health in ([], ["healthy"]) if running == "running" else exit_code == "0"
        if not good:
            lines = (ARTIFACTS / f"{name}.log").read_text(encoding="utf-8").splitlines()[-30:]
            print(f"--- {name}: {running}, exit code {exit_code} {' '.join(health)}", *lines, sep="\n")


if __name__ == "__main__":
    sys.exit(main())
