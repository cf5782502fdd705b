"""The document that carries the page has our name, and the command that starts it refuses in one sentence."""

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import streamlit

from vigie_ui import cli
from vigie_ui.front import FrontDocument, front_document
from vigie_ui.server import SCRIPT, build_app, options, trail
from vigie_ui.settings import UiSettings

TEMPLATE = (Path(streamlit.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_document_is_ours_in_name_language_and_icon(language):
    document = front_document(TEMPLATE, language)
    assert f'<html lang="{language}"' in document
    assert "<title>Analyse · Vigie</title>" in document
    assert "<title>Streamlit" not in document
    assert "favicon.png" not in document
    assert "data:image/svg+xml" in document
    assert "./static/js/" in document


def ask(path, accept, default="fr"):
    async def streamlit_answers(scope, receive, send):
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def call():
        transport = httpx.ASGITransport(app=FrontDocument(streamlit_answers, language=default))
        async with httpx.AsyncClient(transport=transport, base_url="http://page") as http:
            return await http.get(path, headers={"Accept": accept})

    return asyncio.run(call())


def test_a_browser_gets_the_document_in_the_language_of_the_address():
    assert 'lang="en"' in ask("/?lang=en", "text/html").text
    assert 'lang="fr"' in ask("/?lang=xx", "text/html").text
    assert 'lang="en"' in ask("/later", "text/html", default="en").text


@pytest.mark.parametrize(("path", "place"), [("/analyse", "/"), ("/analyse/?lang=en", "/?lang=en")])
def test_the_first_page_is_found_by_its_name_too(path, place):
    answer = ask(path, "text/html")
    assert (answer.status_code, answer.headers["location"]) == (307, place)


def test_the_document_cannot_be_framed_by_others_nor_sniffed():
    headers = ask("/", "text/html").headers
    assert headers["content-security-policy"] == "frame-ancestors 'self'"
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("path", "accept"), [("/_stcore/health", "text/html"), ("/static/js/a.js", "text/html"), ("/", "*/*")]
)
def test_all_else_goes_on_to_streamlit(path, accept):
    assert ask(path, accept).status_code == 204


def test_the_application_runs_our_script_with_nothing_of_streamlits_own_shown():
    assert SCRIPT.is_file()
    assert build_app(UiSettings()) is not None
    chosen = options(UiSettings(port=9000))
    assert chosen["server.port"] == 9000
    assert chosen["client.toolbarMode"] == "minimal"
    assert chosen["client.showErrorDetails"] == "none"
    assert chosen["browser.gatherUsageStats"] is False
    assert chosen["server.fileWatcherType"] == "none"


def refused(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    output = capsys.readouterr()
    assert caught.value.code == 2
    assert output.err.count("\n") == 1
    return output.err


def test_a_port_in_use_is_one_sentence_and_exit_2(capsys):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = held.getsockname()[1]
        said = refused(["--port", str(port)], capsys)
    assert f"127.0.0.1:{port}" in said
    assert "VIGIE_UI_PORT" in said


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "many"), ("API_URL", "nowhere"), ("LANGUAGE", "de"), ("PORT", "0")]
)
def test_a_wrong_setting_is_named_and_exit_2(name, value, capsys, monkeypatch):
    monkeypatch.setenv(f"VIGIE_UI_{name}", value)
    assert f"VIGIE_UI_{name}" in refused([], capsys)


def test_an_address_of_another_machine_is_exit_2(capsys):
    assert "VIGIE_UI_HOST" in refused(["--host", "no-such-host.invalid"], capsys)
    assert "cannot listen" in refused(["--host", "192.0.2.1"], capsys)


def test_every_setting_is_described():
    assert all(field.description for field in UiSettings.model_fields.values())


def websocket(port, host):
    """The status of a handshake as a browser makes it that went to `host`."""
    asked = (
        f"GET /_stcore/stream HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(asked.encode())
        return int(connection.recv(1_000).split()[1])


def test_behind_a_gateway_the_page_has_the_names_that_the_gateway_gives_it():
    assert options(UiSettings(host="0.0.0.0"))["server.allowedHosts"] == []  # noqa: S104 - as in the container


def test_the_command_serves_and_writes_nothing_beside(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = tmp_path / "home"
    work = tmp_path / "work"
    home.mkdir()
    work.mkdir()
    command = [sys.executable, "-W", "ignore", "-c", "from vigie_ui.cli import main; main()", "--port", str(port)]
    with subprocess.Popen(
        command, cwd=work, env=os.environ | {"HOME": str(home)}, stdout=subprocess.PIPE, text=True
    ) as process:
        assert f"127.0.0.1:{port}" in process.stdout.readline()
        transport = httpx.HTTPTransport(retries=10)
        with httpx.Client(transport=transport, trust_env=False, timeout=60) as http:
            assert http.get(f"http://127.0.0.1:{port}/_stcore/health").text == "ok"
            assert "Vigie" in http.get(f"http://127.0.0.1:{port}/", headers={"Accept": "text/html"}).text
        # A site whose name is made to resolve to this machine is not let in.
        assert [websocket(port, f"{host}:{port}") for host in ("127.0.0.1", "localhost", "[::1]")] == [101] * 3
        assert websocket(port, f"evil.example:{port}") == 403
        process.terminate()
        assert process.wait(timeout=120) is not None
    assert not list(home.rglob("*"))
    assert not list(work.rglob("*"))


def test_the_trail_of_an_error_is_its_places_without_its_words():
    with pytest.raises(ValueError, match="secret") as caught:
        raise ValueError("secret")
    assert trail(caught.value).startswith("test_front_document.py:")
    assert "secret" not in trail(caught.value)
