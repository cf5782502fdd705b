"""Reading verdicts and predictions from the API, as its NDJSON exports give them."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from vigie_trainer.errors import Misuse, Unavailable, VigieError
from vigie_trainer.settings import Settings

_NDJSON = "application/x-ndjson"
_TELL_EVERY = 5_000
_BUSY = (429, 500, 502, 503, 504)


def pull(
    settings: Settings, *, since: str | None, until: str | None, say: Callable[[str], None], pause_s: float = 0.5
) -> list[dict[str, Any]]:
    """Every verdict that counts, received in [since, until) (RFC 3339), newest first.

    Raises:
        Unavailable: the API does not answer, or not to the end. VigieError: it refuses us. Misuse: a time is no time.
    """
    limits = {name: value for name, value in (("since", since), ("until", until)) if value is not None}
    return pull_export(settings, "feedback", limits, thing="verdicts", say=say, pause_s=pause_s)


def pull_export(
    settings: Settings,
    name: str,
    limits: Mapping[str, str],
    *,
    thing: str,
    say: Callable[[str], None],
    most: int | None = None,
    pause_s: float = 0.5,
) -> list[dict[str, Any]]:
    """The lines of the export GET /v1/`name`, the first `most` of them if that is given.

    An export that breaks off is asked for again from the start: half of it would look like all there is.

    Args:
        limits: the query.
        thing: what a line is, in the plural, for the progress.

    Raises:
        Unavailable: the API does not answer, or not to the end. VigieError: it refuses us. Misuse: a limit makes no
            sense.
    """
    url = f"{settings.api_url.rstrip('/')}/v1/{name}"
    headers = {"Accept": _NDJSON}
    if settings.api_key is not None:
        headers["Authorization"] = f"Bearer {settings.api_key.get_secret_value()}"
    problem = ""
    for attempt in range(settings.api_retries + 1):
        if attempt:
            time.sleep(pause_s * 2 ** (attempt - 1))
            say(f"Asking the API again ({problem})")
        try:
            with (
                httpx.Client(timeout=settings.api_timeout_s) as client,
                client.stream("GET", url, params=dict(limits), headers=headers) as answer,
            ):
                if answer.status_code in _BUSY:
                    problem = f"status {answer.status_code}"
                    continue
                if answer.status_code != 200:
                    answer.read()
                    raise _refusal(answer, settings)
                if _NDJSON not in answer.headers.get("content-type", ""):
                    raise _not_the_api(url)
                return _lines(answer, thing, say, most)
        except httpx.InvalidURL as error:
            raise Misuse(f"VIGIE_TRAINER_API_URL is not an address: {error}.") from None
        except (httpx.HTTPError, json.JSONDecodeError) as error:
            problem = str(error) or type(error).__name__
    raise Unavailable(
        f"the Vigie API does not answer at {settings.api_url} ({problem}); start it, or set VIGIE_TRAINER_API_URL."
    )


def _lines(answer: httpx.Response, thing: str, say: Callable[[str], None], most: int | None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for line in answer.iter_lines():
        if not line.strip():
            continue
        document = json.loads(line)
        found.append(document if isinstance(document, dict) else {})
        if len(found) % _TELL_EVERY == 0:
            say(f"{len(found):,} {thing} read")
        if len(found) == most:
            break
    return found


def _refusal(answer: httpx.Response, settings: Settings) -> VigieError:
    if answer.status_code in (401, 403):
        return VigieError(
            f"the API at {settings.api_url} refuses us (status {answer.status_code}): set VIGIE_TRAINER_API_KEY to a "
            "key with the scope review."
        )
    try:
        problem = answer.json()
        detail = str(problem.get("detail") or problem.get("title") or "") if isinstance(problem, dict) else ""
    except ValueError:
        detail = ""
    if answer.status_code in (400, 422):
        return Misuse(f"the API does not take these limits: {detail.rstrip('.') or f'status {answer.status_code}'}.")
    if answer.status_code == 404:
        return _not_the_api(str(answer.url.copy_with(query=None)))
    said = f": {detail.rstrip('.')}" if detail else ""
    return VigieError(f"the API at {settings.api_url} answers with status {answer.status_code}{said}.")


def _not_the_api(url: str) -> VigieError:
    return VigieError(f"what answers at {url} is not the Vigie API; check VIGIE_TRAINER_API_URL.")
