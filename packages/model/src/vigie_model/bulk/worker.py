"""A process that judges chunks for another: frames on stdin, frames on stdout, until stdin ends.

    python -m vigie_model.bulk.worker FOLDER DIGEST

A frame is two big-endian 32-bit lengths, a JSON object and bytes. The first frame out says that the model is loaded,
or why not; after it, one frame out answers each frame in. Whoever started the process dies, and it ends by itself.
"""

from __future__ import annotations

import json
import os
import struct
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Final

from vigie_model.bulk.cutting import Chunk
from vigie_model.bulk.judging import REMEMBERED_PIECES
from vigie_model.bulk.layout import Layout
from vigie_model.bulk.lines import Told, score_chunk
from vigie_model.errors import ArtifactError
from vigie_model.model import Model, load

HEAD: Final = struct.Struct(">II")
_NICENESS: Final = 5  # who asks for one tweet goes first


def frame(document: Mapping[str, Any], data: bytes = b"") -> bytes:
    """One frame."""
    said = json.dumps(document).encode()
    return HEAD.pack(len(said), len(data)) + said + data


def question(layout: Layout, chunk: Chunk) -> bytes:
    """The frame that asks for a chunk's lines."""
    fields = {name: getattr(layout, name) for name in Layout.__slots__}
    return frame({"layout": fields, "first_row": chunk.first_row, "rows": chunk.rows, "fault": chunk.fault}, chunk.data)


def answer_of(document: Mapping[str, Any], data: bytes) -> Told:
    """What the frame that answers says."""
    return Told(data, document["positive"], document["negative"], document["refused"])


def main() -> int:
    """Load the model, then answer until stdin ends."""
    folder, digest = Path(sys.argv[1]), sys.argv[2]
    os.nice(_NICENESS)
    # What a library prints must not be taken for a frame.
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        model = load(folder, threads=1)
    except ArtifactError as error:
        _send(out, frame({"error": str(error)}))
        return 1
    if model.digest != digest:
        _send(out, frame({"error": f"The artifact in {folder} is another one by now."}))
        return 1
    model.remember(REMEMBERED_PIECES)
    _send(out, frame({"recipe": model.recipe}))
    return _serve(model, sys.stdin.buffer, out)


def _serve(model: Model, into: IO[bytes], out: IO[bytes]) -> int:
    while len(head := into.read(HEAD.size)) == HEAD.size:
        said, size = HEAD.unpack(head)
        asked = json.loads(into.read(said))
        data = into.read(size)
        if len(data) < size:
            break
        fields: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in asked["layout"].items()
        }
        told = score_chunk(
            model, Layout(**fields), Chunk(asked["first_row"], asked["rows"], data, asked["fault"])
        )  # fmt: skip
        _send(out, frame({"positive": told.positive, "negative": told.negative, "refused": told.refused}, told.lines))
    return 0


def _send(out: IO[bytes], data: bytes) -> None:
    out.write(data)
    out.flush()


if __name__ == "__main__":
    raise SystemExit(main())
