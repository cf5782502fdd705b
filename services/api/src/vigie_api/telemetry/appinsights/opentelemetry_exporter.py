"""The exporter that speaks with `azure-monitor-opentelemetry` (VIGIE_API_APPINSIGHTS_EXPORTER=opentelemetry).

The distribution's three exporters turn log records, spans and metrics into envelopes and post them. Its one-call set-up
is not used: it installs providers for the whole process, where MLflow has its own, instruments every library, and
calls Microsoft's live-metrics, statistics and configuration hosts. Queues, retries and counts are our courier's.
"""

import logging
import os
import platform
import time
from collections.abc import Callable, Sequence
from typing import Any

# Read when the library is imported: it would call hosts that the connection string does not name.
for _switch in (
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL",
    "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED",
    "APPLICATIONINSIGHTS_SDKSTATS_DISABLED",
    "APPLICATIONINSIGHTS_OPENTELEMETRY_RESOURCE_METRIC_DISABLED",
):
    os.environ.setdefault(_switch, "true")

from azure.core.pipeline import PipelineResponse  # noqa: E402 - after the switches
from azure.core.pipeline.policies import RetryPolicy  # noqa: E402
from azure.monitor.opentelemetry.exporter import (  # noqa: E402
    AzureMonitorLogExporter,
    AzureMonitorMetricExporter,
    AzureMonitorTraceExporter,
)
from opentelemetry._logs import LogRecord, SeverityNumber  # noqa: E402
from opentelemetry.sdk._logs import ReadableLogRecord  # noqa: E402
from opentelemetry.sdk.metrics.export import (  # noqa: E402
    Gauge,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.sdk.resources import Resource  # noqa: E402
from opentelemetry.sdk.trace import ReadableSpan  # noqa: E402
from opentelemetry.sdk.util.instrumentation import InstrumentationScope  # noqa: E402
from opentelemetry.trace import (  # noqa: E402
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from vigie_api import __version__  # noqa: E402
from vigie_api.telemetry.appinsights.answers import outcome_of, unanswered  # noqa: E402
from vigie_api.telemetry.appinsights.connection import Connection  # noqa: E402
from vigie_api.telemetry.appinsights.courier import Outcome  # noqa: E402
from vigie_api.telemetry.appinsights.items import (  # noqa: E402
    CustomEvent,
    Dependency,
    Failure,
    Item,
    Measure,
    Operation,
    Request,
)

_SCOPE = InstrumentationScope("vigie_api")
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
# What makes the library name a type as we do. Its own rules for HTTP would rename the call after an address.
_KIND_ATTRIBUTES = {
    "SQL": {"db.system": "other_sql"},
    "HTTP": {"messaging.system": "HTTP"},
    "SMTP": {"messaging.system": "SMTP"},
}


class OpenTelemetryExporter:
    """Posts log records, spans and metrics to `/v2.1/track`, each kind in a request of its own."""

    def __init__(self, connection: Connection, role: str, timeout_s: float) -> None:
        # The library logs what it drops: an envelope holds the text of a tweet.
        logging.getLogger("azure").setLevel(logging.CRITICAL)
        self._resource = Resource(
            {"service.name": role, "service.instance.id": platform.node(), "service.version": __version__}
        )
        self._answers: list[tuple[int, str, str | None]] = []
        options: dict[str, Any] = {
            "connection_string": connection.text,
            "disable_offline_storage": True,
            "max_envelopes_per_second": 0,
            "retry_policy": RetryPolicy.no_retries(),
            "raw_response_hook": self._keep_answer,
            "timeout": timeout_s,
            "read_timeout": timeout_s,
        }
        self._logs = AzureMonitorLogExporter(**options)
        self._traces = AzureMonitorTraceExporter(**options)
        self._metrics = AzureMonitorMetricExporter(**options)

    def send(self, items: Sequence[Item]) -> Outcome:
        """A request for each kind that is among them; after a failure the rest waits too."""
        logs = [item for item in items if isinstance(item, CustomEvent | Failure)]
        spans = [item for item in items if isinstance(item, Request | Dependency)]
        measures = [item for item in items if isinstance(item, Measure)]
        whole = Outcome()
        for part, export in (
            (logs, lambda: self._logs.export([self._record(item) for item in logs])),
            (spans, lambda: self._traces.export([self._span(item) for item in spans])),
            (measures, lambda: self._metrics.export(self._measured(measures))),
        ):
            if not part:
                continue
            if whole.trouble is not None:
                whole.later.extend(part)
                continue
            outcome = self._export(part, export)
            whole.later.extend(outcome.later)
            whole.refused += outcome.refused
            whole.trouble, whole.wait_s = outcome.trouble, outcome.wait_s
        return whole

    def _export(self, part: Sequence[Item], export: Callable[[], object]) -> Outcome:
        """The library says success or not; the answer itself says whether to try again, and when."""
        self._answers.clear()
        export()
        if not self._answers:
            return unanswered(part, ConnectionError())
        status, body, retry_after = self._answers[-1]
        return outcome_of(part, status, body, retry_after, time.time())

    def _keep_answer(self, response: PipelineResponse[Any, Any]) -> None:
        answer = response.http_response
        self._answers.append((answer.status_code, answer.text(), answer.headers.get("Retry-After")))

    def close(self) -> None:
        """Close the connections."""
        for exporter in (self._logs, self._traces, self._metrics):
            exporter.client.close()

    def _record(self, item: CustomEvent | Failure) -> ReadableLogRecord:
        attributes: dict[str, str] = dict(item.properties)
        body, severity = None, SeverityNumber.INFO
        if isinstance(item, CustomEvent):
            attributes["microsoft.custom_event.name"] = item.name
        else:
            frames = (f'  File "{frame.file}", line {frame.line}, in {frame.function}' for frame in item.frames)
            body, severity = item.message, SeverityNumber.ERROR
            attributes |= {"exception.type": item.kind, "exception.stacktrace": "\n".join(frames)}
        record = LogRecord(
            timestamp=_nanos(item.at_s),
            context=set_span_in_context(NonRecordingSpan(_context(item.operation, item.operation.request))),
            severity_number=severity,
            body=body,
            attributes=attributes,
        )
        return ReadableLogRecord(record, self._resource, _SCOPE)

    def _span(self, item: Request | Dependency) -> ReadableSpan:
        attributes: dict[str, Any] = {"_MS.sampleRate": 100 / item.count}
        if isinstance(item, Request):
            attributes |= {
                "http.request.method": item.method,
                "http.route": item.route,
                "http.response.status_code": item.status,
                "request_id": item.request_id,
            }
            span, parent, kind, name = item.operation.request, None, SpanKind.SERVER, item.name
        else:
            attributes |= _KIND_ATTRIBUTES[item.kind] | {"peer.service": item.target}
            span, name, kind = item.span, item.name, SpanKind.CLIENT
            parent = _context(item.operation, item.operation.request)
        return ReadableSpan(
            name=name,
            context=_context(item.operation, span),
            parent=parent,
            resource=self._resource,
            attributes=attributes,
            kind=kind,
            status=Status(StatusCode.OK if item.success else StatusCode.ERROR),
            start_time=_nanos(item.at_s),
            end_time=_nanos(item.at_s + item.seconds),
            instrumentation_scope=_SCOPE,
        )

    def _measured(self, items: Sequence[Measure]) -> MetricsData:
        metrics = [
            Metric(
                item.name,
                None,
                None,
                Gauge([NumberDataPoint(dict(item.properties), _nanos(item.at_s), _nanos(item.at_s), item.value)]),
            )
            for item in items
        ]
        return MetricsData([ResourceMetrics(self._resource, [ScopeMetrics(_SCOPE, metrics, "")], "")])


def _context(operation: Operation, span: str) -> SpanContext:
    return SpanContext(int(operation.trace, 16), int(span, 16), is_remote=False, trace_flags=_SAMPLED)


def _nanos(at_s: float) -> int:
    return int(at_s * 1_000_000_000)
