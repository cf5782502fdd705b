"""What serves, what there is, and moving the champion."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from vigie_api.access.route import GuardedRoute, needs, operation_id
from vigie_api.champion.promotion import Moved as Promoted
from vigie_api.champion.schema import (
    AliasTarget,
    Leaderboard,
    ModelVersion,
    Moved,
    Moves,
    MovesQuery,
    Reason,
    Refreshed,
    ServedModel,
    UncertainBand,
)
from vigie_api.champion.serving import Release
from vigie_api.errors_documented import PROBLEMS, problems
from vigie_api.problem import Problem
from vigie_api.state import Services, services

router = APIRouter(
    prefix="/v1",
    tags=["models"],
    route_class=GuardedRoute,
    responses=PROBLEMS,
    generate_unique_id_function=operation_id,
)
EVIDENCE_WAIT_S = 4.0  # for what MLflow has not handed out yet; the list itself is not held up by more
VersionPath = Annotated[str, Path(pattern=r"^[1-9][0-9]{0,8}$", description="A version number.", examples=["3"])]


@router.get("/model", openapi_extra=needs("predict"), responses=problems(503))
async def served_model(request: Request) -> ServedModel:
    """What serves now, since when, and whether the last look at the registry went well."""
    return describe(services(request))


@router.post("/model/refresh", openapi_extra=needs("admin"), responses=problems(409, 503))
async def refresh_model(request: Request) -> Refreshed:
    """Look at the aliases now instead of at the next poll, and swap what moved."""
    changed = await services(request).refresher.refresh(insist=True)
    await services(request).shadow.follow()
    return Refreshed(changed=changed, model=describe(services(request)))


@router.get("/models", openapi_extra=needs("review"), responses=problems(503))
async def leaderboard(request: Request) -> Leaderboard:
    """The newest hundred versions, newest first: metrics, what the gate said, and what their runs left behind."""
    found = services(request)
    rows = await asyncio.to_thread(found.registry.board)
    evidence = await found.shelf.gather(rows, EVIDENCE_WAIT_S)
    return Leaderboard(
        models=[
            ModelVersion(
                version=row.release.version,
                recipe=row.release.recipe,
                run_id=row.release.run_id,
                created_at=row.created_at,
                aliases=list(row.aliases),
                gate=row.release.gate,
                metrics=dict(row.metrics),
                evidence_complete=known is not None,
                **dict(known or {}),
            )
            for row, known in zip(rows, evidence, strict=True)
        ]
    )


@router.post("/models/{version}/promote", openapi_extra=needs("admin"), responses=problems(404, 409, 503))
async def promote(version: VersionPath, body: Reason, request: Request) -> Moved:
    """Let a version be champion, if the gate passed it, and serve it at once. The old champion becomes `previous`."""
    move = await services(request).promoter.promote(version, by=request.state.caller, reason=body.reason)
    return await _moved(services(request), move)


@router.post("/models/rollback", openapi_extra=needs("admin"), responses=problems(409, 503))
async def rollback(body: Reason, request: Request) -> Moved:
    """Let the previous champion serve again. The one that leaves becomes `previous`."""
    move = await services(request).promoter.rollback(by=request.state.caller, reason=body.reason)
    return await _moved(services(request), move)


@router.get("/models/moves", openapi_extra=needs("review"), responses=problems(503))
async def moves(query: Annotated[MovesQuery, Query()], request: Request) -> Moves:
    """Who promoted and rolled back what, and why; through this API or the command line; the latest first."""
    trail = services(request).trail
    found, following = await trail.page(query.limit, query.cursor)
    return Moves(moves=found, next_cursor=following, registry_error=trail.trouble)


def describe(service: Services) -> ServedModel:
    """What serves now. Raises NoModel."""
    served = service.serving.get()
    refresher = service.refresher
    manifest = getattr(served.scorer, "manifest", None)
    return ServedModel(
        name=served.name,
        version=served.version,
        recipe=served.recipe,
        artifact_digest=served.release.artifact_digest,
        gate=served.release.gate,
        run_id=served.release.run_id,
        loaded_at=served.loaded_at,
        source=refresher.origin,
        checked_at=None if refresher.checked_s is None else datetime.fromtimestamp(refresher.checked_s, UTC),
        refresh_error=refresher.error,
        uncertain=None if manifest is None else UncertainBand(low=manifest.uncertain[0], high=manifest.uncertain[1]),
        trained={} if manifest is None else dict(manifest.trained),
        shadow=service.shadow.describe(),
    )


async def _moved(service: Services, move: Promoted) -> Moved:
    error = None
    try:
        await service.refresher.refresh()
    except Problem as problem:
        error = problem.detail
    served = service.serving.current
    return Moved(
        champion=_target(service, move.champion),
        previous=None if move.previous is None else _target(service, move.previous),
        serving=None if served is None else served.version,
        refresh_error=error,
    )


def _target(service: Services, release: Release) -> AliasTarget:
    return AliasTarget(name=service.registry.name, version=release.version, recipe=release.recipe)
