"""Sends mentions to a running API, list by list, as long as it takes."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import httpx

from vigie_api.mentions.csv_file import Faults, Line
from vigie_api.settings import MAX_MENTIONS_BODY_BYTES

_LIST: Final = 1_000
_LIST_BYTES: Final = MAX_MENTIONS_BODY_BYTES // 5
_TIMEOUT_S: Final = 60.0
_LONGEST_WAIT_S: Final = 60.0
_TRIES: Final = 7  # waits of 1, 2, 4 … seconds in between: two minutes in all


class UploadFailed(Exception):  # noqa: N818 - reads as what happened
    """The API did not take them; the message says why and what to do. `ours`: because of how we called it."""

    def __init__(self, message: str, *, ours: bool = False) -> None:
        super().__init__(message)
        self.ours = ours


@dataclass(slots=True)
class Sent:
    """What the API answered so far."""

    accepted: int = 0
    duplicates: int = 0
    refused: int = 0

    @property
    def total(self) -> int:
        """Mentions that the API has answered for."""
        return self.accepted + self.duplicates + self.refused


class Uploader:
    """Sends lists to one API. `sleep` is how it waits when it is asked to."""

    def __init__(self, client: httpx.Client, faults: Faults, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._faults = faults
        self._sleep = sleep
        self.sent = Sent()

    def send(self, lines: Iterable[Line]) -> Iterator[Sent]:
        """Send them in order; gives the counts after each list. Raises UploadFailed."""
        for numbers, body in _lists(lines):
            answer = self._post(body)
            self.sent.accepted += answer["accepted"]
            self.sent.duplicates += answer["duplicates"]
            self.sent.refused += len(answer["refused"])
            for refusal in answer["refused"]:
                self._faults.add(f"refused: {refusal['reason']}", numbers[refusal["index"]])
            yield self.sent

    def _post(self, body: bytes) -> dict[str, Any]:
        failures = 0
        while True:
            try:
                answer = self._client.post(
                    "/v1/mentions", content=body, headers={"Content-Type": "application/json"}, timeout=_TIMEOUT_S
                )
            except httpx.HTTPError as error:
                why, wait_s = f"does not answer ({type(error).__name__})", None
            else:
                if answer.status_code == httpx.codes.ACCEPTED:
                    document: dict[str, Any] = answer.json()
                    return document
                wait_s = _retry_after_s(answer)
                if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
                    self._sleep(1.0 if wait_s is None else wait_s)  # it is well, and busy: however long it takes
                    continue
                why = _said(answer)
                if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN, httpx.codes.NOT_FOUND):
                    raise UploadFailed(why, ours=True)
                if not answer.is_server_error:
                    raise UploadFailed(why)
            failures += 1
            if failures == _TRIES:
                raise UploadFailed(f"the API at {self._client.base_url} {why}.")
            self._sleep(wait_s or 2.0 ** (failures - 1))


def _lists(lines: Iterable[Line]) -> Iterator[tuple[list[int], bytes]]:
    """Lists of a size that the API takes: the lines' numbers, and the body."""
    numbers: list[int] = []
    documents: list[bytes] = []
    size = 0
    for number, mention in lines:
        document = mention.model_dump_json(exclude_none=True).encode()
        if numbers and (len(numbers) == _LIST or size + len(document) > _LIST_BYTES):
            yield numbers, _body(documents)
            numbers, documents, size = [], [], 0
        numbers.append(number)
        documents.append(document)
        size += len(document) + 1
    if numbers:
        yield numbers, _body(documents)


def _body(documents: list[bytes]) -> bytes:
    return b'{"mentions":[' + b",".join(documents) + b"]}"


def _retry_after_s(answer: httpx.Response) -> float | None:
    said = answer.headers.get("retry-after", "")
    return min(float(said), _LONGEST_WAIT_S) if said.isdecimal() else None


def _said(answer: httpx.Response) -> str:
    """What is wrong, in the words of the problem."""
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        detail = "no reason given; is this address an API of Vigie?"
    return f"answered {answer.status_code}: {detail}"
