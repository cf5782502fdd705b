"""The exporter that speaks with `opencensus-ext-azure` (the default).

The library's protocol says what an envelope looks like and `Options` where it goes. Its handlers, worker threads and
transport are not used: they keep undelivered envelopes in files of the home folder or lose them, do not know
Retry-After, and log the envelope that was refused, text of the tweet included. Our courier does that part.
"""

import gzip
import json
import platform
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx

# The library has no types.
from opencensus.ext.azure.common import Options  # type: ignore[import-untyped]
from opencensus.ext.azure.common.protocol import (  # type: ignore[import-untyped]
    Data,
    DataPoint,
    Envelope,
    Event,
    ExceptionData,
    MetricData,
    RemoteDependency,
)
from opencensus.ext.azure.common.protocol import Request as RequestData
from opencensus.ext.azure.common.version import __version__ as library_version  # type: ignore[import-untyped]

from vigie_api import __version__
from vigie_api.telemetry.appinsights.answers import outcome_of, unanswered
from vigie_api.telemetry.appinsights.connection import Connection
from vigie_api.telemetry.appinsights.courier import Outcome
from vigie_api.telemetry.appinsights.items import CustomEvent, Dependency, Failure, Item, Operation, Request

_ERROR = 3  # the severity


def _refuse_plain_redirect(response: httpx.Response) -> None:
    """Raise RemoteProtocolError unless a redirect leads to https: Microsoft's leads to the region's endpoint.

    What is sent may hold a tweet, and the addresses inside a cloud that answer anybody speak plain HTTP.
    """
    if response.has_redirect_location:
        place = response.request.url.join(response.headers["location"])
        if place.scheme != "https":
            raise httpx.RemoteProtocolError("The endpoint redirects to an address without TLS.")


class OpencensusExporter:
    """Posts batches to `/v2.1/track`, compressed. `timeout_s` bounds each wait for the endpoint."""

    def __init__(self, connection: Connection, role: str, timeout_s: float) -> None:
        options = Options(connection_string=connection.text)
        self._key = options.instrumentation_key
        hooks = {"response": [_refuse_plain_redirect]}
        self._client = httpx.Client(timeout=timeout_s, follow_redirects=True, event_hooks=hooks)
        self._url = f"{options.endpoint}/v2.1/track"
        self._tags = {
            "ai.cloud.role": role,
            "ai.cloud.roleInstance": platform.node(),
            "ai.application.ver": __version__,
            "ai.internal.sdkVersion": f"py{platform.python_version()}:ext{library_version}",
        }

    def send(self, items: Sequence[Item]) -> Outcome:
        """One request for all of them."""
        body = gzip.compress(json.dumps([self._envelope(item) for item in items]).encode(), compresslevel=1)
        headers = {"Content-Type": "application/json; charset=utf-8", "Content-Encoding": "gzip"}
        try:
            answer = self._client.post(self._url, content=body, headers=headers)
        except httpx.HTTPError as error:
            return unanswered(items, error)
        return outcome_of(items, answer.status_code, answer.text, answer.headers.get("retry-after"), time.time())

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _envelope(self, item: Item) -> Envelope:
        if isinstance(item, CustomEvent):
            event = Event(name=item.name, properties=dict(item.properties))
            return self._wrap("Event", event, item.at_s, item.operation)
        if isinstance(item, Request):
            return self._request(item)
        if isinstance(item, Dependency):
            return self._dependency(item)
        if isinstance(item, Failure):
            return self._failure(item)
        point = DataPoint(name=item.name, value=item.value, count=1)
        return self._wrap("Metric", MetricData(metrics=[point], properties=dict(item.properties)), item.at_s)

    def _request(self, item: Request) -> Envelope:
        request = RequestData(
            id=item.operation.request,
            name=item.name,
            duration=duration(item.seconds),
            responseCode=str(item.status),
            success=item.success,
            properties={"request_id": item.request_id},
        )
        # The request is the root of its operation: it has no parent.
        own = Operation(item.operation.trace, "")
        return self._wrap("Request", request, item.at_s, own, {"ai.operation.name": item.name}, item.count)

    def _dependency(self, item: Dependency) -> Envelope:
        call = RemoteDependency(
            id=item.span,
            name=item.name,
            type=item.kind,
            target=item.target,
            duration=duration(item.seconds),
            success=item.success,
            resultCode="",
            properties={},
        )
        return self._wrap("RemoteDependency", call, item.at_s, item.operation, count=item.count)

    def _failure(self, item: Failure) -> Envelope:
        stack = [
            {"level": level, "method": frame.function, "fileName": frame.file, "line": frame.line}
            for level, frame in enumerate(reversed(item.frames))
        ]
        said = {
            "id": 1,
            "outerId": 0,
            "typeName": item.kind,
            "message": item.message,
            "hasFullStack": bool(stack),
            "parsedStack": stack,
        }
        failure = ExceptionData(exceptions=[said], severityLevel=_ERROR, properties=dict(item.properties))
        return self._wrap("Exception", failure, item.at_s, item.operation)

    def _wrap(
        self,
        kind: str,
        data: Any,
        at_s: float,
        operation: Operation | None = None,
        more: Mapping[str, str] | None = None,
        count: int = 1,
    ) -> Envelope:
        tags = self._tags | dict(more or {})
        if operation is not None:
            tags["ai.operation.id"] = operation.trace
            if operation.request:
                tags["ai.operation.parentId"] = operation.request
        return Envelope(
            name=f"Microsoft.ApplicationInsights.{kind}",
            time=datetime.fromtimestamp(at_s, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            iKey=self._key,
            sampleRate=100 / count,
            tags=tags,
            data=Data(baseData=data, baseType=f"{kind}Data"),
        )


def duration(seconds: float) -> str:
    """d.hh:mm:ss.ffffff, as the schema wants it."""
    micros = round(seconds * 1_000_000)
    minutes, micros = divmod(micros, 60_000_000)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days}.{hours:02}:{minutes:02}:{micros // 1_000_000:02}.{micros % 1_000_000:06}"
