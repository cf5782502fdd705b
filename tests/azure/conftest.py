"""Azure as far as the scripts see it: a program `az`, and two slots that answer over HTTP what their images can."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("gateway", "ui", "api", "mlflow", "trainer")
SMOKE_KEY = "vigie_smoke"
DIGITS = {"good": "a", "old": "b", "bad": "c", "shy": "d"}


def digests(kind: str) -> dict[str, str]:
    """Of five images that are `good`, `old` (good, too), `bad`, or `shy`: those work in staging only."""
    return dict.fromkeys(NAMES, f"sha256:{DIGITS[kind] * 64}")


def served(kind: str) -> dict[str, str]:
    """The four of them that a slot runs."""
    return {name: digest for name, digest in digests(kind).items() if name != "trainer"}


class Azure:
    """The state behind the fake `az`, and the way to run a script against it."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "state.json"
        self._folder = folder
        self.write(
            slots={slot: {"running": True, "digests": {}} for slot in ("production", "staging")},
            jobs={},
            secrets={"key-smoke": SMOKE_KEY},
            refuse=[],
            outputs={},
            calls=[],
        )
        az = folder / "az"
        az.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{Path(__file__).with_name("fake_az.py")}" "$@"\n')
        az.chmod(0o755)

    @property
    def state(self) -> dict[str, Any]:
        return json.loads(self._file.read_text())

    def write(self, **parts: Any) -> None:
        old = self.state if self._file.exists() else {}
        self._file.write_text(json.dumps(old | parts))

    def runs(self, slot: str) -> dict[str, str]:
        return self.state["slots"][slot]["digests"]

    def put(self, slot: str, kind: str) -> None:
        slots = self.state["slots"]
        slots[slot]["digests"] = served(kind)
        self.write(slots=slots)

    def calls(self, command: str) -> list[list[str]]:
        return [call for call in self.state["calls"] if call[0] == command]

    def run(self, script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("VIGIE_", "GITHUB_"))}
        return subprocess.run(
            [sys.executable, ROOT / "scripts" / script, *arguments],
            env=inherited | {"AZ": str(self._folder / "az"), "FAKE_AZ_STATE": str(self._file)} | environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def release(self, step: str, kind: str, parameters: str = "production", **more: str) -> subprocess.CompletedProcess:
        settings = {
            "AZURE_RESOURCE_GROUP": "rg-vigie",
            "VIGIE_NAME": "vigie",
            "VIGIE_PARAMETERS": parameters,
            "VIGIE_REGISTRY": "crvigie",
            "VIGIE_VAULT": "kv-vigie-abcdefgh",
            "VIGIE_ENTRA_CLIENT_ID": "11111111-2222-3333-4444-555555555555",
            "VIGIE_ALERT_EMAIL": "operations@example.org",
            "VIGIE_DIGESTS": json.dumps(digests(kind)),
            "VIGIE_VERSION": "0.1.0",
        }
        return self.run("azure_release.py", step, "--wait", "0.5", "--pause", "0.01", **(settings | more))


def _handler(azure: Azure) -> type[BaseHTTPRequestHandler]:
    class Slot(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _, slot, *rest = self.path.split("/", 2)
            state = azure.state["slots"][slot]
            digest = state["digests"].get("api", "")
            works = state["running"] and re.fullmatch(r"sha256:(a|b|d)+", digest)
            if not works or ("d" in digest[7:] and slot == "production"):
                return self._say(503, {"detail": "The API is starting."})
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            version = "0.0.9" if digest.endswith("b") else "0.1.0"
            if self.command == "POST" and self.headers["Authorization"] != f"Bearer {SMOKE_KEY}":
                return self._say(401, {"detail": "No such key."})
            answers = {
                "api/readyz": (200, {"status": "ready", "model_version": "7", "database": True}),
                "api/": (200, {"version": version}),
                "api/v1/predict": (200, {"id": "p1", "sentiment": "positive", "model": {"version": "7"}}),
                "api/v1/feedback": (201, {}),
                "healthz": (200, None),
                "": (302, None),
            }
            return self._say(*answers.get(rest[0] if rest else "", (404, None)))

        def do_POST(self) -> None:
            self.do_GET()

        def _say(self, status: int, body: Any) -> None:
            raw = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            if status == 302:
                self.send_header("Location", "https://login.invalid/")
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: Any) -> None:
            pass

    return Slot


@contextmanager
def _slots(azure: Azure) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(azure)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def azure(tmp_path: Path) -> Iterator[Azure]:
    """Two slots, production with the `old` images, staging empty."""
    azure = Azure(tmp_path)
    azure.put("production", "old")
    with _slots(azure) as url:
        outputs = {"siteName": "app", "url": f"{url}/production", "stagingUrl": f"{url}/staging", "slots": True}
        azure.write(outputs=outputs)
        yield azure
