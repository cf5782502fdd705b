"""Requests and answers of the Open Inference Protocol, in JSON and with the binary tensor data extension.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from vigie_api.prediction.schema import PredictionOut
from vigie_api.problem import InvalidRequest, invalid
from vigie_api.protocols.schema import InferenceRequest, InferenceResponse, RequestTensor, ResponseTensor
from vigie_api.protocols.texts import InvalidInput

INPUT: Final = "text"
_LENGTH: Final = struct.Struct("<I")
_AS_THEY_ARE: Final = (None, "str", "np", "pd")
"""Content types (a convention of MLServer's) that leave a BYTES tensor's elements the texts that they are."""


class Output(NamedTuple):
    """A tensor of the answer: its type, and how its element is read off a verdict."""

    datatype: Any
    of: Callable[[PredictionOut], Any]


OUTPUTS: Final = {
    "sentiment": Output("BYTES", lambda one: one.sentiment),
    "score": Output("FP64", lambda one: one.score),
    "confidence": Output("FP64", lambda one: one.confidence),
    "uncertain": Output("BOOL", lambda one: one.uncertain),
    "language": Output("BYTES", lambda one: one.language),
}
_OFFERED: Final = OUTPUTS | {"prediction_id": Output("BYTES", lambda one: one.id)}


@dataclass(frozen=True, slots=True)
class Question:
    """A request that was read: what may be texts, and how the answer is wanted."""

    id: str | None
    texts: list[Any]
    shape: list[int]
    outputs: list[tuple[str, bool]]
    """Each output's name, and whether its values are to follow the JSON in binary."""
    as_frame: bool
    """Whether MLServer's pandas codec made the request, and is to read the answer."""


def read(body: bytes, header_length: int | None, max_texts: int) -> Question:
    """The question that a body asks. `header_length`: of the JSON before binary data; None: it is all JSON.

    Raises MalformedJson or InvalidInput.
    """
    head = body if header_length is None else body[:header_length]
    if header_length is not None and header_length > len(body):
        raise InvalidInput("Inference-Header-Content-Length is longer than the body.")
    try:
        request = InferenceRequest.__pydantic_validator__.validate_json(head)
    except ValidationError as error:
        problem = invalid(error.errors(include_url=False, include_input=False))
        if isinstance(problem, InvalidRequest):
            raise InvalidInput(problem.detail) from None
        raise problem from None
    if len(request.inputs) != 1 or request.inputs[0].name != INPUT:
        raise InvalidInput(f"Send exactly one input, named {INPUT!r}.")
    tensor: RequestTensor = request.inputs[0]
    if tensor.datatype != "BYTES":
        raise InvalidInput(f"The input {INPUT!r} must have the datatype BYTES.")
    shape = tensor.shape
    if not (shape and shape[0] > 0 and shape[1:] in ([], [1])):
        raise InvalidInput(f"The input {INPUT!r} must have the shape [n] or [n, 1].")
    if shape[0] > max_texts:
        raise InvalidInput(f"A request may have {max_texts} texts, not {shape[0]}. Send several requests.")
    if (tensor.parameters or {}).get("content_type") not in _AS_THEY_ARE:
        raise InvalidInput("Of content types, BYTES may have str, np and pd.")
    texts = _texts(tensor, body[len(head) :])
    if len(texts) != shape[0]:
        raise InvalidInput(f"The input {INPUT!r} has {len(texts)} elements, and its shape says {shape[0]}.")
    parameters = request.parameters or {}
    return Question(
        id=request.id,
        texts=texts,
        shape=shape,
        outputs=_wanted(request, parameters.get("binary_data_output") is True),
        as_frame=parameters.get("content_type") == "pd",
    )


def _texts(tensor: RequestTensor, tail: bytes) -> list[Any]:
    size = (tensor.parameters or {}).get("binary_data_size")
    if size is None:
        if tensor.data is None:
            raise InvalidInput(f"The input {INPUT!r} has no data.")
        if tail:
            raise InvalidInput("There are bytes behind the JSON that no binary_data_size claims.")
        nested = len(tensor.shape) == 2
        return [one[0] if nested and isinstance(one, list) and len(one) == 1 else one for one in tensor.data]
    if tensor.data is not None:
        raise InvalidInput(f"The input {INPUT!r} has both data and binary_data_size.")
    if isinstance(size, bool) or size != len(tail):
        raise InvalidInput(f"binary_data_size must be the number of bytes behind the JSON, {len(tail)}.")
    return _unpacked(tail, tensor.shape[0])


def _unpacked(tail: bytes, count: int) -> list[str]:
    """The `count` elements of a BYTES tensor: a length of four bytes, little-endian, and so many bytes of UTF-8."""
    texts = []
    place = 0
    for index in range(count):
        start = place + _LENGTH.size
        if start > len(tail):
            raise InvalidInput(f"The binary data ends before element {index}.")
        place = start + _LENGTH.unpack_from(tail, place)[0]
        if place > len(tail):
            raise InvalidInput(f"The binary data ends within element {index}.")
        try:
            texts.append(tail[start:place].decode())
        except UnicodeDecodeError:
            raise InvalidInput(f"Row {index}: the text is not UTF-8.") from None
    if place != len(tail):
        raise InvalidInput(f"The binary data goes on after its {count} elements.")
    return texts


def _wanted(request: InferenceRequest, binary: bool) -> list[tuple[str, bool]]:
    if not request.outputs:
        return [(name, binary) for name in OUTPUTS]
    wanted: dict[str, bool] = {}
    for output in request.outputs:
        parameters = output.parameters or {}
        if output.name not in _OFFERED or output.name in wanted:
            raise InvalidInput(f"Ask for each of these outputs at most once: {', '.join(_OFFERED)}.")
        if "classification" in parameters:
            raise InvalidInput("The classification extension is not known here: ask for sentiment or score.")
        wanted[output.name] = parameters.get("binary_data", binary) is True
    return list(wanted.items())


def answer(question: Question, predictions: Sequence[PredictionOut]) -> tuple[bytes, int | None]:
    """The body that answers, and the length of its JSON when binary data follows it."""
    tensors, tails = [], []
    for name, binary in question.outputs:
        datatype, of = _OFFERED[name]
        values = [of(one) for one in predictions]
        parameters: dict[str, Any] = {"content_type": "str"} if datatype == "BYTES" else {}
        if binary:
            tails.append(_packed(datatype, values))
            parameters["binary_data_size"] = len(tails[-1])
        tensors.append(
            ResponseTensor.model_construct(
                name=name,
                datatype=datatype,
                shape=question.shape,
                parameters=parameters or None,
                data=None if binary else values,
            )
        )
    said = InferenceResponse.model_construct(
        model_name=predictions[0].model.name,
        model_version=predictions[0].model.version,
        id=question.id,
        parameters={"content_type": "pd"} if question.as_frame else None,
        outputs=tensors,
    )
    head = InferenceResponse.__pydantic_serializer__.to_json(said, exclude_none=True)
    return head + b"".join(tails), len(head) if tails else None


def _packed(datatype: str, values: Sequence[Any]) -> bytes:
    if datatype == "FP64":
        return struct.pack(f"<{len(values)}d", *values)
    if datatype == "BOOL":
        return bytes(values)
    encoded = [value.encode() for value in values]
    return b"".join(_LENGTH.pack(len(one)) + one for one in encoded)
