"""GET /v1/connectors."""

from fastapi import APIRouter, Request

from vigie_api.access.route import GuardedRoute, needs, operation_id
from vigie_api.connectors.schema import ConnectorsOut
from vigie_api.errors_documented import PROBLEMS, problems
from vigie_api.state import services

router = APIRouter(
    prefix="/v1",
    tags=["mentions"],
    route_class=GuardedRoute,
    responses=PROBLEMS,
    generate_unique_id_function=operation_id,
)


@router.get("/connectors", openapi_extra=needs("review"), responses=problems(503))
async def list_connectors(request: Request) -> ConnectorsOut:
    """The live sources of mentions, and how each of them is."""
    return await services(request).connectors.report()
