"""JSON logs, one line an event, on stderr. The text of a tweet never gets in.

That is why an exception is logged as its type and its frames, without its message: the message of a database or
validation error quotes the row or the value that caused it.
"""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, TextIO

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", "taskName"}
_MAX_FRAMES = 30
_HANDLER_NAME = "vigie-json"


def _exception(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> dict[str, Any]:
    frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)[-_MAX_FRAMES:]]
    described: dict[str, Any] = {"type": f"{kind.__module__}.{kind.__qualname__}", "frames": frames}
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        described["cause"] = f"{type(cause).__module__}.{type(cause).__qualname__}"
    return described


class JsonFormatter(logging.Formatter):
    """A record as one JSON object: ts, level, logger, message, whatever `extra` holds, and the exception's frames."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without a newline in it."""
        line: dict[str, Any] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info and record.exc_info[0] is not None and record.exc_info[1] is not None:
            line["exception"] = _exception(record.exc_info[0], record.exc_info[1], record.exc_info[2])
        return json.dumps(line, default=str)  # in ASCII: some other characters end a line or steer a terminal


def configure_logs(level: str, stream: TextIO | None = None) -> None:
    """Send every logger of the process through one JSON handler. Calling it again replaces that handler."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.set_name(_HANDLER_NAME)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers = [old for old in root.handlers if old.get_name() != _HANDLER_NAME] + [handler]
    root.setLevel(level)
    # These speak at INFO of every request or migration step; what matters of it is logged by us.
    for name in ("httpx", "httpcore", "alembic", "mlflow", "uvicorn.access"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # and at WARNING of every retry while MLflow is away
