"""The cache of embeddings: each text encoded once, whatever was killed or damaged in between."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from vigie_trainer.encoders import embeddings as cache
from vigie_trainer.encoders.embeddings import embeddings, encoder_digest
from vigie_trainer.encoders.writing import write_file, write_folder


class Lengths:
    """Each text becomes its length and the code of its first character; remembers what it was asked for."""

    width = 2
    cost = "heavy"

    def __init__(self, name: str = "lengths", fail_at: int | None = None) -> None:
        self.name = name
        self.seen: list[str] = []
        self.fail_at = fail_at

    def transform(self, texts: Sequence[str]) -> np.ndarray:
        self.seen += texts
        if self.fail_at is not None and len(self.seen) > self.fail_at:
            raise KeyboardInterrupt
        return np.array([[len(text), ord((text or " ")[0])] for text in texts], dtype=np.float32)

    def describe(self) -> dict[str, str]:
        return {"kind": self.name}

    def files(self) -> dict[str, bytes]:
        return {}


def silent(share: float) -> None:
    pass


TEXTS = ["bb", "a", "cccc", "a", "\ud800", ""]


def test_a_text_is_encoded_once(tmp_path: Path):
    encoder = Lengths()
    first = embeddings(encoder, TEXTS, tmp_path, silent)
    np.testing.assert_array_equal(first, Lengths().transform(TEXTS))
    assert sorted(encoder.seen) == sorted(set(TEXTS))
    assert [len(text) for text in encoder.seen] == sorted(len(text) for text in encoder.seen)
    shares: list[float] = []
    again = embeddings(encoder, [*reversed(TEXTS), "new"], tmp_path, shares.append)
    np.testing.assert_array_equal(again, Lengths().transform([*reversed(TEXTS), "new"]))
    assert encoder.seen.count("new") == 1
    assert len(encoder.seen) == len(set(TEXTS)) + 1
    assert shares == [1.0]


def test_another_encoder_has_embeddings_of_its_own(tmp_path: Path):
    other = Lengths("other")
    embeddings(Lengths(), TEXTS, tmp_path, silent)
    embeddings(other, TEXTS, tmp_path, silent)
    assert len(other.seen) == len(set(TEXTS))
    assert encoder_digest(Lengths()) != encoder_digest(other)


def test_what_was_done_before_a_kill_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cache, "PART_ROWS", 10)
    texts = [f"text number {number}" for number in range(45)]
    with pytest.raises(KeyboardInterrupt):
        embeddings(Lengths(fail_at=25), texts, tmp_path, silent)
    encoder = Lengths()
    out = embeddings(encoder, texts, tmp_path, silent)
    assert len(encoder.seen) == 25
    np.testing.assert_array_equal(out, Lengths().transform(texts))


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 not really", None])
def test_a_damaged_part_is_made_again(damage: bytes | None, tmp_path: Path):
    embeddings(Lengths(), TEXTS, tmp_path, silent)
    (part,) = (tmp_path / "embeddings").rglob("*.npz")
    if damage is None:
        np.savez(part.with_suffix(""), keys=np.zeros(3, dtype=np.uint64), rows=np.zeros((2, 2), dtype=np.float32))
    else:
        part.write_bytes(damage)
    encoder = Lengths()
    np.testing.assert_array_equal(embeddings(encoder, TEXTS, tmp_path, silent), Lengths().transform(TEXTS))
    assert len(encoder.seen) == len(set(TEXTS))


def test_whoever_comes_second_leaves_the_folder_of_the_first(tmp_path: Path):
    write_folder(tmp_path / "cache" / "one", {"a": b"1"})
    write_folder(tmp_path / "cache" / "one", {"a": b"2"})
    assert (tmp_path / "cache" / "one" / "a").read_bytes() == b"1"
    assert [entry.name for entry in (tmp_path / "cache").iterdir()] == ["one"]


def test_a_file_that_cannot_be_put_in_place_leaves_nothing(tmp_path: Path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="taken"):
        write_file(tmp_path / "taken", b"data")
    assert [entry.name for entry in tmp_path.iterdir()] == ["taken"]
