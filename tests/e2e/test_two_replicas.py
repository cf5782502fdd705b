"""A second API container comes and goes behind the gateway: nobody who asks through it notices."""

from __future__ import annotations

import re
import threading
from collections import Counter

import httpx
import pytest

from .conftest import Stack, wait_until

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.only_on("compose", reason="App Service scales all containers together"),
]


def scale(stack: Stack, number: int) -> None:
    # Not --wait: it gives up on a container that a busy machine calls unhealthy for a while.
    stack.compose("up", "--detach", "--no-recreate", "--no-deps", "--scale", f"api={number}", "api")


def test_no_request_fails_while_a_second_replica_comes_and_goes(stack: Stack, api: httpx.Client) -> None:
    said: Counter[int | str] = Counter()
    enough = threading.Event()

    def ask() -> None:
        number = 0
        while not enough.wait(0.02):
            number += 1
            try:
                answer = api.post("/v1/predict", json={"text": f"Vol parfait {number}"})
                said[answer.status_code] += 1
            except httpx.HTTPError as error:
                said[type(error).__name__] += 1

    def asked() -> set[str]:
        log = stack.compose("logs", "--no-color", "--no-log-prefix", "--tail=100", "gateway")
        return set(re.findall(r'"/v1/predict".*"upstream":"([0-9.]+):', log))

    asking = threading.Thread(target=ask)
    try:
        asking.start()
        scale(stack, 2)
        wait_until("both replicas are asked", lambda: len(asked()) == 2)
        scale(stack, 1)
        wait_until("one is asked again", lambda: len(asked()) == 1)
    finally:
        enough.set()
        asking.join()
        scale(stack, 1)
    assert said.pop(200) > 0
    assert not said
