"""GET /v1/predictions."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from vigie_api.access.route import GuardedRoute, as_json, needs, operation_id
from vigie_api.errors_documented import PROBLEMS, problems
from vigie_api.prediction.listing import Filters, decode_cursor, encode_cursor, export, read_page
from vigie_api.prediction.listing_schema import PredictionsPage, PredictionsQuery
from vigie_api.state import services

NDJSON: Final = "application/x-ndjson"
_EXPORT: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "A page; or, with `Accept: application/x-ndjson`, every match, one JSON object a line.",
        "content": {NDJSON: {"schema": {"type": "string"}}},
    }
}

router = APIRouter(
    prefix="/v1",
    tags=["predictions"],
    route_class=GuardedRoute,
    responses=PROBLEMS,
    generate_unique_id_function=operation_id,
)


@router.get(
    "/predictions", openapi_extra=needs("review"), response_model=PredictionsPage, responses=problems(503) | _EXPORT
)
async def list_predictions(
    query: Annotated[PredictionsQuery, Query()],
    request: Request,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
) -> Any:
    """What was predicted, newest first. `Accept: application/x-ndjson` exports everything that matches."""
    after = None if query.cursor is None else decode_cursor(query.cursor)
    filters = Filters(query.since, query.until, query.model_version, query.topic, query.sample, after)
    database = services(request).database
    if NDJSON in accept:
        return StreamingResponse(await export(database, filters), media_type=NDJSON, headers={"Vary": "Accept"})
    found, following = await read_page(database, filters, query.limit)
    return as_json(PredictionsPage(predictions=found, next_cursor=following and encode_cursor(*following)))
