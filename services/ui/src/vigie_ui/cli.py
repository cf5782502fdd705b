"""`vigie-ui`: start the page."""

import argparse
import os
import socket
import sys
from typing import NoReturn

from pydantic import ValidationError

from vigie_ui.settings import UiSettings


def main(arguments: list[str] | None = None) -> None:
    """Start the page; exit 2 with one sentence when a setting is wrong or the port is taken."""
    parser = argparse.ArgumentParser(
        prog="vigie-ui", description="Vigie's web page. Settings: environment variables VIGIE_UI_… (docs/settings.md)."
    )
    parser.add_argument("--host", help="address to listen on (VIGIE_UI_HOST, 127.0.0.1)")
    parser.add_argument("--port", help="port to listen on (VIGIE_UI_PORT, 8501)")
    given = {name: value for name, value in vars(parser.parse_args(arguments)).items() if value is not None}
    try:
        settings = UiSettings(**given)
    except ValidationError as error:
        _refuse(_first_mistake(error))
    _check_port(settings.host, settings.port)

    # The page's script runs in this process and reads its settings again: it must find the same ones.
    os.environ |= {"VIGIE_UI_HOST": settings.host, "VIGIE_UI_PORT": str(settings.port)}
    # Streamlit takes half a second to import: not before what can go wrong has been checked.
    from vigie_ui.server import serve

    # Every address of a container is none that a browser could open: only a host of this machine makes a link.
    where = f"{'listens on ' if settings.host in ('0.0.0.0', '::') else 'http://'}{settings.host}:{settings.port}"  # noqa: S104 - compared, not bound
    print(f"Vigie's page: {where} (API: {settings.api_url})", flush=True)  # noqa: T201 - the command's answer
    serve(settings)


def _check_port(host: str, port: int) -> None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except socket.gaierror:
        _refuse(
            f"the address {host} is unknown on this machine: set VIGIE_UI_HOST to one of its own, such as 127.0.0.1"
        )
    except PermissionError:
        _refuse(f"port {port} needs rights that this user does not have: set VIGIE_UI_PORT to one above 1023")
    except OSError as error:
        _refuse(
            f"cannot listen on {host}:{port} ({error.strerror}): stop what uses it, or set VIGIE_UI_PORT to another"
        )


def _first_mistake(error: ValidationError) -> str:
    mistake = error.errors(include_url=False, include_input=False)[0]
    name = str(mistake["loc"][0]).upper() if mistake["loc"] else "?"
    return f"the setting VIGIE_UI_{name} is wrong: {mistake['msg']}"


def _refuse(sentence: str) -> NoReturn:
    print(f"vigie-ui: {sentence}.", file=sys.stderr)  # noqa: T201 - the command's answer
    sys.exit(2)
