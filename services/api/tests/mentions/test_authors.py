"""Authors are kept as a keyed hash that both databases can hold, and as nothing else."""

import json
import stat

import pytest
from pydantic import ValidationError
from sqlalchemy import select

from vigie_api.access.keys import new_key
from vigie_api.mentions.authors import author_hash
from vigie_api.mentions.table import mentions
from vigie_api.settings import Settings
from vigie_api.watch.duplicates import author_key

SECRET = "a secret of sixteen"


@pytest.fixture
def secret(settings, database_url):
    return Settings(**settings.model_dump() | {"database_url": database_url, "author_secret": SECRET})


def test_the_hash_has_the_64_bits_of_the_watch_s_own_and_a_sign(secret):
    hashed = author_hash(secret)
    keys = [hashed(f"author {number}") for number in range(64)]
    assert all(-(2**63) <= key < 2**63 for key in keys)
    assert min(keys) < 0 < max(keys)
    assert [key % 2**64 for key in keys] == [author_key(f"author {n}", SECRET.encode()) for n in range(64)]
    assert hashed("Ann") == hashed("ANN") != hashed("bob")


@pytest.mark.anyio
async def test_an_author_is_stored_as_the_hash_and_the_name_nowhere(running, secret, mention):
    async with running(secret) as api:
        await api.services.mentions.take([mention(n, author="Ann Onymous" if n else None) for n in range(3)])
        kept = await api.services.database.read(lambda c: c.execute(select(mentions).order_by(mentions.c.seq)).all())
    assert [row.author_key for row in kept] == [None, author_hash(secret)("ann onymous"), kept[1].author_key]
    assert "onymous" not in repr(kept).lower()


def test_the_embedded_mode_makes_its_own_secret_once_for_its_owner_only(settings):
    first, again = author_hash(settings), author_hash(settings)
    assert first("Ann") == again("Ann")
    file = settings.home / "api" / "author.secret"
    assert not list(file.parent.glob("author.secret.*"))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(file.read_bytes()) == 64


def test_with_keys_and_without_a_secret_nothing_of_an_author_is_kept(settings):
    keys = [json.loads(new_key("push", ["ingest"])[1])]
    assert author_hash(Settings(**settings.model_dump() | {"keys": keys})) is None


def test_a_short_secret_is_refused(settings):
    with pytest.raises(ValidationError):
        Settings(**settings.model_dump() | {"author_secret": "short"})
