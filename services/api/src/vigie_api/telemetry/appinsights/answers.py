"""What the ingestion endpoint's answers mean, whichever library asked.

Status codes: https://learn.microsoft.com/azure/azure-monitor/app/data-model-complete and the libraries' own tables.
"""

import json
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from typing import Any

from vigie_api.telemetry.appinsights.courier import Outcome
from vigie_api.telemetry.appinsights.items import Item

# 401 and 403 pass when somebody mends the resource's access; 402 and 439 (quota) do not within the hour.
_LATER = frozenset({401, 403, 408, 429, 500, 502, 503, 504})
_PARTIAL = 206


def outcome_of(items: Sequence[Item], status: int, body: str, retry_after: str | None, now_s: float) -> Outcome:
    """What became of the items that were answered so. `now_s`: the time, for a Retry-After that is a date."""
    wait_s = retry_after_s(retry_after, now_s)
    if status == _PARTIAL:
        return _partial(items, body, wait_s)
    if 200 <= status < 300:
        return Outcome()
    trouble = f"the ingestion endpoint answered {status}"
    if status in _LATER:
        return Outcome(later=list(items), trouble=trouble, wait_s=wait_s)
    return Outcome(refused=len(items), trouble=trouble, wait_s=wait_s)


def unanswered(items: Sequence[Item], error: BaseException) -> Outcome:
    """The outcome of an attempt that got no answer."""
    return Outcome(later=list(items), trouble=f"the ingestion endpoint does not answer ({type(error).__name__})")


def _partial(items: Sequence[Item], body: str, wait_s: float | None) -> Outcome:
    """Some were taken: the body names the others by their place, each with a status of its own."""
    try:
        errors: list[dict[str, Any]] = json.loads(body).get("errors") or []
        named = {int(error["index"]): int(error["statusCode"]) for error in errors}
    except (ValueError, KeyError, TypeError, AttributeError):
        return Outcome(refused=0, trouble="the ingestion endpoint took some, and did not say which", wait_s=wait_s)
    later = [items[place] for place, status in sorted(named.items()) if status in _LATER and 0 <= place < len(items)]
    refused = sum(status not in _LATER for status in named.values())
    trouble = "the ingestion endpoint took some only" if later else None
    return Outcome(later=later, refused=refused, trouble=trouble, wait_s=wait_s)


def retry_after_s(header: str | None, now_s: float) -> float | None:
    """The seconds that a Retry-After header asks for, as a number or as a date; None when it says neither."""
    if not header:
        return None
    if header.strip().isdigit():
        return float(header)
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - now_s)
    except ValueError:
        return None
