"""POST /v1/score."""

from contextlib import AsyncExitStack
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from vigie_api.access.route import GuardedRoute, needs, operation_id
from vigie_api.errors_documented import PROBLEMS, problems
from vigie_api.problem import InvalidRequest, UnsupportedMediaType
from vigie_api.scoring.desk import ScoreDesk
from vigie_api.scoring.shelf import HEADER
from vigie_api.scoring.stream import NDJSON, Body, ScoredStream
from vigie_api.state import services
from vigie_model.bulk.cutting import Cutter
from vigie_model.bulk.layout import Kind, Unreadable, Wanted

_KINDS: Final[dict[str, Kind]] = {"text/csv": "csv", NDJSON: "ndjson"}
_MOST_KEPT: Final = 100
_EXAMPLE_IN: Final = '{"id": "1", "text": "Lost my bag again."}\n{"id": "2", "text": "Merci, vol parfait !"}\n'
_EXAMPLE_OUT: Final = (
    '{"row": 1, "id": "1", "sentiment": "negative", "score": 0.04, "confidence": 0.96, "uncertain": false, '
    '"language": "en"}\n{"row": 2, "id": "2", "error": "the text is empty"}\n{"done": true, "rows": 2, "scored": 1, '
    '"refused": 1, "model": {"name": "sentiment", "version": "3", "recipe": "tfidf_logreg"}}\n'
)
_BODY: Final[dict[str, Any]] = {
    "required": True,
    "description": "Posts, as many as you like: CSV with a header, or one JSON object a line. UTF-8, not packed.",
    "content": {
        "text/csv": {"schema": {"type": "string"}, "example": "id,text\n1,Lost my bag again.\n"},
        NDJSON: {"schema": {"type": "string"}, "example": _EXAMPLE_IN},
    },
}
_ANSWER: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "One line a row, in order, while you are still sending. The last line has `done`: true when "
        "every row was answered; false, with an `error`, when the stream ended early.",
        "content": {NDJSON: {"schema": {"type": "string"}, "example": _EXAMPLE_OUT}},
    }
}
router = APIRouter(
    prefix="/v1",
    tags=["predictions"],
    route_class=GuardedRoute,
    responses=PROBLEMS,
    generate_unique_id_function=operation_id,
)
Name = Annotated[str | None, Query(min_length=1, max_length=200)]


@router.post(
    "/score",
    openapi_extra=needs("predict", requestBody=_BODY),
    response_class=Response,
    responses=_ANSWER | problems(503),
)
async def score(
    request: Request,
    text_column: Annotated[Name, Query(description="CSV: the column of the texts. Default: text, comment …")] = None,
    text_field: Annotated[Name, Query(description="NDJSON: the field of the texts. Default: the same.")] = None,
    keep: Annotated[
        str, Query(max_length=4_000, description="Columns to copy to the answer: date,topic. An `id` always is.")
    ] = "",
) -> Response:
    """Judge a stream of any length, in constant memory and with one version of the model. Nothing is kept.

    Read the answer while you send: what is not read holds up the sending. Through the gateway the answer begins when
    all is sent. A row that cannot be judged gets an `error` and the rest goes on. No end line, or `done` false: send
    what is missing again. 429: as many streams as may run.
    """
    kind = _kind(request)
    try:
        wanted = Wanted(
            text_field if kind == "ndjson" else text_column,
            tuple(dict.fromkeys(name for part in keep.split(",") if (name := part.strip())))[:_MOST_KEPT],
            services(request).settings.max_text_chars,
        )
    except Unreadable as error:
        raise _refused("query", str(error)) from None
    desk: ScoreDesk = services(request).scoring
    served = services(request).serving.get()
    body = Body(
        request.receive,
        stall_s=desk.stall_s,
        leaving=lambda: bool(getattr(request.app.state, "leaving", False)),
    )
    async with AsyncExitStack() as stack:
        stack.callback(body.close)
        judges = await stack.enter_async_context(desk.place(served))
        cutter = Cutter(kind, wanted, encoding=_encoding(request))
        try:
            first = await body.head(cutter)
        except Unreadable as error:
            raise _refused("body", str(error)) from None
        shelf = stack.enter_context(desk.shelf()) if HEADER in request.headers else None
        return ScoredStream(
            body=body,
            cutter=cutter,
            first=first,
            judges=judges,
            served=served,
            metrics=services(request).metrics,
            stall_s=desk.stall_s,
            held=stack.pop_all(),
            shelf=shelf,
        )


def _kind(request: Request) -> Kind:
    """Raises UnsupportedMediaType."""
    said = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    kind = _KINDS.get(said)
    if kind is None:
        raise UnsupportedMediaType(f"Send Content-Type: text/csv or {NDJSON}.")
    if request.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise UnsupportedMediaType("Send the stream as it is, without Content-Encoding: nothing is unpacked here.")
    return kind


def _encoding(request: Request) -> str:
    """Of a CSV: what the media type says, or UTF-8. Raises UnsupportedMediaType."""
    said = request.headers.get("content-type", "").lower().partition("charset=")[2].partition(";")[0].strip(' "')
    if said in ("", "utf-8", "utf8", "us-ascii"):
        return "utf-8"
    if said in ("iso-8859-1", "latin-1", "latin1"):
        return "latin-1"
    if said in ("windows-1252", "cp1252"):
        return "cp1252"
    raise UnsupportedMediaType("Send UTF-8 (or CSV with charset=iso-8859-1 or windows-1252).")


def _refused(place: str, message: str) -> InvalidRequest:
    return InvalidRequest([{"loc": [place], "message": message, "type": "unreadable"}])
