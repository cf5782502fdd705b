"""GET /v1/topics, /v1/trends, /v1/episodes and one of them, its report, and PATCH."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse

from vigie_api.access.route import GuardedRoute, as_json, needs, operation_id
from vigie_api.episodes.desk import patch
from vigie_api.episodes.listing import Filters, decode_cursor, read_one, read_page
from vigie_api.episodes.now import read_topics
from vigie_api.episodes.report import POLICY, read_report
from vigie_api.episodes.schema import (
    EpisodeDetail,
    EpisodePage,
    EpisodePatch,
    EpisodeQuery,
    ReportQuery,
    TopicsOut,
    TrendsOut,
    TrendsQuery,
)
from vigie_api.episodes.trends import read_trends
from vigie_api.errors_documented import PROBLEMS, problems
from vigie_api.state import services

router = APIRouter(
    prefix="/v1",
    tags=["episodes"],
    route_class=GuardedRoute,
    responses=PROBLEMS,
    generate_unique_id_function=operation_id,
)
EpisodeId = Annotated[
    str,
    Path(
        pattern=r"^[0-9a-f-]{36}$", description="Id of the episode.", examples=["019ab3c1-5f6e-7b32-9d0a-6f1c2e4b8a71"]
    ),
]


_HEADERS: Final = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


@router.get("/topics", openapi_extra=needs("review"), response_model=TopicsOut, responses=problems(503))
async def list_topics(request: Request) -> Any:
    """How every topic is doing now, the worst first."""
    return as_json(await services(request).database.read(read_topics, datetime.now(UTC)))


@router.get("/trends", openapi_extra=needs("review"), response_model=TrendsOut, responses=problems(503))
async def trends(query: Annotated[TrendsQuery, Query()], request: Request) -> Any:
    """Posts, negative ones and what is usual over time; the episodes and the words that mark the period."""
    return as_json(await services(request).database.read(read_trends, query, datetime.now(UTC)))


@router.get("/episodes", openapi_extra=needs("review"), response_model=EpisodePage, responses=problems(503))
async def list_episodes(query: Annotated[EpisodeQuery, Query()], request: Request) -> Any:
    """Surges of negative posts, the last opened first."""
    before = None if query.cursor is None else decode_cursor(query.cursor)
    filters = Filters(query.topic, query.state, query.severity, query.since, query.until, before)
    return as_json(await services(request).database.read(read_page, filters, query.limit))


@router.get("/episodes/{episode_id}", openapi_extra=needs("review"), responses=problems(404, 503))
async def get_episode(episode_id: EpisodeId, request: Request) -> EpisodeDetail:
    """One episode, with its first and its most telling posts."""
    return await services(request).database.read(read_one, episode_id)


@router.patch("/episodes/{episode_id}", openapi_extra=needs("review"), responses=problems(404, 503))
async def change_episode(episode_id: EpisodeId, body: EpisodePatch, request: Request) -> EpisodeDetail:
    """Say that it was seen, who takes care of it, what to know of it, or that it was a false alarm."""
    return await services(request).database.write(patch, episode_id, body, request.state.caller)


@router.get(
    "/episodes/{episode_id}/report",
    openapi_extra=needs("review"),
    response_class=HTMLResponse,
    responses=problems(404, 503),
)
async def episode_report(
    episode_id: EpisodeId, query: Annotated[ReportQuery, Query()], request: Request
) -> HTMLResponse:
    """One page to print or send on, complete in itself: numbers, timeline, words and posts."""
    found = services(request)
    zone, now = ZoneInfo(found.settings.mail_timezone), datetime.now(UTC)
    page = await found.database.read(read_report, episode_id, query.language, zone, now)
    return HTMLResponse(page, headers=_HEADERS)
