"""What the server refuses by itself looks like every other refusal."""

import asyncio
import json

import pytest

from vigie_api.app import create_app
from vigie_api.champion.source import FixedSource
from vigie_api.server import listen, worker

pytestmark = pytest.mark.anyio


async def spoken(settings, constant, said):
    """What a served API answers to these bytes, until it hangs up: status, headers and body."""
    server = worker(create_app(settings, model_source=FixedSource(constant())), settings)
    bound = listen("127.0.0.1", 0)
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    try:
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        reader, writer = await asyncio.open_connection(*bound.getsockname()[:2])
        writer.write(said)
        head, _, body = (await asyncio.wait_for(reader.read(), 60)).decode().partition("\r\n\r\n")
        writer.close()
    finally:
        server.should_exit = True
        await serving
    status, *lines = head.split("\r\n")
    return int(status.split()[1]), dict(line.lower().split(": ", 1) for line in lines), json.loads(body)


async def test_what_is_no_http_is_refused_as_problem_json(settings, constant):
    status, headers, body = await spoken(settings, constant, b"no http at all\r\n\r\n")
    assert (status, headers["content-type"], headers["connection"]) == (400, "application/problem+json", "close")
    assert (body["type"], body["status"]) == ("urn:vigie:problem:malformed-http", 400)


async def test_one_connection_too_many_is_refused_as_problem_json(settings, constant):
    crowded = settings.model_copy(update={"max_connections": 1})
    status, headers, body = await spoken(crowded, constant, b"GET /livez HTTP/1.1\r\nHost: vigie\r\n\r\n")
    assert (status, headers["content-type"], headers["retry-after"]) == (503, "application/problem+json", "1")
    assert (body["type"], body["instance"]) == ("urn:vigie:problem:too-many-connections", "/livez")
