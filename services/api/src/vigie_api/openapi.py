"""The OpenAPI document: what FastAPI derives, plus the security scheme and the one error shape."""

import json
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from vigie_api.access.route import SCHEME
from vigie_api.errors_documented import ProblemBody, ProblemError
from vigie_api.protocols import mlflow, open_inference

DESCRIPTION: Final = """Judges tweets about a brand, positive or negative, and takes corrections.

Send `Authorization: Bearer YOUR-KEY`, unless the service runs without keys on your own machine. Every error is
`application/problem+json` (RFC 9457). `X-Request-ID` is taken from you or made, and is in every answer."""
TAGS: Final[list[dict[str, Any]]] = [
    {"name": "predictions", "description": "Texts in, verdicts out."},
    {"name": "feedback", "description": "Whether a prediction was right; what counts, and the hard examples."},
    {"name": "mentions", "description": "Posts about the brand, taken in and judged in the background."},
    {"name": "episodes", "description": "Surges of negative posts: what happens now, over time, and one by one."},
    {"name": "alerts", "description": "What people must hear of, with its evidence."},
    {"name": "models", "description": "What serves, what there is, and moving the champion."},
    {
        "name": "protocols",
        "description": "For clients of MLflow's scoring server and of the Open Inference Protocol: docs/protocols.md.",
    },
    {"name": "operations", "description": "For probes and monitors; no key."},
]
_TEMPLATE: Final = "#/components/schemas/{model}"


def use_documented_openapi(app: FastAPI) -> None:
    """Let the application publish the completed document."""

    def documented() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _complete(
                get_openapi(
                    title=app.title,
                    version=app.version,
                    description=app.description,
                    routes=app.routes,
                    tags=app.openapi_tags,
                )
            )
        return app.openapi_schema

    app.openapi = documented  # type: ignore[method-assign] # FastAPI's own way to extend the document


def _complete(document: dict[str, Any]) -> dict[str, Any]:
    components = document.setdefault("components", {})
    components["securitySchemes"] = {
        SCHEME: {"type": "http", "scheme": "bearer", "description": "An API key; `x-required-scope` names the scope."}
    }
    schemas = components.setdefault("schemas", {})
    for model in (ProblemBody, ProblemError, *mlflow.BODIES, *open_inference.BODIES):
        schema = model.model_json_schema(ref_template=_TEMPLATE)
        schemas |= schema.pop("$defs", {})
        schemas[model.__name__] = schema
    for left_over in ("HTTPValidationError", "ValidationError"):
        schemas.pop(left_over, None)
    for methods in document["paths"].values():
        for operation in methods.values():
            # What FastAPI documents for each path with a parameter, and nobody here ever answers.
            if "application/json" in operation["responses"].get("422", {}).get("content", {}):
                del operation["responses"]["422"]
    components["schemas"] = dict(sorted(schemas.items()))
    return document


def render(app: FastAPI) -> str:
    """The document as it is kept in the repository."""
    return json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"
