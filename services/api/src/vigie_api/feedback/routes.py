"""POST and GET /v1/feedback."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from vigie_api.access.route import GuardedRoute, JsonRoute, as_json, needs, operation_id
from vigie_api.errors_documented import PROBLEMS, problems
from vigie_api.feedback.export import MEDIA_TYPES, export, file_name, preferred
from vigie_api.feedback.listing import Filters, decode_cursor, encode_cursor, read_page
from vigie_api.feedback.schema import FeedbackPage, FeedbackQuery, FeedbackReceipt, FeedbackRequest
from vigie_api.state import services

_REPEATED: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": FeedbackReceipt, "description": "The very same verdict was there already; this is it."}
}
_EXPORT: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "A page; or, with `Accept: application/x-ndjson` or `text/csv` (or `format`), every match. In "
        "CSV a cell that a spreadsheet could take for a formula, or that starts with an apostrophe, gets one in front.",
        "content": {MEDIA_TYPES[kind]: {"schema": {"type": "string"}} for kind in ("ndjson", "csv")},
    }
}

taking = APIRouter(
    prefix="/v1", tags=["feedback"], route_class=JsonRoute, responses=PROBLEMS, generate_unique_id_function=operation_id
)
reading = APIRouter(
    prefix="/v1",
    tags=["feedback"],
    route_class=GuardedRoute,
    responses=PROBLEMS,
    generate_unique_id_function=operation_id,
)


@taking.post("/feedback", status_code=201, openapi_extra=needs("predict"), responses=problems(503) | _REPEATED)
async def give_feedback(body: FeedbackRequest, request: Request) -> FeedbackReceipt:
    """Say whether a prediction was right. Durable before it is answered; the last verdict on a prediction counts."""
    kept, new = await services(request).feedback.take(body, request.state.caller)
    receipt = FeedbackReceipt(
        id=kept.id,
        prediction_id=kept.prediction_id,
        verdict=kept.verdict,
        correction=kept.correction,
        received_at=kept.received_at,
    )
    return as_json(receipt, 201 if new else 200)  # type: ignore[return-value] # JsonRoute sends a Response as it is


@reading.get("/feedback", openapi_extra=needs("review"), response_model=FeedbackPage, responses=problems(503) | _EXPORT)
async def list_feedback(
    query: Annotated[FeedbackQuery, Query()],
    request: Request,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
) -> Any:
    """The verdict that counts for each prediction, newest first."""
    before = None if query.cursor is None else decode_cursor(query.cursor)
    filters = Filters(
        query.verdict,
        query.since,
        query.until,
        query.model_version,
        query.language,
        query.given_by,
        query.correction,
        query.topic,
        before,
    )
    database = services(request).database
    kind = preferred(accept, query.format)
    if kind != "json":
        return StreamingResponse(
            await export(database, filters, kind),
            media_type=MEDIA_TYPES[kind],
            headers={
                "Content-Disposition": f'attachment; filename="{file_name(kind, datetime.now(UTC).date())}"',
                "Vary": "Accept",
            },
        )
    found, following = await read_page(database, filters, query.limit)
    page = FeedbackPage(feedback=found, next_cursor=None if following is None else encode_cursor(following))
    return as_json(page)
