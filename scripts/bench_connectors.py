"""What listening to Bluesky costs: the filter for a post that is not about us, and a whole stream over a websocket.

    uv run python scripts/bench_connectors.py
    uv run python scripts/bench_connectors.py --json

The posts are made up, in the form and of the size that Jetstream sends (English, French with accents and emoji,
Japanese; one in a thousand is about a topic). The server is a process of its own on this machine; CPU time is this
process' alone. The network sends some 50 to 100 posts a second.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import time
from contextlib import aclosing
from multiprocessing.connection import Connection
from typing import Any

from websockets.asyncio.server import ServerConnection, serve

from vigie_api.connectors import bluesky
from vigie_api.connectors.bluesky import BlueskyOptions, BlueskySource
from vigie_api.connectors.words import Matcher

TEXTS = {
    "English": "Just landed after a nine hour flight, the crew was lovely and the food was not that bad at all #travel",
    "French": "Très déçu par le retard de ce matin, personne à l’accueil et pas un mot d’excuse 😡 on attend toujours…",
    "Japanese": "今日はとても天気がいいので散歩に行きました。公園では子供たちが遊んでいて、とても楽しそうでした。",
    "about a topic": "Air Paradis a encore perdu ma valise",
}
WORDS = {
    "Air Paradis": 'airparadis "air paradis" "vol air paradis" -casino',
    "Concurrents": 'ryanair easyjet klm lufthansa transavia vueling "air france" "british airways"',
    "Aéroports": 'roissy orly "charles de gaulle" heathrow schiphol "lyon saint-exupéry"',
}
_START_US = 1_700_000_000_000_000


def frame(number: int, text: str) -> bytes:
    """One event as Jetstream sends it."""
    link = {
        "cid": "bafyreia" + "x" * 50,
        "uri": "at://did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/app.bsky.feed.post/3l3qo2vuowo2b",
    }
    record: dict[str, Any] = {"$type": "app.bsky.feed.post", "createdAt": "2026-11-22T10:00:00.000Z", "langs": ["en"]}
    record |= {"reply": {"parent": link, "root": link}, "text": text}
    commit: dict[str, Any] = {"rev": "3l3qo2vutsw2b", "operation": "create", "collection": "app.bsky.feed.post"}
    commit |= {"rkey": f"3l{number}", "record": record, "cid": "bafyreid" + "y" * 50}
    event = {"did": "did:plc:" + "a" * 24, "time_us": _START_US + number, "kind": "commit", "commit": commit}
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def filter_us(repeat: int) -> dict[str, float]:
    """Microseconds that a post of each kind takes until it is known to be passed over: the best of five runs."""
    matcher = Matcher(BlueskyOptions.model_validate({"name": "b", "words": WORDS}).words)
    found = {}
    for name, text in TEXTS.items():
        event = frame(0, text)
        best = float("inf")
        for _ in range(5):
            began = time.process_time()
            for _ in range(repeat):
                matcher.may_concern(event)
            best = min(best, time.process_time() - began)
        found[name] = best / repeat * 1e6
    return found


def stream(pipe: Connection, posts: int) -> None:
    """A server that sends so many posts as fast as they are taken."""
    kinds = list(TEXTS.values())[:3]

    async def talk(connection: ServerConnection) -> None:
        for number in range(posts):
            text = TEXTS["about a topic"] if number % 1_000 == 999 else kinds[number % 3]
            await connection.send(frame(number, text), text=True)
        await connection.wait_closed()

    async def run() -> None:
        async with serve(talk, "127.0.0.1", 0, compression=None) as server:
            pipe.send(server.sockets[0].getsockname()[1])
            await asyncio.to_thread(pipe.recv)

    asyncio.run(run())


async def listen(port: int, posts: int) -> dict[str, float]:
    """Read the whole stream with the connector, without its pace of catching up."""
    bluesky._FRAMES_EVERY_S = 0.0  # type: ignore[misc] # final for everybody else
    options = BlueskyOptions.model_validate({"name": "b", "words": WORDS, "hosts": [f"ws://127.0.0.1:{port}"]})
    began_s, cpu_s, found = time.monotonic(), time.process_time(), 0
    async with aclosing(BlueskySource(options).read(None)) as batches:
        async for batch in batches:
            found += len(batch.mentions)
            if found >= posts // 1_000:
                break
    cpu_s, wall_s = time.process_time() - cpu_s, time.monotonic() - began_s
    return {"posts": posts, "found": found, "posts_per_s": posts / wall_s, "cpu_us_per_post": cpu_s / posts * 1e6}


def main() -> int:
    """Measure, and print."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--posts", type=int, default=50_000)
    asked.add_argument("--json", action="store_true")
    given = asked.parse_args()
    measured: dict[str, object] = {"filter_us": {name: round(us, 1) for name, us in filter_us(5_000).items()}}
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=stream, args=(theirs, given.posts), daemon=True)
    server.start()
    whole = asyncio.run(listen(ours.recv(), given.posts))
    ours.send("end")
    server.join()
    measured["stream"] = {name: round(value, 1) for name, value in whole.items()}
    measured["share_of_a_core_at_100_posts_per_s"] = round(whole["cpu_us_per_post"] * 100 / 1e6, 4)
    print(json.dumps(measured, indent=None if given.json else 2, ensure_ascii=False))
    return 0 if whole["found"] == given.posts // 1_000 else 1


if __name__ == "__main__":
    raise SystemExit(main())
