"""GET /v1/alerts, and acknowledging one."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request

from vigie_api.access.route import GuardedRoute, as_json, needs, operation_id
from vigie_api.alerts.listing import Filters, decode_cursor, encode_cursor, read_one, read_page
from vigie_api.alerts.schema import Acknowledgement, AlertOut, AlertPage, AlertQuery
from vigie_api.errors_documented import PROBLEMS, problems
from vigie_api.state import services

router = APIRouter(
    prefix="/v1",
    tags=["alerts"],
    route_class=GuardedRoute,
    responses=PROBLEMS,
    generate_unique_id_function=operation_id,
)
AlertId = Annotated[
    str,
    Path(pattern=r"^[0-9a-f-]{36}$", description="Id of the alert.", examples=["019ab3c1-5f6e-7b32-9d0a-6f1c2e4b8a71"]),
]


@router.get("/alerts", openapi_extra=needs("review"), response_model=AlertPage, responses=problems(503))
async def list_alerts(query: Annotated[AlertQuery, Query()], request: Request) -> Any:
    """Alerts with their evidence and what became of their e-mails, newest first."""
    before = None if query.cursor is None else decode_cursor(query.cursor)
    filters = Filters(query.state, query.kind, query.since, query.until, before)
    found, still_open, following = await read_page(services(request).database, filters, query.limit)
    cursor = None if following is None else encode_cursor(following)
    return as_json(AlertPage(alerts=found, open=still_open, next_cursor=cursor))  # validated once, as it is made


@router.get("/alerts/{alert_id}", openapi_extra=needs("review"), responses=problems(404, 503))
async def get_alert(alert_id: AlertId, request: Request) -> AlertOut:
    """One alert, with up to a hundred verdicts."""
    return await read_one(services(request).database, alert_id)


@router.post("/alerts/{alert_id}/ack", openapi_extra=needs("review"), responses=problems(404, 503))
async def acknowledge_alert(alert_id: AlertId, body: Acknowledgement, request: Request) -> AlertOut:
    """Say that somebody has seen it. Sent again, by whomever, it changes nothing: the first one stays."""
    found = services(request)
    await found.alerts.acknowledge(alert_id, request.state.caller, body.note)
    return await read_one(found.database, alert_id)
