"""From what a store keeps of an instance to what users see: statuses, outputs, histories."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sayiir.dsl.portable import from_portable
from sayiir.engine.failures import failure_from_bytes
from sayiir.engine.program import Program
from sayiir.engine.refs import ref_from_text
from sayiir.engine.resolve import fill, read
from sayiir.errors import DefinitionMismatch, FailureInfo, PayloadError, StoreError
from sayiir.status import (
    AwaitingSignal,
    Cancelled,
    Completed,
    Failed,
    InProgress,
    InstanceInfo,
    Parked,
    Paused,
    TaskResult,
    Waiting,
)
from sayiir.stores.records import InstanceState, StatusName

if TYPE_CHECKING:
    from sayiir.codec.protocol import Codec, Plan
    from sayiir.dsl.definition import Definition
    from sayiir.engine.refs import Ref
    from sayiir.status import WorkflowStatus
    from sayiir.stores.protocols import Store
    from sayiir.stores.records import InstanceRecord, ResultRecord
    from sayiir.workflow import Workflow

__all__ = [
    "Programs",
    "info_of",
    "moment",
    "status_from_name",
    "status_name",
    "status_of",
    "task_result_of",
]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(at_us: int) -> datetime:
    """Microseconds since the Unix epoch as an aware datetime."""
    return _EPOCH + timedelta(microseconds=at_us)


class _PlainPlan:
    """Reads typed bytes as plain JSON data: nobody named the types."""

    __slots__ = ("_codec",)

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    def encode(self, value: object) -> bytes:
        raise StoreError("a definition that was only read can't store values")

    def decode(self, data: bytes) -> Any:
        return self._codec.decode_plain(data)

    def passes_through(self, value: object) -> bool:
        return False


class _PlainCodec:
    """A codec for definitions that were read from a store: it knows no types."""

    __slots__ = ("_codec",)

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    @property
    def name(self) -> str:
        return self._codec.name

    def plan(self, annotation: Any) -> Plan:
        return _PlainPlan(self._codec)

    def decode_plain(self, data: bytes) -> Any:
        return self._codec.decode_plain(data)

    def accept(self, value: object, annotation: Any) -> Any:
        return value

    def conform(self, value: object, annotation: Any) -> Any:
        return value


class Programs:
    """The programs that a client, runner or worker has compiled, by definition hash.

    Args:
        store: where portable definitions are kept.
        codec: how values are stored.
    """

    def __init__(self, store: Store, codec: Codec) -> None:
        self._store = store
        self._codec = codec
        self._compiled: dict[str, Program] = {}
        self._read: dict[str, Program] = {}
        self._compared: set[str] = set()

    def of(self, workflow: Workflow[Any, Any]) -> Program:
        """The program of a workflow that was given."""
        program = self._compiled.get(workflow.definition_hash)
        if program is None or program.definition is not workflow.definition:
            program = Program(workflow.definition, self._codec)
            self._compiled[workflow.definition_hash] = program
        return program

    async def stored(self, definition_hash: str) -> Program:
        """The program of a definition that the store keeps: it can be read, not run.

        Raises:
            StoreError: the store has no such definition, or it is damaged.
        """
        if definition_hash not in self._read:
            data = await self._store.definition(definition_hash)
            if data is None:
                raise StoreError(f"the store has lost definition {definition_hash}")
            try:
                definition = from_portable(data)
            except PayloadError as error:
                raise StoreError(f"definition {definition_hash} is damaged: {error}") from error
            self._read[definition_hash] = Program(definition, _PlainCodec(self._codec))
        return self._read[definition_hash]

    async def changed_bodies(self, program: Program) -> tuple[str, ...]:
        """Tasks whose bodies have changed since the definition was stored; told once for each.

        The hash is the same, so an instance goes on with them all the same.
        """
        definition = program.definition
        if definition.definition_hash in self._compared:
            return ()
        # Before the store is asked, so that of many calls at once one tells.
        self._compared.add(definition.definition_hash)
        try:
            data = await self._store.definition(definition.definition_hash)
        except BaseException:
            self._compared.discard(definition.definition_hash)
            raise
        if data is None or data == program.portable:
            return ()
        from sayiir.dsl.bodies import changed_bodies

        try:
            return changed_bodies(from_portable(data), definition)
        except PayloadError:
            return ()  # a damaged one is told of where it is needed

    async def for_record(
        self, record: InstanceRecord, workflow: Workflow[Any, Any] | None
    ) -> Program:
        """The program to read an instance with: the workflow's if one is named.

        Raises:
            DefinitionMismatch: the instance was created by another definition.
        """
        if workflow is None:
            return await self.stored(record.definition_hash)
        if workflow.definition_hash != record.definition_hash:
            raise await self.mismatch(record, workflow.definition)
        return self.of(workflow)

    async def mismatch(self, record: InstanceRecord, definition: Definition) -> DefinitionMismatch:
        """The error for an instance of another definition, with what changed."""
        from sayiir.dsl.diff import diff

        try:
            stored = (await self.stored(record.definition_hash)).definition
            changes = tuple(str(change) for change in diff(stored, definition))
        except StoreError:
            changes = ()
        return DefinitionMismatch(
            record.instance_id, definition.definition_hash, record.definition_hash, changes
        )

    async def output(self, record: InstanceRecord, program: Program) -> Any:
        """The output of a completed instance."""
        if record.output is None:
            raise StoreError(f"instance {record.instance_id!r} is completed without an output")
        try:
            ref = ref_from_text(record.output)
        except ValueError as error:
            raise StoreError(
                f"the stored output of instance {record.instance_id!r} is damaged: {error}"
            ) from error
        return await self.value(program, record.run, ref)

    async def value(self, program: Program, run: int, ref: Ref) -> Any:
        """What a reference of a run stands for; read as far as it isn't at hand."""
        await fill(program, run, [ref], self._store)
        return read(program, ref)


_FILTERS = {
    Completed.__name__: StatusName.COMPLETED,
    Failed.__name__: StatusName.FAILED,
    Cancelled.__name__: StatusName.CANCELLED,
    InProgress.__name__: StatusName.IN_PROGRESS,
    Paused.__name__: StatusName.PAUSED,
    Waiting.__name__: StatusName.WAITING,
    AwaitingSignal.__name__: StatusName.AWAITING_SIGNAL,
}


_NAMES = {status: name for name, status in _FILTERS.items()}


def status_name(record: InstanceRecord) -> str:
    """Name of the status class that a record stands for."""
    return _NAMES[record.status]


def status_from_name(name: str) -> StatusName:
    """The status to filter by, from the name of its class.

    Raises:
        TypeError: it is no text.
        ValueError: no status is called so.
    """
    given: object = name
    if not isinstance(given, str):
        raise TypeError(f'status is the name of one, as "Failed", not {given!r}')
    if name not in _FILTERS:
        raise ValueError(f"no status is called {name!r}; there are {', '.join(_FILTERS)}")
    return _FILTERS[name]


async def status_of(
    record: InstanceRecord,
    programs: Programs,
    workflow: Workflow[Any, Any] | None,
) -> WorkflowStatus[Any]:
    """The status that a record stands for, with the output read where it is completed.

    Raises:
        DefinitionMismatch: the workflow named is not the one that created the instance.
    """
    if workflow is not None and workflow.definition_hash != record.definition_hash:
        raise await programs.mismatch(record, workflow.definition)
    match record.state:
        case InstanceState.COMPLETED:
            program = await programs.for_record(record, workflow)
            return Completed(await programs.output(record, program))
        case InstanceState.FAILED:
            return Failed(_failure(record.error))
        case InstanceState.CANCELLED:
            return Cancelled(record.reason, record.requested_by)
        case InstanceState.RUNNING:
            return _running(record)


def _running(record: InstanceRecord) -> InProgress | Paused | Waiting | AwaitingSignal:
    parked = tuple(
        Parked(
            item.path,
            None if item.wake_at_us is None else moment(item.wake_at_us),
            item.signal_name,
        )
        for item in record.parked
    )
    first = parked[0] if parked else None
    match record.status:
        case StatusName.PAUSED:
            return Paused(record.reason, record.requested_by, parked)
        case StatusName.AWAITING_SIGNAL if first and first.signal_name is not None:
            return AwaitingSignal(first.signal_name, first.wake_at, first.path, parked)
        case StatusName.WAITING if first and first.wake_at is not None:
            return Waiting(first.wake_at, first.path, parked)
        case _:
            return InProgress(parked)


def _failure(error: bytes | None) -> FailureInfo:
    return failure_from_bytes(error or b"")


def info_of(record: InstanceRecord) -> InstanceInfo:
    """One line of a list."""
    return InstanceInfo(
        instance_id=record.instance_id,
        run_id=record.run_id,
        workflow_name=record.workflow_name,
        workflow_version=record.workflow_version,
        definition_hash=record.definition_hash,
        status=status_name(record),
        priority=record.priority,
        labels=dict(record.labels),
        created_at=moment(record.created_at_us),
        finished_at=None if record.finished_at_us is None else moment(record.finished_at_us),
    )


def task_result_of(record: ResultRecord, program: Program) -> TaskResult:
    """One line of a history."""
    output = None
    if record.output is not None:
        output = program.plan(record.node_path).decode(record.output)
    return TaskResult(
        path=record.path,
        output=output,
        error=None if record.error is None else failure_from_bytes(record.error),
        attempts=record.attempts,
        started_at=moment(record.started_at_us),
        finished_at=moment(record.finished_at_us),
    )
