"""How posts come in, for a page that has none: what to do, and the line to type."""

from html import escape
from typing import Final
from urllib.parse import urlsplit

from vigie_ui.i18n import Catalogue

HERE: Final = ("127.0.0.1", "localhost", "::1")
USUAL: Final = "http://127.0.0.1:8000"
"""Where the commands look for the API when nothing else is said."""
INGEST: Final = 'uv run vigie-api ingest posts.csv --topic "Air Paradis"'
DEMO: Final = "uv run python scripts/demo_week.py"
_KEY: Final = "--api-key \"$(sed -n 's/^VIGIE_KEY_INGEST=//p' .env)\""
INGEST_DOCKER: Final = f'docker compose exec -T api vigie-api ingest - --topic "Air Paradis" {_KEY} < posts.csv'
DEMO_DOCKER: Final = f"{DEMO} --api-url http://127.0.0.1:8080/api {_KEY}"


def commands(api_url: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """The lines that hand in a file and the made-up week: those that reach this API first, then those for Docker."""
    address = api_url.rstrip("/")
    if urlsplit(address).hostname not in HERE:
        return (INGEST, INGEST_DOCKER), (DEMO, DEMO_DOCKER)
    there = "" if address == USUAL else f" --api-url {address}"
    return (INGEST + there, INGEST_DOCKER), (DEMO + there, DEMO_DOCKER)


def nothing_watched(api_url: str, say: Catalogue) -> str:
    """What to do so that posts come in."""
    (ingest, ingest_docker), (demo, demo_docker) = commands(api_url)
    ways = "".join(
        f"<li><strong>{escape(say(title))}</strong><span>{escape(say(text))}</span>{_lines(lines, say)}</li>"
        for title, text, lines in (
            ("veille.way_connector", "veille.way_connector_text", (("", "docs/connectors.md"),)),
            ("veille.way_api", "veille.way_api_text", (("", "POST /v1/mentions · docs/mentions.md"),)),
            ("veille.way_file", "veille.way_file_text", _both(ingest, ingest_docker)),
            ("veille.way_demo", "veille.way_demo_text", _both(demo, demo_docker)),
        )
    )
    return (
        f'<section class="v-nothing" role="status"><h2>{escape(say("veille.empty_title"))}</h2>'
        f"<p>{escape(say('veille.empty_text'))}</p><ol>{ways}</ol></section>"
    )


def _both(here: str, docker: str) -> tuple[tuple[str, str], ...]:
    return (("veille.without_docker", here), ("veille.with_docker", docker))


def _lines(lines: tuple[tuple[str, str], ...], say: Catalogue) -> str:
    return "".join(
        (f"<small>{escape(say(words))}</small>" if words else "") + f"<code>{escape(command)}</code>"
        for words, command in lines
    )
