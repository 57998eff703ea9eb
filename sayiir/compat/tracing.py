"""``init_tracing()``: each attempt of a task as an OpenTelemetry span (extra ``otel``)."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import xxhash

from sayiir.errors import SayiirError
from sayiir.events import RunnerEvent, TaskFailed, TaskFinished, TaskRetried

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

__all__ = ["init_tracing", "shutdown_tracing", "task_spans"]

_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
_PROTOCOL: Final = "OTEL_EXPORTER_OTLP_PROTOCOL"
_INSTALL: Final = "tracing needs OpenTelemetry; install it with: pip install 'sayiir-py[otel]'"


def init_tracing() -> None:
    """Have every attempt of a task told as a span: on stderr, and to a collector where one is set.

    ``OTEL_EXPORTER_OTLP_ENDPOINT`` names the collector, ``OTEL_EXPORTER_OTLP_PROTOCOL`` how it is
    spoken to (``grpc``, the default, or ``http/protobuf``), ``OTEL_SERVICE_NAME`` this program
    (``sayiir`` by default). Idempotent; a tracer provider that the program has set stays.

    Raises:
        SayiirError: OpenTelemetry isn't installed; the message names the line that does it.
    """
    try:
        from opentelemetry import trace
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import (
            BatchSpanProcessor,
            ConsoleSpanExporter,
            SimpleSpanProcessor,
        )
    except ImportError as error:
        raise SayiirError(_INSTALL) from error
    if isinstance(trace.get_tracer_provider(), TracerProvider):
        return
    name = os.environ.get("OTEL_SERVICE_NAME", "sayiir")
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: name}))
    provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(out=sys.stderr)))
    if os.environ.get(_ENDPOINT):
        provider.add_span_processor(BatchSpanProcessor(_collector()))
    trace.set_tracer_provider(provider)


def shutdown_tracing() -> None:
    """Send what is still waiting and end the tracing. Nothing where none was begun."""
    provider = _provider()
    if provider is not None:
        provider.force_flush()
        provider.shutdown()


def _collector() -> SpanExporter:
    try:
        if os.environ.get(_PROTOCOL, "grpc") == "grpc":
            from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (
                OTLPSpanExporter as GrpcExporter,
            )

            return GrpcExporter()
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        raise SayiirError(_INSTALL) from error
    return OTLPSpanExporter()


def _provider() -> TracerProvider | None:
    """The provider that spans go to; None where the program has begun no tracing."""
    # Only a program that traces has imported it, so nobody else pays for the question.
    sdk = sys.modules.get("opentelemetry.sdk.trace")
    if sdk is None:
        return None
    from opentelemetry import trace

    provider: Any = trace.get_tracer_provider()
    return provider if isinstance(provider, sdk.TracerProvider) else None


def task_spans() -> Callable[[RunnerEvent], None] | None:
    """A listener that tells ended attempts as spans; None where the program has no provider.

    The spans of an instance share a trace, whoever ran them: its id is drawn from the
    instance's. A run in memory has no id, and each listener a trace for it.
    """
    if _provider() is None:
        return None
    nameless = uuid4().hex

    def listen(event: RunnerEvent) -> None:
        if isinstance(event, (TaskFinished, TaskRetried, TaskFailed)):
            provider = _provider()
            if provider is not None:
                _tell(provider, event, event.instance_id or nameless)

    return listen


def _tell(
    provider: TracerProvider, event: TaskFinished | TaskRetried | TaskFailed, instance: str
) -> None:
    from opentelemetry import trace

    own = trace.SpanContext(
        trace_id=xxhash.xxh3_128_intdigest(instance.encode("utf-8", "surrogatepass")) or 1,
        span_id=xxhash.xxh3_64_intdigest(instance.encode("utf-8", "surrogatepass")) or 1,
        is_remote=True,
        trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED),
    )
    ended = event.at
    span = provider.get_tracer("sayiir").start_span(
        event.task or event.path,
        context=trace.set_span_in_context(trace.NonRecordingSpan(own)),
        start_time=_nanoseconds(ended.timestamp() - event.duration.total_seconds()),
        attributes={
            "sayiir.workflow": event.workflow_name,
            "sayiir.instance_id": event.instance_id,
            "sayiir.path": event.path,
            "sayiir.attempt": event.attempt,
        },
    )
    if not isinstance(event, TaskFinished):
        error = event.error
        span.set_attribute("exception.type", error.type_name)
        span.set_attribute("exception.message", error.message)
        span.set_status(trace.Status(trace.StatusCode.ERROR, error.message))
    span.end(_nanoseconds(ended.timestamp()))


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1e9)
