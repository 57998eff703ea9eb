"""``Programs``: what workflows are compiled to, and what is read of definitions in a store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sayiir.dsl.portable import from_portable
from sayiir.engine.program import Program
from sayiir.engine.refs import ref_from_text
from sayiir.engine.resolve import fill, read
from sayiir.errors import DefinitionMismatch, PayloadError, StoreError

if TYPE_CHECKING:
    from sayiir.codec.protocol import Codec, Plan
    from sayiir.dsl.definition import Definition
    from sayiir.engine.refs import Ref
    from sayiir.stores.protocols import Store
    from sayiir.stores.records import InstanceRecord
    from sayiir.workflow import Workflow

__all__ = ["Programs"]


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

    async def changed_bodies(self, program: Program, known: bytes | None = None) -> tuple[str, ...]:
        """Tasks whose bodies have changed since the definition was stored; told once for each.

        The hash is the same, so an instance goes on with them all the same. ``known``: what was
        stored, where it is at hand.
        """
        definition = program.definition
        if definition.definition_hash in self._compared:
            return ()
        # Before the store is asked, so that of many calls at once one tells.
        self._compared.add(definition.definition_hash)
        try:
            data = known or await self._store.definition(definition.definition_hash)
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
