"""What the graph knows of a task: its function, signature and options, as plain data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any

from sayiir.codec.protocol import UNDECLARED
from sayiir.policy import RetryPolicy

__all__ = ["Injected", "Injection", "Parameter", "Signature", "TaskSpec"]


class Injection(Enum):
    """Where an injected parameter's value comes from."""

    RESULT_OF = "result_of"
    WORKFLOW_INPUT = "workflow_input"
    RESOURCE = "resource"
    CONTEXT = "context"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter that the flowing value fills: name and resolved annotation."""

    name: str
    annotation: Any = UNDECLARED


@dataclass(frozen=True, slots=True)
class Injected:
    """A parameter that the engine fills.

    ``task``: for RESULT_OF, the task whose result it is. ``annotation``: for WORKFLOW_INPUT
    and RESOURCE, the type that was asked for.
    """

    name: str
    source: Injection
    task: TaskSpec | None = None
    annotation: Any = UNDECLARED


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A task's parameters and output, with annotations resolved.

    ``inputs`` have no default and are filled by the flowing value (none: it is dropped; one:
    it is it; several: it is spread). ``optional`` have an ordinary default and are filled by
    name from a mapping that is spread. ``output`` UNDECLARED: not annotated, or unresolved.
    """

    inputs: tuple[Parameter, ...] = ()
    optional: tuple[Parameter, ...] = ()
    injected: tuple[Injected, ...] = ()
    output: Any = UNDECLARED


@dataclass(frozen=True, kw_only=True, eq=False)
class TaskSpec:
    """One task. Equal only to itself: two decorated functions are two tasks.

    Attributes:
        name: the task's name, unique per function within a scope.
        function: the user's function; None where the definition was read from its portable form.
        decorated: False for plain callables and lambdas, which are told apart by place.
        run_in: ``"loop"``, ``"thread"``, ``"process"`` or the name of an executor.
        timeout_seconds: per attempt; None: no limit.
        namespace: local names at the decoration, for annotations that are only text.
        known_signature: the signature where it is given and not read from the function.
        known_body: the digest of the body where it was read from a portable definition.
    """

    name: str
    function: Callable[..., Any] | None
    decorated: bool = True
    is_async: bool = False
    version: str = ""
    timeout_seconds: float | None = None
    policy: RetryPolicy = field(default_factory=lambda: RetryPolicy(max_retries=0))
    tags: tuple[str, ...] = ()
    priority: int | None = None
    run_in: str = "thread"
    idempotent: bool = False
    description: str = ""
    namespace: Mapping[str, Any] | None = None
    known_signature: Signature | None = None
    known_body: str = ""

    @cached_property
    def body_digest(self) -> str:
        """See ``dsl/bodies.py``; empty where it isn't known."""
        if self.function is None:
            return self.known_body
        from sayiir.dsl.bodies import body_digest

        return body_digest(self.function)

    @cached_property
    def signature(self) -> Signature:
        """Parameters and output; read on first use, when every annotated name exists."""
        if self.known_signature is not None or self.function is None:
            return self.known_signature or Signature()
        from sayiir.dsl.signature import read_signature

        return read_signature(self.function, self.namespace)
