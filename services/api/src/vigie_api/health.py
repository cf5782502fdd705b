"""Liveness, readiness, metrics, and a word at the root. None of them asks for a key."""

from typing import Any, Final, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from vigie_api import __version__
from vigie_api.access.route import operation_id
from vigie_api.champion.serving import Serving
from vigie_api.errors_documented import problems
from vigie_api.problem import Problem
from vigie_api.state import services
from vigie_api.telemetry.metrics import CONTENT_TYPE

router = APIRouter(tags=["operations"], generate_unique_id_function=operation_id)
_PROMETHEUS: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}


class Leaving(Problem):
    """The process was told to end."""

    status = 503
    slug = "leaving"
    title = "Leaving"
    retry_after_s = 5


class Alive(BaseModel):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Ready(BaseModel):
    """A model is loaded, so predictions are answered."""

    status: Literal["ready"] = "ready"
    model_version: str
    database: bool


class Welcome(BaseModel):
    """Where to go from here."""

    name: str = "Vigie API"
    version: str = __version__
    docs: str
    openapi: str


@router.get("/livez", responses=problems(500))
async def livez() -> Alive:
    """200 while the process answers at all."""
    return Alive()


@router.get("/readyz", responses=problems(500, 503))
async def readyz(request: Request) -> Ready:
    """200 when a model is loaded; 503 with Retry-After before, and when it leaves. `database`: the schema is there."""
    if request.app.state.leaving:
        raise Leaving("This process ends. Others, if there are any, go on.")
    found = services(request)
    serving: Serving = found.serving
    return Ready(model_version=serving.get().version, database=found.database.ready)


@router.get(
    "/metrics",
    response_class=Response,
    responses=_PROMETHEUS | problems(500),
)
async def metrics(request: Request) -> Any:
    """Prometheus metrics. Not for the outside: the gateway does not publish it."""
    return Response(services(request).metrics.render(), headers={"Content-Type": CONTENT_TYPE})


@router.get("/", responses=problems(500))
async def root(request: Request) -> Welcome:
    """What this is, and where its documentation is."""
    prefix = request.scope.get("root_path", "")
    return Welcome(docs=f"{prefix}/docs", openapi=f"{prefix}/openapi.json")
