"""The Open Inference Protocol, version 2, as KServe, Triton and MLServer speak it over HTTP."""

import re
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from vigie_api import __version__
from vigie_api.access.route import needs, operation_id
from vigie_api.champion.registry import NoSuchVersion
from vigie_api.errors_documented import problems
from vigie_api.problem import Problem, UnsupportedMediaType
from vigie_api.protocols.route import ProtocolRoute, media_type, refuse_packed
from vigie_api.protocols.schema import (
    InferenceRequest,
    InferenceResponse,
    Live,
    ModelMetadata,
    ModelReady,
    ServerMetadata,
    ServerReady,
    TensorMetadata,
)
from vigie_api.protocols.tensors import INPUT, OUTPUTS, answer, read
from vigie_api.protocols.texts import InvalidInput, judged
from vigie_api.state import Services, services

HEADER_LENGTH: Final = "Inference-Header-Content-Length"
BODIES: Final = (InferenceRequest,)
"""Models that the OpenAPI document must hold although no signature names them."""

_VERSION: Final = re.compile(r"[1-9][0-9]{0,8}")
_TAGS: Final = ["protocols"]
_BINARY: Final = {"schema": {"type": "string", "format": "binary"}}
_BODY: Final = {
    "required": True,
    "content": {
        "application/json": {"schema": {"$ref": "#/components/schemas/InferenceRequest"}},
        "application/octet-stream": _BINARY,
    },
}
_ANSWERS: Final = problems(400, 401, 403, 404, 409, 413, 415, 429, 500, 503)
_BOTH: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"application/octet-stream": _BINARY}}}

inference = APIRouter(tags=list(_TAGS), route_class=ProtocolRoute, generate_unique_id_function=operation_id)
metadata = APIRouter(tags=list(_TAGS), generate_unique_id_function=operation_id)


class UnknownModel(Problem):
    """Another model than the one that is served."""

    status = 404
    slug = "unknown-model"
    title = "Unknown model"


@inference.post(
    "/v2/models/{model_name}/infer",
    response_model=InferenceResponse,
    openapi_extra=needs("predict", requestBody=_BODY),
    responses=_ANSWERS | _BOTH,
)
async def infer(model_name: str, request: Request) -> Response:
    """Judge the texts of a BYTES tensor `text`. Binary tensor data is understood and, when asked for, sent."""
    return await _infer(model_name, None, request)


@inference.post(
    "/v2/models/{model_name}/versions/{version}/infer",
    response_model=InferenceResponse,
    openapi_extra=needs("predict", requestBody=_BODY),
    responses=_ANSWERS | _BOTH,
)
async def infer_with_version(model_name: str, version: str, request: Request) -> Response:
    """The same by a version that is named; the gate must have passed it. One that is not the champion is slower."""
    if not _VERSION.fullmatch(version):
        raise NoSuchVersion("A version is a number.")
    return await _infer(model_name, version, request)


async def _infer(model_name: str, version: str | None, request: Request) -> Response:
    found = services(request)
    _known(found, model_name)
    refuse_packed(request)
    kind, _ = media_type(request)
    # Clients of this protocol may say nothing. A page of another origin, which could then write here without asking
    # the browser's leave, always says where it is from.
    if kind not in ("application/json", "application/octet-stream") and (kind or "origin" in request.headers):
        raise UnsupportedMediaType("Send application/json or application/octet-stream.")
    declared = request.headers.get(HEADER_LENGTH)
    if declared is not None and not (declared.isascii() and declared.isdigit() and len(declared) < 10):
        raise InvalidInput(f"{HEADER_LENGTH} must be the number of bytes of the JSON.")
    length = None if declared is None else int(declared)
    question = read(await request.body(), length, found.settings.max_texts)
    batch = await judged(found, question.texts, version)
    body, head = answer(question, batch.predictions)
    if head is None:
        return Response(body, media_type="application/json")
    return Response(body, media_type="application/octet-stream", headers={HEADER_LENGTH: str(head)})


def _known(found: Services, model_name: str, version: str | None = None) -> None:
    """Raise UnknownModel for another name; NoModel or NoSuchVersion when this version does not serve."""
    if model_name != found.settings.model_name:
        raise UnknownModel(f"There is one model here: {found.settings.model_name!r}.")
    if version is not None and version != found.serving.get().version:
        raise NoSuchVersion("This version is not the champion. Ask it by /infer, or GET /v1/models.")


@metadata.get("/v2", responses=problems(500))
async def server_metadata(request: Request) -> ServerMetadata:
    """What answers here."""
    return ServerMetadata(version=__version__)


@metadata.get("/v2/health/live", responses=problems(500))
async def server_live(request: Request) -> Live:
    """As /livez."""
    return Live()


@metadata.get("/v2/health/ready", responses=problems(500, 503))
async def server_ready(request: Request) -> ServerReady:
    """200 when a model is loaded."""
    services(request).serving.get()
    return ServerReady()


@metadata.get("/v2/models/{model_name}", responses=problems(404, 500))
async def model_metadata(model_name: str, request: Request) -> ModelMetadata:
    """The tensors that the model takes and gives, and the version that serves."""
    found = services(request)
    _known(found, model_name)
    served = found.serving.current
    return _described(model_name, [] if served is None else [served.version])


@metadata.get("/v2/models/{model_name}/ready", responses=problems(404, 500, 503))
async def model_ready(model_name: str, request: Request) -> ModelReady:
    """200 when the model is loaded."""
    found = services(request)
    _known(found, model_name)
    found.serving.get()
    return ModelReady(name=model_name)


@metadata.get("/v2/models/{model_name}/versions/{version}", responses=problems(404, 500, 503))
async def version_metadata(model_name: str, version: str, request: Request) -> ModelMetadata:
    """The same of the version that serves; nothing is loaded for a stranger, so any other is 404."""
    _known(services(request), model_name, version)
    return _described(model_name, [version])


@metadata.get("/v2/models/{model_name}/versions/{version}/ready", responses=problems(404, 500, 503))
async def version_ready(model_name: str, version: str, request: Request) -> ModelReady:
    """200 when this version is the one that serves."""
    _known(services(request), model_name, version)
    return ModelReady(name=model_name)


def _described(name: str, versions: list[str]) -> ModelMetadata:
    return ModelMetadata(
        name=name,
        versions=versions,
        inputs=[TensorMetadata(name=INPUT, datatype="BYTES")],
        outputs=[TensorMetadata(name=key, datatype=output.datatype) for key, output in OUTPUTS.items()],
    )
