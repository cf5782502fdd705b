"""MLflow's scoring protocol, as `mlflow models serve` speaks it: POST /invocations, and what its client asks before."""

from importlib.metadata import version as installed
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from vigie_api.access.route import as_json, needs, operation_id
from vigie_api.errors_documented import problems
from vigie_api.problem import UnsupportedMediaType
from vigie_api.protocols.mlflow_body import texts_of_csv, texts_of_json
from vigie_api.protocols.route import ProtocolRoute, media_type, refuse_packed
from vigie_api.protocols.schema import MlflowBody, MlflowPredictions, MlflowRow
from vigie_api.protocols.texts import judged
from vigie_api.state import services

_TAGS: Final = ["protocols"]
_BODY: Final = {
    "required": True,
    "content": {
        "application/json": {"schema": {"$ref": "#/components/schemas/MlflowBody"}},
        "text/csv": {"schema": {"type": "string"}, "example": "text\nLost my bag again.\n"},
    },
}
_PLAIN: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}
BODIES: Final = (MlflowBody,)
"""Models that the OpenAPI document must hold although no signature names them."""

scoring = APIRouter(tags=list(_TAGS), route_class=ProtocolRoute, generate_unique_id_function=operation_id)
probes = APIRouter(tags=list(_TAGS), generate_unique_id_function=operation_id)


@scoring.post(
    "/invocations",
    response_model=MlflowPredictions,
    openapi_extra=needs("predict", requestBody=_BODY),
    responses=problems(400, 401, 403, 413, 415, 429, 500, 503),
)
async def invocations(request: Request) -> Response:
    """Judge texts as MLflow's scoring server would: the rows that the logged model itself gives.

    The body is JSON with one of dataframe_split, dataframe_records, instances, inputs, or a CSV; the column is `text`.
    """
    refuse_packed(request)
    kind, parameters = media_type(request)
    if parameters.get("charset", "utf-8") != "utf-8":
        raise UnsupportedMediaType("Send UTF-8.")
    if kind == "application/json":
        texts = texts_of_json(await request.body())
    elif kind == "text/csv":
        texts = texts_of_csv(await request.body())
    else:
        raise UnsupportedMediaType("Send application/json or text/csv, and say which in the header Content-Type.")
    batch = await judged(services(request), texts)
    return as_json(
        MlflowPredictions(
            predictions=[
                MlflowRow.model_construct(
                    sentiment=one.sentiment,
                    score=one.score,
                    confidence=one.confidence,
                    uncertain=one.uncertain,
                    language=one.language,
                )
                for one in batch.predictions
            ]
        )
    )


@probes.get("/ping", response_class=Response, responses=_PLAIN | problems(500, 503))
async def ping(request: Request) -> Any:
    """200 when a model is loaded; an empty line, as MLflow answers."""
    services(request).serving.get()
    return Response("\n", media_type="text/plain")


@probes.get("/health", response_class=Response, responses=_PLAIN | problems(500, 503))
async def health(request: Request) -> Any:
    """As /ping."""
    return await ping(request)


@probes.get("/version", response_class=Response, responses=_PLAIN | problems(500))
async def version(request: Request) -> Any:
    """The MLflow release whose protocol this is."""
    return Response(installed("mlflow-skinny"), media_type="text/plain")
