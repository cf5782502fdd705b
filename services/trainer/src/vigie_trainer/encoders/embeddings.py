"""Embeddings, kept on disk by what they are of: the text, and everything that decides what the encoder makes of it.

A folder for each encoder holds parts of some thousand rows, written as they are done: whoever is killed loses one part
at most, and a text is encoded once, whatever recipe asked first. Rows are kept as the encoder gave them (float32), so
that a cached embedding is the fresh one.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import vigie_model.cleaning
import vigie_model.plain
import vigie_model.sequences
from vigie_model.features import Features
from vigie_trainer.encoders.writing import write_file

PART_ROWS = 4096
_CHUNK = 256  # texts between two reports of progress

# What happens to a text before the encoder sees it. Their sources are part of an embedding's name.
_PREPARING = (vigie_model.plain, vigie_model.cleaning, vigie_model.sequences)


def encoder_digest(features: Features) -> str:
    """What names an encoder: its description, its files, and the code that prepares its texts."""
    digest = hashlib.sha256(json.dumps(features.describe(), sort_keys=True).encode())
    for name, data in sorted(features.files().items()):
        digest.update(name.encode() + hashlib.sha256(data).digest())
    for module in _PREPARING:
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()[:32]


def embeddings(
    features: Features, texts: Sequence[str], cache: Path, progress: Callable[[float], None]
) -> NDArray[np.float32]:
    """The features of each text, float32, shape (len(texts), features.width), from the cache where it has them.

    `progress` hears the share of the missing texts that is encoded. A damaged part is made again.
    """
    folder = cache / "embeddings" / encoder_digest(features)
    keys = _keys(texts)
    out = np.zeros((len(texts), features.width), dtype=np.float32)
    missing = _fill(folder, keys, out)
    if len(missing):
        # One of each text; those of like length together, since the longest of a batch is what all of it costs.
        _, first = np.unique(keys[missing], return_index=True)
        todo = sorted(missing[first].tolist(), key=lambda at: (len(texts[at]), at))
        done = 0
        for start in range(0, len(todo), PART_ROWS):
            part = todo[start : start + PART_ROWS]
            rows = np.zeros((len(part), features.width), dtype=np.float32)
            for offset in range(0, len(part), _CHUNK):
                chunk = part[offset : offset + _CHUNK]
                rows[offset : offset + len(chunk)] = np.asarray(features.transform([texts[at] for at in chunk]))
                done += len(chunk)
                progress(done / len(todo))
            _write_part(folder, keys[part], rows)
            out[part] = rows
        _copy_repeated(keys, missing, missing[first], out)
    return out


def _keys(texts: Sequence[str]) -> NDArray[np.uint64]:
    # 64 bits of SHA-256: among ten million texts, two share them with a chance of three in a million.
    digests = b"".join(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8] for text in texts)
    return np.frombuffer(digests, dtype=np.uint64)


def _fill(folder: Path, keys: NDArray[np.uint64], out: NDArray[np.float32]) -> NDArray[np.intp]:
    """Put the known rows into `out`; the places of the others, ascending."""
    missing = np.arange(len(keys))
    for path in sorted(folder.glob("*.npz")):
        if not len(missing):
            break
        part = _read_part(path, out.shape[1])
        if part is None:
            continue
        known, rows = part
        order = np.argsort(known)
        at = np.minimum(np.searchsorted(known, keys[missing], sorter=order), len(known) - 1)
        found = known[order[at]] == keys[missing]
        out[missing[found]] = rows[order[at[found]]]
        missing = missing[~found]
    return missing


def _copy_repeated(
    keys: NDArray[np.uint64], missing: NDArray[np.intp], encoded: NDArray[np.intp], out: NDArray[np.float32]
) -> None:
    if len(encoded) == len(missing):
        return
    known = keys[encoded]  # ascending, as numpy.unique gave them
    out[missing] = out[encoded[np.searchsorted(known, keys[missing])]]


def _read_part(path: Path, width: int) -> tuple[NDArray[np.uint64], NDArray[np.float32]] | None:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            keys, rows = archive["keys"], archive["rows"]
    except Exception:  # the zip and npy readers raise a dozen types for damaged bytes
        return None
    sound = len(rows) > 0 and keys.shape == (len(rows),) and rows.shape[1:] == (width,)
    return (keys, rows) if sound and (keys.dtype, rows.dtype) == (np.uint64, np.float32) else None


def _write_part(folder: Path, keys: NDArray[np.uint64], rows: NDArray[np.float32]) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, keys=keys, rows=rows)
    write_file(folder / f"{hashlib.sha256(keys.tobytes()).hexdigest()[:32]}.npz", buffer.getvalue())
