"""ONNX graphs, run by onnxruntime on the processor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vigie_model.errors import ArtifactError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vigie_model.sequences import Tokens

# Tokens that run together. What a layer works on then stays in a core's own cache: twice as many are slower a text.
_BATCH_TOKENS = 384
_TYPES = {"tensor(int32)": np.int32, "tensor(int64)": np.int64}


def open_graph(data: bytes, name: str, threads: int) -> Any:
    """The onnxruntime session of a graph. Raises ArtifactError, naming the file `name`, when it is not one."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    if sums_overflow():  # a text would score otherwise than where the model was trained
        options.add_session_config_entry("session.x64quantprecision", "1")
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises types of its C++ core that it does not publish
        raise ArtifactError(f"{name} is not a graph that onnxruntime can run.") from error


@lru_cache(maxsize=1)
def sums_overflow(processors: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the runtime's fastest products of 8-bit numbers overflow here: on an x86 without VNNI.

    They add pairs in 16 bits there. What does not overflow takes half as long again where it is not needed.
    """
    try:
        lines = processors.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    flags = next((line for line in lines if line.startswith("flags")), "")
    return bool(flags) and "vnni" not in flags


def graph_file(files: Mapping[str, bytes], name: str) -> bytes:
    """The graph in the file `name`. Raises ArtifactError when there is none."""
    if name not in files:
        raise ArtifactError(f"The artifact has no {name}.")
    return files[name]


class TokenGraph:
    """A graph from token numbers to one row of numbers a text.

    Input `token_ids`, integers of shape (n, length); input `padding_mask`, integers of the same shape, 1 where a token
    is, when the graph has it; output `output`, shape (n, width). Raises ArtifactError, naming the file `name`, when the
    graph is another, does not take every number of `tokens`, or answers with numbers that are not finite.
    """

    def __init__(self, data: bytes, tokens: Tokens, name: str, *, output: str, width: int | None, threads: int) -> None:
        self.data = data
        self._name = name
        self._output = output
        self._padding = tokens.padding
        # ONNX's dynamic quantization takes one scale for all numbers of a batch, so that a text's score would change
        # with its neighbours.
        self._alone = b"DynamicQuantize" in data
        self._session = open_graph(data, name, threads)
        self._types, self._length = self._inputs(tokens.max_length)
        if output not in [node.name for node in self._session.get_outputs()]:
            raise ArtifactError(f"{name} has no output {output!r}.")
        self.width = width or 0
        # The highest number too: a vocabulary longer than the graph's table would fail on the first rare word.
        probe = self._run_batch([[*tokens.encode(["vigie"])[0][: tokens.max_length - 1], tokens.highest]])
        if probe.ndim != 2 or (width is not None and probe.shape[1] != width):
            wanted = "a row" if width is None else f"{width} number{'s' if width > 1 else ''}"
            raise ArtifactError(f"The output {output!r} of {name} is not {wanted} a text.")
        if not np.isfinite(probe).all():
            raise ArtifactError(f"{name} answers with numbers that are not finite.")
        self.width = probe.shape[1]

    def run(self, encoded: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """One row for each list of token numbers, in order: float32, shape (len(encoded), width).

        Runs batches of texts of similar length, padded to the longest of the batch; one text at a time when the graph
        scales its numbers by those of the whole batch.
        """
        out = np.zeros((len(encoded), self.width), dtype=np.float32)
        order = sorted(range(len(encoded)), key=lambda row: len(encoded[row]))
        for rows in self._batches(order, [len(encoded[row]) for row in order]):
            out[rows] = self._run_batch([encoded[row] for row in rows])
        return out

    def _batches(self, order: Sequence[int], lengths: Sequence[int]) -> Iterator[Sequence[int]]:
        """The rows of each batch, of rows in the order of their lengths."""
        masked = "padding_mask" in self._types or self._length is not None
        start = 0
        for at, length in enumerate(lengths):
            # Without a mask the graph would take the padding for tokens: only equal lengths together.
            full = self._alone or (at + 1 - start) * (self._length or length) > _BATCH_TOKENS
            if at > start and (full or (not masked and length != lengths[start])):
                yield order[start:at]
                start = at
        if order:
            yield order[start:]

    def _run_batch(self, batch: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        length = self._length or max(map(len, batch))
        arrays = {"token_ids": np.full((len(batch), length), self._padding, dtype=self._types["token_ids"])}
        for row, numbers in zip(arrays["token_ids"], batch, strict=True):
            row[: len(numbers)] = numbers
        if "padding_mask" in self._types:
            lengths = np.array([len(numbers) for numbers in batch])[:, None]
            arrays["padding_mask"] = (np.arange(length) < lengths).astype(self._types["padding_mask"])
        try:
            return np.asarray(self._session.run([self._output], arrays)[0], dtype=np.float32)
        except Exception as error:  # as above: onnxruntime's own types
            raise ArtifactError(f"{self._name} cannot run on token numbers: {_first_line(error)}") from error

    def _inputs(self, max_length: int) -> tuple[dict[str, Any], int | None]:
        """The type of each input, and the length when the graph takes one length only."""
        nodes = {node.name: node for node in self._session.get_inputs()}
        if "token_ids" not in nodes or set(nodes) - {"token_ids", "padding_mask"}:
            raise ArtifactError(
                f"{self._name} takes {', '.join(sorted(nodes)) or 'nothing'}; "
                "it must take token_ids, and may take padding_mask."
            )
        if any(node.type not in _TYPES or len(node.shape) != 2 for node in nodes.values()):
            raise ArtifactError(f"The inputs of {self._name} are not rows of whole numbers.")
        rows, length = nodes["token_ids"].shape
        if isinstance(rows, int):
            raise ArtifactError(f"{self._name} takes {rows} texts at a time; it must take any number.")
        if isinstance(length, int) and length < max_length:
            raise ArtifactError(f"{self._name} takes {length} tokens; texts may have {max_length}.")
        return {name: _TYPES[node.type] for name, node in nodes.items()}, length if isinstance(length, int) else None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no reason given"])[0][:200]
