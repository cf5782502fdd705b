"""API keys: made once, kept as SHA-256, compared in constant time.

A key is 32 random bytes, so a plain SHA-256 is enough: there is nothing to guess, hence nothing to slow down.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import get_args

from vigie_api.access.api_key import ApiKey, Scope
from vigie_api.problem import Problem

PREFIX = "vig_"
SCOPES: frozenset[Scope] = frozenset(get_args(Scope))


class Unauthorized(Problem):
    """No key, or one that nobody configured."""

    status = 401
    slug = "unauthorized"
    title = "Unauthorized"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": 'Bearer realm="vigie"'})


class Forbidden(Problem):
    """A good key that lacks the scope."""

    status = 403
    slug = "forbidden"
    title = "Forbidden"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the name of the key, and what it may do."""

    name: str
    scopes: frozenset[Scope]


EMBEDDED = Caller("embedded", SCOPES)


class Keyring:
    """The configured keys. An empty ring is the embedded mode: every caller is this machine's user."""

    def __init__(self, keys: Iterable[ApiKey]) -> None:
        self._keys = [(key.sha256.encode(), Caller(key.name, key.scopes)) for key in keys]

    @property
    def embedded(self) -> bool:
        """Whether no key is configured."""
        return not self._keys

    def identify(self, authorization: str | None) -> Caller:
        """The caller behind an Authorization header. Raises Unauthorized."""
        if not self._keys:
            return EMBEDDED
        scheme, _, secret = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not secret:
            raise Unauthorized("Send an API key: Authorization: Bearer YOUR-KEY.")
        digest = hashlib.sha256(secret.strip().encode()).hexdigest().encode()
        found: Caller | None = None
        for known, caller in self._keys:  # no early exit: the time says nothing of which key came close
            if hmac.compare_digest(known, digest):
                found = caller
        if found is None:
            raise Unauthorized("This API key is not known here. Check that it is whole and still configured.")
        return found


def new_key(name: str, scopes: Sequence[Scope]) -> tuple[str, str]:
    """A fresh key, and the JSON entry for VIGIE_API_KEYS that lets it in. The key itself is kept nowhere."""
    secret = PREFIX + secrets.token_urlsafe(32)
    key = ApiKey(name=name, scopes=frozenset(scopes), sha256=hashlib.sha256(secret.encode()).hexdigest())
    entry = {"name": key.name, "scopes": sorted(key.scopes), "sha256": key.sha256}
    return secret, json.dumps(entry)
