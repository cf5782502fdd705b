"""An ingestion endpoint as Application Insights has one, on this machine: it keeps what it receives."""

import gzip
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from vigie_api.settings import Settings

KEY = "11111111-2222-3333-4444-555555555555"


class Ingestion:
    """`/v2.1/track` on a free port. `status`, `headers`, `body` and `hangs` say how it behaves next."""

    def __init__(self) -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self.paths: set[str] = set()
        self.attempts = 0
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body: str | None = None
        self.resets = False
        self.release = threading.Event()
        self.release.set()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._server: ThreadingHTTPServer | None = None

    @property
    def connection_string(self) -> str:
        return (
            f"InstrumentationKey={KEY};IngestionEndpoint=http://127.0.0.1:{self.port}/;LiveEndpoint=http://127.0.0.1:9/"
        )

    def start(self) -> None:
        ingestion = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                ingestion.paths.add(self.path.partition("?")[0])
                ingestion.attempts += 1
                ingestion.release.wait(200)
                if ingestion.resets:
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    self.close_connection = True
                    self.connection.close()
                    return
                batch = json.loads(gzip.decompress(raw) if self.headers.get("Content-Encoding") == "gzip" else raw)
                if ingestion.status in (200, 206):
                    ingestion.batches.append(batch)
                said = {"itemsReceived": len(batch), "itemsAccepted": len(batch), "errors": []}
                answer = (ingestion.body or json.dumps(said)).encode()
                self.send_response(ingestion.status)
                for name, value in {**ingestion.headers, "Content-Type": "application/json"}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, *_: object) -> None:
                """A client that went away is no news."""

        self._server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        self.release.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @property
    def envelopes(self) -> list[dict[str, Any]]:
        return [envelope for batch in list(self.batches) for envelope in batch]

    def of(self, kind: str, name: str | None = None) -> list[dict[str, Any]]:
        """The envelopes of a base type, such as EventData."""
        found = [envelope for envelope in self.envelopes if envelope["data"]["baseType"] == kind]
        return [envelope for envelope in found if name in (None, envelope["data"]["baseData"].get("name"))]

    def wait(self, there: Callable[[], object]) -> None:
        """Until something arrived; the test's own timeout ends a wait for nothing."""
        while not there():
            time.sleep(0.02)


@pytest.fixture(autouse=True)
def _quick_courier(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deliveries follow one another sooner than in service; what makes them wait is the same."""
    monkeypatch.setattr("vigie_api.telemetry.appinsights.courier._PAUSE_S", 0.05)


@pytest.fixture
def ingestion() -> Iterator[Ingestion]:
    server = Ingestion()
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["opencensus", "opentelemetry"])
def observed(request: pytest.FixtureRequest, settings: Settings, ingestion: Ingestion) -> Settings:
    """Settings that send telemetry to `ingestion`, once with each library."""
    return Settings(
        **settings.model_dump(exclude={"appinsights_connection_string", "appinsights_exporter"}),
        appinsights_connection_string=ingestion.connection_string,
        appinsights_exporter=request.param,
    )
