"""`make demo`, as a newcomer meets it: from an empty folder to a verdict, and nothing left running afterwards."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEMO = [sys.executable, str(ROOT / "scripts" / "demo.py"), "run"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    ports = {"VIGIE_API_PORT": free_port(), "VIGIE_UI_PORT": free_port(), "VIGIE_MLFLOW_PORT": free_port()}
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("VIGIE_", "MLFLOW_", "COV_", "COVERAGE_"))
    }
    return kept | {name: str(port) for name, port in ports.items()} | {"VIGIE_HOME": str(tmp_path / "var")}


def post(port: str, path: str, body: dict[str, object]) -> dict[str, object]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", data=json.dumps(body).encode(), headers={"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        answer: dict[str, object] = json.load(response)
        return answer


def listens(port: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(port))) == 0


def processes_that_mention(text: str) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (
                text.encode() in (entry / "environ").read_bytes()
                and (entry / "stat").read_text().split(") ")[1][0] != "Z"
            ):
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except (OSError, IndexError):
            continue
    return found


def spawn(environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        DEMO, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT
    )


def start(environment: dict[str, str]) -> tuple[subprocess.Popen[str], list[str]]:
    """Start the demo and read what it says until it is ready."""
    process = spawn(environment)
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip())
        if line.startswith("Stop:"):
            return process, lines
    process.wait()
    raise AssertionError("the demo ended before it was ready:\n" + "\n".join(lines))


@pytest.mark.integration
@pytest.mark.timeout(420)
@pytest.mark.xdist_group("demo")
def test_a_newcomer_gets_verdicts_and_ctrl_c_leaves_nothing_behind(environment: dict[str, str]) -> None:
    process, lines = start(environment)
    try:
        api = environment["VIGIE_API_PORT"]
        verdicts = {
            text: post(api, "/v1/predict", {"text": text})["sentiment"]
            for text in (
                "My flight was cancelled and nobody answers. Worst airline ever.",
                "Merci à l'équipage, vol parfait !",
                "Je suis content d'être ici !",
            )
        }
        assert list(verdicts.values()) == ["negative", "positive", "positive"]
        assert any(f"http://127.0.0.1:{environment['VIGIE_UI_PORT']}" in line for line in lines)
        assert (Path(environment["VIGIE_HOME"]) / "api" / "vigie.db").exists()  # its state is there and nowhere else
    finally:
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    assert "stopped" in output
    assert [port for name, port in environment.items() if name.endswith("_PORT") and listens(port)] == []
    assert processes_that_mention(environment["VIGIE_HOME"]) == []

    # The second time there is a champion already: it is served again, not trained again, and SIGTERM ends it as well.
    process, lines = start(environment)
    try:
        assert not any("first time" in line for line in lines)
        assert any("version 1." in line for line in lines)
    finally:
        process.terminate()
        process.communicate(timeout=120)
    assert processes_that_mention(environment["VIGIE_HOME"]) == []


def test_a_port_in_use_is_one_clear_sentence(environment: dict[str, str]) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", int(environment["VIGIE_API_PORT"])))
        holder.listen()
        result = subprocess.run(
            DEMO, env=environment, capture_output=True, text=True, cwd=ROOT, timeout=120, check=False
        )
    assert result.returncode == 2
    assert f"Port {environment['VIGIE_API_PORT']} (API) is in use" in result.stderr
    assert "VIGIE_API_PORT=" in result.stderr
    assert "Traceback" not in result.stderr


class Stranger(BaseHTTPRequestHandler):
    """Another program on MLflow's port, which says that all is well."""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.send_response(200)
        self.end_headers()

    def do_POST(self) -> None:
        self.do_GET()


@pytest.mark.integration
@pytest.mark.xdist_group("demo")
def test_a_program_that_takes_the_port_of_mlflow_meanwhile_is_never_spoken_to(environment: dict[str, str]) -> None:
    # Bound and not listening, it leaves the port free for whoever looks; then it takes it for itself.
    port = int(environment["VIGIE_MLFLOW_PORT"])
    with HTTPServer(("127.0.0.1", port), Stranger, bind_and_activate=False) as stranger:
        stranger.asked = []
        stranger.server_bind()
        process = spawn(environment)
        until_it_starts(process, environment)
        stranger.server_activate()
        serving = threading.Thread(target=stranger.serve_forever, kwargs={"poll_interval": 0.05})
        serving.start()
        try:
            output, _ = process.communicate(timeout=240)
        finally:
            process.kill()
            stranger.shutdown()
            serving.join()
    assert process.returncode == 1, output
    assert "mlflow ended with code" in output
    assert "address already in use" in output
    assert stranger.asked == []
    assert processes_that_mention(environment["VIGIE_HOME"]) == []


def until_it_starts(process: subprocess.Popen[str], environment: dict[str, str]) -> None:
    """Until the demo has found its ports free."""
    while process.poll() is None and not (Path(environment["VIGIE_HOME"]) / "logs").exists():
        time.sleep(0.02)


@pytest.mark.xdist_group("demo")
def test_a_signal_during_the_start_leaves_nothing_behind(environment: dict[str, str]) -> None:
    process = spawn(environment)
    until_it_starts(process, environment)
    process.terminate()
    process.communicate(timeout=120)
    assert processes_that_mention(environment["VIGIE_HOME"]) == []
