"""GET /v1/drift."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from vigie_api.access.route import GuardedRoute, needs, operation_id
from vigie_api.drift.schema import DriftOut, DriftQuery
from vigie_api.errors_documented import PROBLEMS, problems
from vigie_api.state import services

router = APIRouter(
    prefix="/v1",
    tags=["models"],
    route_class=GuardedRoute,
    responses=PROBLEMS,
    generate_unique_id_function=operation_id,
)


@router.get("/drift", openapi_extra=needs("review"), responses=problems(503))
async def drift(query: Annotated[DriftQuery, Query()], request: Request) -> DriftOut:
    """How far live traffic has moved from what the served version was made for, day by day."""
    return await services(request).drift.report(query.days)
