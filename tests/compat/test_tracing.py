"""Spans: told by the real OpenTelemetry, to its console and to a collector."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PROGRAM = """
from sayiir.compat import *
init_tracing()
init_tracing()

@task(retries=RetryPolicy(1, 0.001, 1.0))
def fails(n):
    raise ValueError("no good")

run_durable_workflow(Flow("shop").then(lambda n: n, name="charge").then(fails).build(), "i", 1)
run_workflow(Flow("quick").then(lambda n: n, name="step").build(), 1)
shutdown_tracing()
shutdown_tracing()
"""


def run(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A program in a process of its own: OpenTelemetry's provider can be set once."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=120,
        env={**kept, **environment},
        check=True,
    )


def spans_in(text: str) -> list[dict[str, Any]]:
    """The spans that were written to a console, one JSON object after the other."""
    decoder, found, at = json.JSONDecoder(), [], 0
    while (at := text.find("{", at)) >= 0:
        span, at = decoder.raw_decode(text, at)
        found.append(span)
    return found


def test_every_attempt_is_a_span() -> None:
    """Failed attempts are spans too, and an instance's spans share a trace."""
    told = spans_in(run(PROGRAM).stderr)
    assert [span["name"] for span in told] == ["charge", "fails", "fails", "step"]
    charge, first, second, _ = told
    assert charge["attributes"] == {
        "sayiir.workflow": "shop",
        "sayiir.instance_id": "i",
        "sayiir.path": "charge",
        "sayiir.attempt": 1,
    }
    assert (first["attributes"]["sayiir.attempt"], second["attributes"]["sayiir.attempt"]) == (1, 2)
    assert second["status"] == {"status_code": "ERROR", "description": "no good"}
    assert second["attributes"]["exception.type"] == "ValueError"
    traces = [span["context"]["trace_id"] for span in told]
    assert traces[0] == traces[1] == traces[2] != traces[3]
    parents = [span["parent_id"] for span in told]
    assert parents[0] == parents[1] == parents[2] != parents[3]
    assert charge["start_time"] <= charge["end_time"]
    assert charge["resource"]["attributes"]["service.name"] == "sayiir"


def test_a_collector_gets_the_spans() -> None:
    """With the endpoint set they are sent, and all are there after the shutdown."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    bodies: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        run(
            PROGRAM,
            OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{server.server_port}",
            OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
            OTEL_EXPORTER_OTLP_COMPRESSION="none",
            OTEL_SERVICE_NAME="the shop",
        )
        server.shutdown()
    requests = [ExportTraceServiceRequest.FromString(body) for body in bodies]
    resources = [each for request in requests for each in request.resource_spans]
    names = [s.name for r in resources for scope in r.scope_spans for s in scope.spans]
    assert sorted(names) == ["charge", "fails", "fails", "step"]
    told = {a.key: a.value.string_value for a in resources[0].resource.attributes}
    assert told["service.name"] == "the shop"


def test_nothing_is_traced_unless_it_was_begun() -> None:
    """A program that doesn't trace doesn't even import OpenTelemetry."""
    program = PROGRAM.replace("init_tracing()\n", "") + (
        "import sys\nprint([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    ended = run(program)
    assert (ended.stdout.strip(), ended.stderr) == ("[]", "")


def test_without_opentelemetry_the_extra_is_named() -> None:
    """The message says what to install."""
    program = (
        "import sys\n"
        "sys.modules['opentelemetry'] = None\n"
        "import sayiir, sayiir.compat\n"
        "try:\n"
        "    sayiir.compat.init_tracing()\n"
        "except sayiir.SayiirError as error:\n"
        "    print(error)\n"
        "sayiir.compat.shutdown_tracing()\n"
    )
    assert "pip install 'sayiir-py[otel]'" in run(program).stdout
