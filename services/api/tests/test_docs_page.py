"""The page /docs, read without the internet."""

import re

import httpx
import pytest

from vigie_api.app import create_app
from vigie_api.settings import Settings


def client(settings: Settings) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(create_app(settings)), base_url="http://api")


@pytest.mark.anyio
async def test_all_that_the_page_fetches_comes_from_the_api() -> None:
    async with client(Settings()) as http:
        page = (await http.get("/docs")).raise_for_status().text
        fetched = re.findall(r"""(?:href|src)="([^"]+)"|url: '([^']+)'""", page)
        addresses = [one or other for one, other in fetched]
        assert len(addresses) == 4
        for address in addresses:
            assert address.startswith("/")
            assert (await http.get(address)).status_code == 200


@pytest.mark.anyio
async def test_behind_a_gateway_the_addresses_carry_its_prefix() -> None:
    async with client(Settings(root_path="/api")) as http:
        page = (await http.get("/docs")).raise_for_status().text
        assert (await http.get("/docs/swagger-ui.css")).status_code == 200
    assert 'src="/api/docs/swagger-ui-bundle.js"' in page
    assert "url: '/api/openapi.json'" in page


@pytest.mark.anyio
async def test_a_made_up_file_beside_the_page_is_a_clear_refusal() -> None:
    async with client(Settings()) as http:
        answer = await http.get("/docs/nothing.js")
    assert answer.status_code in (404, 422)
    assert answer.headers["content-type"] == "application/problem+json"
