"""What both end-to-end runs share: a stack of containers that is cleared, started, tested, recorded and taken down."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IMAGES = {name: f"vigie-{name}:e2e" for name in ("gateway", "ui", "api", "trainer", "mlflow")}
Step = tuple[str, Callable[[], int]]


@dataclass(frozen=True)
class TestedStack:
    """Containers with a project name, a port, image names and secrets of their own: what else runs stays as it is."""

    topology: str
    project: str
    compose_file: Path
    artifacts: Path

    @property
    def env_file(self) -> Path:
        """The values that the compose file refers to, secrets among them."""
        return self.artifacts / "e2e.env"

    @property
    def settings(self) -> Path:
        """A folder for more of them, by container."""
        return self.artifacts / "settings"

    def command(self, *arguments: str) -> list[str]:
        """Give the command line of `docker compose` for this stack."""
        files = ["--file", str(self.compose_file), "--env-file", str(self.env_file)]
        return ["docker", "compose", "--project-name", self.project, *files, "--ansi=never", *arguments]

    def compose(self, *arguments: str, quiet: bool = False) -> str:
        """Run `docker compose` whatever comes of it; give its output."""
        result = subprocess.run(self.command(*arguments), cwd=ROOT, capture_output=True, text=True)
        if result.returncode and not quiet:
            print(result.stderr, file=sys.stderr)
        return result.stdout

    def run(self, *arguments: str) -> int:
        """Run `docker compose` in sight; give its exit code."""
        return subprocess.run(self.command(*arguments), cwd=ROOT).returncode

    def down(self) -> None:
        """Take everything down, data included."""
        every = ("--profile", "*")
        self.compose(*every, "down", "--volumes", "--remove-orphans", "--timeout", "10", quiet=True)

    def forget(self) -> None:
        """Delete the secrets: artifacts may be published."""
        self.env_file.unlink(missing_ok=True)
        shutil.rmtree(self.settings, ignore_errors=True)

    def clear(self, values: dict[str, str]) -> None:
        """Make a fresh folder with these values, tell the tests, and clear what a killed run may have left."""
        shutil.rmtree(self.artifacts, ignore_errors=True)
        self.artifacts.mkdir(parents=True)
        text = "".join(f"{name}={value}\n" for name, value in values.items())
        self.env_file.write_text(text, encoding="utf-8")

    def announce(self, port: int, mail_port: int) -> None:
        """Set what the tests read, and unset what would win over the values of the file."""
        for line in self.env_file.read_text(encoding="utf-8").splitlines():
            os.environ.pop(line.partition("=")[0], None)
        os.environ |= {
            "VIGIE_E2E_TOPOLOGY": self.topology,
            "VIGIE_E2E_URL": f"http://127.0.0.1:{port}",
            "VIGIE_E2E_MAILPIT": f"http://127.0.0.1:{mail_port}",
            "VIGIE_E2E_PROJECT": self.project,
            "VIGIE_E2E_COMPOSE": str(self.compose_file),
            "VIGIE_E2E_ENV": str(self.env_file),
            "VIGIE_E2E_ARTIFACTS": str(self.artifacts),
        }
        self.down()

    def test(self, arguments: Sequence[str]) -> int:
        """Run the end-to-end tests against it."""
        junit = f"--junitxml={self.artifacts / 'junit.xml'}"
        return subprocess.run(
            [sys.executable, "-m", "pytest", "tests/e2e", "-m", "e2e", junit, "--timeout=900", *arguments], cwd=ROOT
        ).returncode

    def save_logs(self) -> None:
        """Keep each container's log, and the state of all, with the artifacts."""
        every = ("--profile", "*")
        (self.artifacts / "services.txt").write_text(self.compose(*every, "ps", "--all"), encoding="utf-8")
        for name in self.compose(*every, "config", "--services").split():
            log = self.compose(*every, "logs", "--no-color", "--no-log-prefix", "--timestamps", name)
            log = log.replace("\x1b[2K", "")  # compose clears lines even where it may not draw
            if log:
                (self.artifacts / f"{name}.log").write_text(log, encoding="utf-8")

    def show_failed_services(self) -> None:
        """Print the end of the log of every service that did not end or run as it should."""
        print((self.artifacts / "services.txt").read_text(encoding="utf-8"))
        states = self.compose("ps", "--all", "--format", "{{.Service}} {{.State}} {{.ExitCode}} {{.Health}}")
        for state in states.splitlines():
            name, running, exit_code, *health = state.split()
            good = health in ([], ["healthy"]) if running == "running" else exit_code == "0"
            log = self.artifacts / f"{name}.log"
            if not good and log.exists():
                lines = log.read_text(encoding="utf-8").splitlines()[-30:]
                print(f"--- {name}: {running}, exit code {exit_code} {' '.join(health)}", *lines, sep="\n")


def free_ports(count: int) -> list[int]:
    """Find ports of this machine that nobody uses."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def docker_answers() -> bool:
    """Tell whether there is an engine; say what to do when there is none."""
    if shutil.which("docker") and not subprocess.run(["docker", "info"], capture_output=True).returncode:
        return True
    print("e2e: Docker does not answer. Install Docker Engine with the compose plugin, and start it.")
    return False


def conduct(stack: TestedStack, prepare: Callable[[], None], steps: Sequence[Step], *, keep: bool) -> int:
    """Prepare, do the steps in their order, keep the logs, take the stack down; give the first exit code but 0."""
    # SIGTERM ends like Ctrl-C: through the `finally` below.
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    prepare()
    code = 1
    try:
        code = _do(steps)
    except KeyboardInterrupt:
        code = 130
    finally:
        stack.save_logs()
        if code:
            stack.show_failed_services()
        if keep:
            print(f"e2e: the stack still runs on {os.environ['VIGIE_E2E_URL']}; take it down with:")
            print(f"     {' '.join(stack.command('down', '--volumes', '--remove-orphans'))}")
        else:
            stack.down()
            stack.forget()
    where = stack.artifacts.relative_to(ROOT)
    print(f"e2e: {'all good' if code == 0 else f'failed with {code}'}; logs and pictures in {where}")
    return code


def _do(steps: Sequence[Step]) -> int:
    for name, step in steps:
        started = time.monotonic()
        print(f"e2e: {name} …", flush=True)
        code = step()
        print(f"e2e: {name} took {time.monotonic() - started:.0f} s", flush=True)
        if code:
            return code
    return 0
