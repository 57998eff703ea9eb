"""The files that the documents give for deploying workers are well-formed, and fit the command."""

from __future__ import annotations

import configparser
import json
import shlex
from typing import Any

import typer.main
import yaml

from sayiir.cli.app import app
from sayiir.durations import duration_seconds
from sayiir.limits import DEFAULT_GRACE_SECONDS, LEAVE_SECONDS
from tests.docs.pages import ROOT, blocks_of

BLOCKS = blocks_of(ROOT / "docs" / "how-to" / "deploy-workers.md")


def text_of(language: str) -> str:
    (block,) = (block for block in BLOCKS if block.info == language)
    return block.text


def worker_options(arguments: list[str]) -> dict[str, Any]:
    """The options of ``sayiir worker`` with these arguments; fails where it would refuse them."""
    command: Any = typer.main.get_command(app)
    assert arguments[0] == "worker"
    options: dict[str, Any] = command.commands["worker"].make_context("w", arguments[1:]).params
    assert options["targets"] == ["orders:prepare", "orders:fulfil"]
    return options


def longest_stop(options: dict[str, Any]) -> float:
    return duration_seconds(options["grace"]) + LEAVE_SECONDS


def test_the_systemd_unit() -> None:
    unit = configparser.ConfigParser(interpolation=None, strict=True)
    unit.optionxform = str  # type: ignore[method-assign,assignment]
    unit.read_string(text_of("ini"))
    assert unit.sections() == ["Unit", "Service", "Install"]
    service = unit["Service"]
    program, *arguments = shlex.split(service["ExecStart"])
    assert program.endswith("/sayiir")
    assert int(service["TimeoutStopSec"]) > longest_stop(worker_options(arguments))


def test_the_container_file() -> None:
    lines = [line for line in text_of("dockerfile").splitlines() if not line.startswith("#")]
    steps = dict(line.split(" ", 1) for line in lines)
    assert json.loads(steps["ENTRYPOINT"]) == ["sayiir"]
    options = worker_options(json.loads(steps["CMD"]))
    assert longest_stop(options) < 30, "docker's own patience in the page's command"
    assert "[cli,postgres]" in text_of("dockerfile")


def test_the_kubernetes_manifest() -> None:
    job, deployment = yaml.safe_load_all(text_of("yaml"))
    assert (job["kind"], deployment["kind"]) == ("Job", "Deployment")
    assert job["spec"]["template"]["spec"]["containers"][0]["args"] == ["migrate"]
    template = deployment["spec"]["template"]
    assert template["metadata"]["labels"] == deployment["spec"]["selector"]["matchLabels"]
    (container,) = template["spec"]["containers"]
    patience = template["spec"]["terminationGracePeriodSeconds"]
    assert patience > longest_stop(worker_options(container["args"]))


def test_the_grace_that_the_page_names() -> None:
    text = (ROOT / "docs" / "how-to" / "deploy-workers.md").read_text(encoding="utf-8")
    assert f"`--grace` ({DEFAULT_GRACE_SECONDS:.0f} s by" in text
