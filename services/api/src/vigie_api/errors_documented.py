"""The problems that routes document in the OpenAPI; the test-suite holds the service to the list."""

from typing import Any, Final

from pydantic import BaseModel, Field

from vigie_api.problem import MEDIA_TYPE


class ProblemError(BaseModel):
    """One thing that is wrong with a request."""

    loc: list[str | int] = Field(examples=[["body", "text"]])
    message: str
    type: str


class ProblemBody(BaseModel):
    """RFC 9457 problem+json: the one shape of every error."""

    type: str = Field(examples=["urn:vigie:problem:no-model"])
    title: str = Field(examples=["No model"])
    status: int = Field(examples=[503])
    detail: str = Field(description="What is wrong and what to do.")
    instance: str = Field(description="Path of the request.")
    request_id: str = Field(description="Name it when you report the problem; it is also in X-Request-ID.")
    errors: list[ProblemError] | None = Field(None, description="With 422: what exactly, and where.")


_DESCRIPTIONS = {
    400: "The body is no JSON.",
    401: "No API key, or an unknown one.",
    403: "The key lacks the scope.",
    404: "There is no such thing.",
    409: "It contradicts the state of the service.",
    413: "The body is too large.",
    415: "The body is not announced as JSON.",
    422: "The request parses but makes no sense.",
    429: "The key has used up its rate, or too much waits. See Retry-After.",
    500: "Something went wrong inside.",
    503: "Not now. See Retry-After.",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may answer with these."""
    schema = {"$ref": "#/components/schemas/ProblemBody"}
    return {
        status: {"description": _DESCRIPTIONS[status], "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }


PROBLEMS: Final = problems(400, 401, 403, 413, 415, 422, 429, 500)
