"""POST /v1/mentions."""

from fastapi import APIRouter, Request

from vigie_api.access.route import JsonRoute, needs, operation_id
from vigie_api.errors_documented import PROBLEMS, problems
from vigie_api.mentions.schema import MentionsRequest, Receipt
from vigie_api.state import services

taking = APIRouter(
    prefix="/v1", tags=["mentions"], route_class=JsonRoute, responses=PROBLEMS, generate_unique_id_function=operation_id
)


@taking.post("/mentions", status_code=202, openapi_extra=needs("ingest"), responses=problems(503))
async def take_mentions(body: MentionsRequest, request: Request) -> Receipt:
    """Take in up to 5,000 posts, in any order. What is accepted is durable, and judged within seconds.

    The same `source` and `external_id` again changes nothing, so a list may be sent again whenever in doubt. Posts with
    a clock more than 5 minutes ahead, or too old to matter, are refused one by one. 429: too many wait to be judged;
    nothing of the list was taken.
    """
    return await services(request).mentions.take(body.mentions)
