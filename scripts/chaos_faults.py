"""What goes wrong: each fault breaks something, holds it broken for a while, and lets it come back.

Coming back is what a machine, a network or another team does: a container is started, a disk is empty again, an alias
is set back. What Vigie does from then on it does by itself; nothing here restarts or repairs Vigie.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import httpx

import chaos_poison
from chaos_stack import SERVICES, Site


@dataclass(frozen=True)
class Fault:
    """`breaks` and `ends` are the fault, `ready` tells when what was broken answers again."""

    name: str
    what: str
    breaks: Callable[[Site], Awaitable[object]]
    ends: Callable[[Site], Awaitable[object]]
    ready: Callable[[Site], Awaitable[bool]]
    variation: str = "plain"
    way_in: bool = True
    """Whether there is a way to a running API meanwhile. Without one predictions fail, and are counted apart."""
    kills_api: bool = False
    registry: bool = False
    """Whether it is about the registry: then it must answer again, too."""


async def _asks(site: Site, service: str, *command: str) -> bool:
    return all([await site.succeeds("exec", one, *command) for one in await site.containers(service)])


async def gateway_ready(site: Site) -> bool:
    """The gateway answers."""
    return await _answers(f"{site.url}/healthz")


async def mlflow_ready(site: Site) -> bool:
    """MLflow's own health check is content: it signs in and asks."""
    return await _asks(site, "mlflow", "vigie-mlflow", "health")


async def postgres_ready(site: Site) -> bool:
    """Postgres takes connections."""
    return await _asks(site, "postgres", "pg_isready", "-q", "-h", "127.0.0.1", "-U", "vigie", "-d", "vigie")


async def minio_ready(site: Site) -> bool:
    """The S3 server is ready."""
    return await _asks(site, "minio", "curl", "-fsS", "-o", "/dev/null", "http://127.0.0.1:9000/minio/health/ready")


async def mail_ready(site: Site) -> bool:
    """The mail server takes connections."""
    return await _asks(
        site, "mailpit", "python", "-c", "import socket; socket.create_connection(('127.0.0.1', 1025), 2)"
    )


async def api_ready(site: Site) -> bool:
    """Every replica has a model."""
    ask = "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"
    return await _asks(site, "api", "python", "-c", ask)


async def all_ready(site: Site) -> bool:
    """Everything answers."""
    return all([await ready(site) for ready in READY.values()])


async def _answers(url: str) -> bool:
    try:
        async with httpx.AsyncClient() as client:
            return (await client.get(url, timeout=2)).is_success
    except httpx.HTTPError:
        return False


READY: dict[str, Callable[[Site], Awaitable[bool]]] = {
    "gateway": gateway_ready,
    "postgres": postgres_ready,
    "minio": minio_ready,
    "mlflow": mlflow_ready,
    "mailpit": mail_ready,
    "api": api_ready,
}


def _killed(service: str, what: str, *, at_most: int | None = None) -> Fault:
    """kill -9 its containers (or the first so many), and start them again."""

    async def kill(site: Site) -> None:
        await site.docker("kill", "--signal", "KILL", *(await site.containers(service))[:at_most])

    async def start(site: Site) -> None:
        await site.docker("start", *(await site.containers(service))[:at_most])

    return Fault(f"kill-{service}", what, kill, start, READY[service])


def _paused(service: str, what: str) -> Fault:
    """Freeze it: its connections stay open, and nobody answers."""

    async def pause(site: Site) -> None:
        await site.docker("pause", *await site.containers(service))

    async def unpause(site: Site) -> None:
        await site.docker("unpause", *await site.containers(service))

    return Fault(f"pause-{service}", what, pause, unpause, READY[service])


async def _kill_all(site: Site) -> None:
    found = [one for service in SERVICES for one in await site.containers(service)]
    await site.docker("kill", "--signal", "KILL", *found)


async def _start_all(site: Site) -> None:
    await site.docker("start", *[one for service in SERVICES for one in await site.containers(service)])


def _through_the_proxy(name: str, what: str, order: str) -> Fault:
    async def tell(site: Site, words: str) -> None:
        (proxy,) = await site.containers("proxy")
        say = (
            "import socket, sys; s = socket.create_connection(('127.0.0.1', 9000), 5); "
            "s.sendall(sys.argv[1].encode() + b'\\n'); sys.exit(s.recv(99) != b'ok\\n')"
        )
        await site.docker("exec", proxy, "python", "-c", say, words)

    return Fault(
        name, what, lambda site: tell(site, order), lambda site: tell(site, "pass"), postgres_ready, variation="proxy"
    )


def _poisoned(name: str, what: str, make: Callable[[Site], Awaitable[object]]) -> Fault:
    return Fault(name, what, make, chaos_poison.take_back, mlflow_ready, registry=True)


async def _set_clock(site: Site, offset: str) -> None:
    (site.stack.artifacts / "clock" / "now").write_text(f"{offset}\n", encoding="utf-8")
    await asyncio.sleep(0)


_DEPENDENCIES = (
    _killed("postgres", "Postgres is killed (-9) and stays away"),
    replace(_killed("minio", "the S3 server is killed (-9) and stays away"), registry=True),
    replace(_killed("mlflow", "MLflow is killed (-9) and stays away"), registry=True),
    _killed("mailpit", "the mail server is killed (-9) and stays away"),
    _paused("postgres", "Postgres is frozen: connections stay, nobody answers"),
    replace(_paused("mlflow", "MLflow is frozen"), registry=True),
)
_OURS = (
    replace(
        _killed("api", "one replica of the API is killed (-9)", at_most=1),
        name="kill-one-api",
        kills_api=True,
    ),
    replace(_killed("api", "every replica of the API is killed (-9)"), way_in=False, kills_api=True),
    replace(_killed("gateway", "the gateway, the only way in, is killed (-9)"), way_in=False),
    Fault(
        "kill-all",
        "everything is killed (-9) at once",
        _kill_all,
        _start_all,
        all_ready,
        way_in=False,
        kills_api=True,
        registry=True,
    ),
)
_POISON = (
    _poisoned("poison-nan", "the champion's alias goes to a version that answers NaN", chaos_poison.nan),
    _poisoned("poison-slow", "it goes to a version that takes 10 s a text", chaos_poison.slow),
)
_VARIED = (
    replace(
        _killed("postgres", "Postgres is away, and the disk of the spool is full"), name="full-spool", variation="spool"
    ),
    _through_the_proxy("slow-postgres", "0.2 s of latency to and from Postgres", "delay 0.2"),
    _through_the_proxy("stall-postgres", "the network to Postgres swallows everything", "stall"),
    _through_the_proxy("reset-postgres", "every connection to Postgres is reset, twice a second", "cut 0.5"),
    Fault(
        "clock-jump",
        "the API's clock jumps an hour ahead, and back",
        lambda site: _set_clock(site, "+1h"),
        lambda site: _set_clock(site, "+0"),
        api_ready,
        variation="clock",
    ),
)
FAULTS: tuple[Fault, ...] = (*_DEPENDENCIES, *_OURS, *_POISON, *_VARIED)
