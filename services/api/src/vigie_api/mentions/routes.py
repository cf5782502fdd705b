"""POST and GET /v1/mentions."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from vigie_api.access.route import GuardedRoute, JsonRoute, as_json, needs, operation_id
from vigie_api.errors_documented import PROBLEMS, problems
from vigie_api.mentions.listing import Filters, decode_cursor, encode_cursor, read_page
from vigie_api.mentions.listing_schema import MentionsPage, MentionsQuery
from vigie_api.mentions.schema import MentionsRequest, Receipt
from vigie_api.state import services


class LongListRoute(JsonRoute):
    """A JSON route whose body the desk reads, without holding up who else asks something."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        """Bytes in, bytes out."""
        endpoint, status = self.endpoint, self.status_code or 200

        async def handler(request: Request) -> Response:
            mentions = await services(request).mentions.read(await request.body())
            body = MentionsRequest.model_construct(mentions=mentions)
            return as_json(await endpoint(body=body, request=request), status)

        return self._behind_the_door(handler)


taking = APIRouter(
    prefix="/v1",
    tags=["mentions"],
    route_class=LongListRoute,
    responses=PROBLEMS,
    generate_unique_id_function=operation_id,
)
reading = APIRouter(
    prefix="/v1",
    tags=["mentions"],
    route_class=GuardedRoute,
    responses=PROBLEMS,
    generate_unique_id_function=operation_id,
)


@taking.post("/mentions", status_code=202, openapi_extra=needs("ingest"), responses=problems(503))
async def take_mentions(body: MentionsRequest, request: Request) -> Receipt:
    """Take in up to 5,000 posts, in any order. What is accepted is durable, and judged within seconds.

    The same `source` and `external_id` again changes nothing, so a list may be sent again whenever in doubt. Posts with
    a clock more than 5 minutes ahead, or too old to matter, are refused one by one. 429: too many wait to be judged;
    nothing of the list was taken.
    """
    return await services(request).mentions.take(body.mentions)


@reading.get("/mentions", openapi_extra=needs("review"), response_model=MentionsPage, responses=problems(404, 503))
async def list_mentions(query: Annotated[MentionsQuery, Query()], request: Request) -> Response:
    """What was posted, newest first, with what the model and people said of it.

    A verdict given here (POST /v1/feedback) is for training; the counts of the watch stay as they were.
    """
    filters = Filters(
        query.topic,
        query.source,
        query.language,
        query.sentiment,
        query.since,
        query.until,
        query.episode,
        query.counted,
        None if query.cursor is None else decode_cursor(query.cursor),
    )
    found, following = await read_page(services(request).database, filters, query.limit)
    return as_json(MentionsPage(mentions=found, next_cursor=None if following is None else encode_cursor(following)))
