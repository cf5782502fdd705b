"""What an error document says besides, for clients of another protocol. RFC 9457 lets a problem have more members."""

from typing import Any, Final

_MLFLOW_PATHS: Final = frozenset({"/invocations", "/ping", "/health", "/version"})
_MLFLOW_CODES: Final = {
    400: "BAD_REQUEST",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "ENDPOINT_NOT_FOUND",
    429: "REQUEST_LIMIT_EXCEEDED",
    500: "INTERNAL_ERROR",
    503: "TEMPORARILY_UNAVAILABLE",
}


def members(path: str, status: int, detail: str) -> dict[str, Any]:
    """The members that a client of the protocol spoken at `path` (without a gateway's prefix) looks for.

    MLflow: `error_code`, a name out of its databricks.proto, and `message`. Open Inference Protocol: `error`.
    """
    if path in _MLFLOW_PATHS:
        return {"error_code": _MLFLOW_CODES.get(status, "BAD_REQUEST"), "message": detail}
    if path == "/v2" or path.startswith("/v2/"):
        return {"error": detail}
    return {}
