"""``Workflow``: what ``Flow.build()`` gives; a native workflow beside its steps."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

from sayiir.compat.context import WorkflowFacts
from sayiir.compat.errors import told_as_compat
from sayiir.compat.listing import NodeInfo, node_infos
from sayiir.compat.names import escaped
from sayiir.compat.nodes import flow_of_steps
from sayiir.compat.reference_hash import reference_hash
from sayiir.compat.steps import Step, rebound, tasks_of
from sayiir.workflow import Workflow as NativeWorkflow
from sayiir.workflow import workflow as native_workflow

__all__ = ["HashFormat", "Workflow", "check_hash_format"]

HashFormat: TypeAlias = Literal["native", "1.0"]


class Workflow:
    """A workflow, built. Made by ``Flow.build()``.

    Attributes:
        native: the same as a workflow of the native interface, which draws, compares and runs
            it: ``workflow.native.to_mermaid()``.

    >>> from sayiir.compat import Flow
    >>> workflow = Flow("doubling").then(lambda n: 2 * n).build()
    >>> workflow.workflow_id, workflow.iter_nodes(), workflow.native(4)
    ('doubling', [NodeInfo(id='lambda_0', kind='task')], 8)
    """

    native: NativeWorkflow[Any, Any]

    def __init__(
        self,
        name: str,
        steps: tuple[Step, ...],
        *,
        metadata_json: str | None = None,
        hash_format: HashFormat = "native",
    ) -> None:
        if not steps:
            raise ValueError(f"workflow {name!r} has no steps; give it at least one task")
        check_hash_format(hash_format)
        self._facts = WorkflowFacts(name, metadata_json)
        self._hash_format: HashFormat = hash_format
        self.steps = steps
        with told_as_compat():
            self.native = native_workflow(escaped(name), flow_of_steps(steps, self._facts))

    @property
    def workflow_id(self) -> str:
        """The workflow's name."""
        return self._facts.workflow_id

    @property
    def definition_hash(self) -> str:
        """What instances are bound to; with ``build(hash_format="1.0")`` as 1.0.0 computes it.

        That other hash is only shown: instances are bound to the native one.
        """
        if self._hash_format == "1.0":
            return reference_hash(self.steps)
        return self.native.definition_hash

    @property
    def metadata(self) -> dict[str, Any] | None:
        """A copy of what ``Flow(..., metadata=...)`` was given, or None."""
        found = self._facts.metadata
        return None if found is None else json.loads(found)

    @property
    def metadata_json(self) -> str | None:
        """The same as JSON."""
        return self._facts.metadata

    def iter_nodes(self) -> list[NodeInfo]:
        """All nodes in the order in which they run."""
        return list(node_infos(self.steps))

    def with_functions(self, functions: Mapping[str, Callable[..., Any]] | None) -> Workflow:
        """The workflow with other functions for its task ids; itself where they are the same."""
        if functions is None or functions == self._task_registry:
            return self
        return Workflow(
            self.workflow_id,
            rebound(self.steps, functions),
            metadata_json=self._facts.metadata,
            hash_format=self._hash_format,
        )

    # Programs that talk to the engine classes themselves hand these two over.

    @property
    def _inner(self) -> Workflow:
        return self

    @property
    def _task_registry(self) -> dict[str, Callable[..., Any]]:
        return {
            step.id: step.function for step in tasks_of(self.steps) if step.function is not None
        }

    def __repr__(self) -> str:
        return f"<compat Workflow {self.workflow_id} {self.definition_hash[:8]}>"


def check_hash_format(hash_format: object) -> None:
    """Refuse what names no format.

    Raises:
        ValueError: it is neither ``"native"`` nor ``"1.0"``.
    """
    if hash_format not in ("native", "1.0"):
        raise ValueError(f"hash_format is 'native' or '1.0', not {hash_format!r}")
