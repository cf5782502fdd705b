"""GET /v1/review and /v1/review/patterns."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from vigie_api.access.route import GuardedRoute, as_json, needs, operation_id
from vigie_api.errors_documented import PROBLEMS, problems
from vigie_api.feedback.listing import Filters
from vigie_api.privacy.retention import later, words_since
from vigie_api.review.candidates import Range
from vigie_api.review.mistakes import find_patterns
from vigie_api.review.queue import what_next
from vigie_api.review.schema import Patterns, PatternsQuery, ReviewList, ReviewQuery
from vigie_api.state import services

router = APIRouter(
    prefix="/v1",
    tags=["feedback"],
    route_class=GuardedRoute,
    responses=PROBLEMS,
    generate_unique_id_function=operation_id,
)


@router.get("/review", openapi_extra=needs("review"), response_model=ReviewList, responses=problems(503))
async def review(query: Annotated[ReviewQuery, Query()], request: Request) -> Any:
    """What to label next, best first: doubtful, contradicted and disputed predictions, nearly equal tweets once."""
    found, now = services(request), datetime.now(UTC)
    since = later(query.since, words_since(found.settings, now))
    wanted = Range(since, query.until, query.language, query.model_version, query.topic)
    return as_json(await what_next(found.database, wanted, query.limit, now))


@router.get("/review/patterns", openapi_extra=needs("review"), response_model=Patterns, responses=problems(503))
async def review_patterns(query: Annotated[PatternsQuery, Query()], request: Request) -> Any:
    """What the wrong predictions have in common, among the newest 2,000 verdicts."""
    filters = Filters(
        since=query.since,
        until=query.until,
        language=query.language,
        model_version=query.model_version,
        topic=query.topic,
    )
    return as_json(await find_patterns(services(request).database, filters))
