"""docs/connectors.md: the third connector that it shows works as it stands there."""

import json
import re
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select

from vigie_api.connectors.options import KINDS
from vigie_api.connectors.trial import named, try_out
from vigie_api.mentions.table import mentions
from vigie_api.settings import Settings

pytestmark = pytest.mark.anyio
PAGE = Path(__file__).parents[4] / "docs" / "connectors.md"


@pytest.fixture
def example(tmp_path, monkeypatch):
    """The code on the page, as a module that KINDS names."""
    (code,) = re.findall(r"```python\n(.+?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "connector_on_the_page.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(KINDS, "mastodon", "connector_on_the_page:MastodonOptions")


@pytest.fixture
def mastodon():
    """A server of fifty posts under #airparadis; those after `min_id`, up to 40 a page."""
    now = datetime.now(UTC)
    posts = [
        {
            "id": str(number),
            "uri": f"https://m.example/users/jeanne/statuses/{number}",
            "url": f"https://m.example/@jeanne/{number}",
            "created_at": (now - timedelta(minutes=60 - number)).isoformat().replace("+00:00", "Z"),
            "content": f"<p>Vol {number} annul&eacute;</p>",
            "account": {"acct": "jeanne", "followers_count": 12},
        }
        for number in range(1, 51)
    ]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked = parse_qs(urlsplit(self.path).query)
            after = int(asked["min_id"][0]) if "min_id" in asked else None
            newer = [post for post in posts if int(post["id"]) > (after or 0)]
            shown = newer[:40] if after is not None else newer[-20:]
            body = json.dumps(shown if "airparadis" in self.path else []).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def configured(settings, example, mastodon):
    entry = {
        "name": "masto",
        "kind": "mastodon",
        "server": mastodon,
        "tags": {"Air Paradis": "airparadis", "Vide": "x"},
    }
    return Settings(**settings.model_dump() | {"connectors": [entry]})


async def test_the_connector_on_the_page_brings_posts_into_the_database(running, configured):
    async with running(configured) as api:
        listed = {"taken": 0}
        while listed["taken"] < 20:
            (listed,) = (await api.client.get("/v1/connectors")).json()["connectors"]
        (first, *others) = await api.services.database.read(
            lambda connection: connection.execute(select(mentions).order_by(mentions.c.seq)).all()
        )
        assert len(others) == 19
        assert (first.source, first.topic, first.reach) == ("mastodon", "Air Paradis", 12)
        assert first.url == "https://m.example/@jeanne/31"
        assert (listed["state"], listed["source"], listed["topics"]) == ("running", "mastodon", ["Air Paradis", "Vide"])


async def test_it_goes_on_after_its_cursor_page_by_page(configured, read):
    source = configured.connectors[0].open(configured)
    batches = await read(source, {"Air Paradis": "2"})
    assert [len(batch.mentions) for batch in batches] == [40, 8]
    assert batches[-1].cursor == {"Air Paradis": "50"}
    assert batches[0].mentions[0].text.strip() == "Vol 3 annulé"


async def test_it_can_be_tried_out(configured):
    told = await try_out(named(configured, "masto"), configured, 30)
    assert (told.works, told.posts) == (True, {"Air Paradis": 20, "Vide": 0})


def test_the_page_names_every_option_and_metric():
    page = PAGE.read_text(encoding="utf-8")
    from vigie_api.connectors.bluesky import BlueskyOptions
    from vigie_api.connectors.x import XOptions

    for options in (BlueskyOptions, XOptions):
        assert all(f"`{name}`" in page for name in options.model_fields)
    for metric in ("vigie_connector_posts_total", "vigie_connector_failures_total", "vigie_connector_leads"):
        assert metric in page
