"""What the package's own text shows: who may unpickle, what runs code, and that SQL is bound."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from sayiir.stores.postgres.url import parse_url

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = ("sayiir", "sayiir_pytest")


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of ours by its path."""
    return {
        file.relative_to(ROOT).as_posix(): ast.parse(file.read_text())
        for package in PACKAGES
        for file in sorted((ROOT / package).rglob("*.py"))
    }


# -- pickles

PICKLERS: Final = {
    "sayiir/codec/pickle_codec.py": "the codec that users choose by name",
    "sayiir/executors/dask.py": "run_in= names a cluster that the user handed over",
    "sayiir/executors/outcomes.py": "exceptions from our own child, over its pipe",
    "sayiir/executors/pickling.py": "values to our own child, over its pipe",
    "sayiir/executors/processes/pool.py": "to and from our own child, over its pipe",
    "sayiir/executors/processes/process.py": "to and from our own child, over its pipe",
    "sayiir/executors/processes/worker.py": "the child's side of that pipe",
    "sayiir/executors/remote.py": "to and from an executor that the user handed over",
    "sayiir/executors/shipping.py": "functions to our own child, over its pipe",
    "sayiir/executors/wire.py": "progress and log lines from our own child, over its pipe",
    "sayiir/worker/child.py": "the order from the parent, over its own standard input",
    "sayiir/worker/fleet.py": "that order: codec, resources and listener, as the user gave them",
}
"""Nothing here touches a store but the codec, and that only where it was asked for by name."""

UNPICKLING: Final = frozenset({"pickle", "cloudpickle", "marshal", "shelve", "dill", "copyreg"})


def imported(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.partition(".")[0]


def test_only_these_modules_can_pickle() -> None:
    """Each for a reason; whoever adds one has to give it here."""
    found = {path for path, module in modules().items() if UNPICKLING & {*imported(module)}}
    assert found == set(PICKLERS)


def test_nothing_that_stores_or_reads_stored_data_imports_a_pickler() -> None:
    """Not by a detour either: the floors that see stored bytes import no executor."""
    floors = ("sayiir/stores/", "sayiir/codec/", "sayiir/access/", "sayiir/dsl/")
    for path, module in modules().items():
        if not path.startswith(floors) or path in PICKLERS:
            continue
        names = {
            node.module
            for node in ast.walk(module)
            if isinstance(node, ast.ImportFrom) and node.module and node.level == 0
        }
        # The protocol of executors alone is no pickler.
        executors = {name for name in names if name.startswith("sayiir.executors")}
        assert not executors - {"sayiir.executors.protocol"}, path
        named = {name for name in names if name == "sayiir.codec.pickle_codec"}
        # The lazy name in the package is how users ask for it.
        assert not named or path == "sayiir/codec/__init__.py", path


# -- code and programs

RUNNERS: Final = {
    "sayiir/__init__.py": {"import_module"},  # our own modules, when a name is first asked for
    "sayiir/cli/__init__.py": {"import_module"},  # what the extra brings, by constants
    "sayiir/cli/targets.py": {"import_module"},  # workflows that the command line names
    "sayiir/codec/__init__.py": {"import_module"},  # the same
    "sayiir/testing/__init__.py": {"import_module"},  # the same
    "sayiir/codec/wrappers.py": {"import_module"},  # cryptography, by constants
    "sayiir/executors/shipping.py": {"import_module"},  # functions that the caller named
    "sayiir/worker/importing.py": {"import_module"},  # workflows that the worker's parent named
}


def calls(module: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            function = node.func
            if isinstance(function, ast.Name):
                yield function.id, node
            elif isinstance(function, ast.Attribute):
                yield function.attr, node


def test_nothing_evaluates_text() -> None:
    """No eval, no exec; imports by a name that isn't written down are listed above."""
    suspects = {"eval", "exec", "compile", "__import__", "import_module", "popen"}
    found: dict[str, set[str]] = {}
    for path, module in modules().items():
        for name, call in calls(module):
            written = call.func
            of_re = isinstance(written, ast.Attribute) and ast.unparse(written) == "re.compile"
            if name in suspects and not of_re:
                found.setdefault(path, set()).add(name)
    assert found == RUNNERS


def test_no_shell_is_started() -> None:
    """Programs are started with a list of arguments."""
    for path, module in modules().items():
        for _, call in calls(module):
            assert not [word for word in call.keywords if word.arg == "shell"], path


# -- SQL

_SQL: Final = re.compile(
    r"\b(select\s|insert\s+(or|into)|update\s+@?\w|delete\s+from|create\s+(table|index|schema)"
    r"|drop\s|alter\s|pragma\s|listen\s|notify\s|order\s+by|where\s|union\s|returning\s)",
    re.IGNORECASE,
)
NOT_CONSTANT: Final[dict[str, set[str]]] = {
    # Columns and types of its callers' modules, and the numbers of parameters.
    "sayiir/stores/postgres/arrays.py": {
        *("', '.join(arrays.values())", "', '.join(columns)", "', '.join(types)", "alone"),
        *("array", "name"),
    },
    # Conditions and lists of this module's own, and the numbers of parameters.
    "sayiir/stores/postgres/candidates.py": {
        *("' union all '.join(lists)", "lists", "number", "others", "preamble", "probes"),
        *("self.table", "self.where", "size", "table", "where"),
    },
    # Columns and ranges, written out of the module's own tables of types.
    "sayiir/stores/postgres/flush.py": {
        "', '.join(texts)",
        "_assigned(_RUN_TYPES, leave=('run',), source='s')",
        "_in_range('@element', 'spawn_path')",
        "_in_range('@event', 'consumed_at_path')",
        "_in_range('@progress', 'spawn_path')",
        "_in_range('@task_result', 'path')",
        "_in_range('@work_item', 'spawn_path')",
        "_in_range('@work_item', 'spawn_path', 'and t.phase = 6')",
        "_names(_ELEMENT_TYPES)",
        "_names(_EVENT_TYPES)",
        "_names(_RESULT_TYPES)",
        "counted",
    },
    # Columns of the module's own, and the numbers of parameters.
    "sayiir/stores/postgres/item_rows.py": {"rows", "single"},
    # One of the module's own conditions, chosen by an Enum's member.
    "sayiir/stores/postgres/listing.py": {
        *("'true' if status is None else _FITS.get(status, 'true')", "candidates", "preamble"),
    },
    # A message that has SQL's words in it.
    "sayiir/stores/postgres/driver.py": {"url.where", "version.major"},
    # Messages that have SQL's words in them; the schema's name, which the URL's reader checks.
    "sayiir/stores/postgres/migrations.py": {
        *("found.min_reader", "found.version", "newest_version()", "templates.schema", "url.where"),
    },
    # Texts of this module's own, and the numbers of parameters.
    "sayiir/stores/postgres/quick.py": {
        *("', '.join(parts)", "STATE_CODES[InstanceState.COMPLETED]", "arrays", "chosen"),
        *("columns", "prunes", "rows", "steps", "table", "text", "told"),
    },
    # Names of tables, in the module.
    "sayiir/stores/postgres/retention.py": {"names"},
    # Rows of parameters, written out of the module's own table of types.
    "sayiir/stores/postgres/spawning.py": {"rows_of(_ARMS, 'n', nullable=('prio',), first=12)"},
    # A pragma of the module's own.
    "sayiir/stores/sqlite/connection.py": {"setting"},
    # Column names; conditions that the store's own methods write, their values apart.
    "sayiir/stores/sqlite/items.py": {
        "', '.join((_read(name, 'instance.') for name in INSTANCE_COLUMNS))",
        "', '.join(map(_read, ITEM_COLUMNS))",
        "condition",
    },
    # Tables and conditions of the module's own, their values apart; numbers of an Enum and of ours.
    "sayiir/stores/sqlite/listing.py": {"size", "source", "state", "waits"},
    # A number of ours.
    "sayiir/stores/sqlite/migrations.py": {"application_id"},
    # A number of ours.
    "sayiir/stores/sqlite/quick.py": {"STATE_CODES[InstanceState.COMPLETED]"},
    # One of two conditions, written in the class.
    "sayiir/stores/sqlite/queues.py": {"queue.chosen"},
    # A condition and names of tables, in the module.
    "sayiir/stores/sqlite/transaction.py": {"ended", "table"},
}
"""What is put into SQL text though it isn't plainly a constant: each was looked at, and no value of
a verb's argument is among them."""


def test_values_reach_sql_as_parameters_only() -> None:
    """All that is put into SQL's text is a constant of a module, or told above with its reason."""
    found: dict[str, set[str]] = {}
    for path, module in modules().items():
        if not path.startswith("sayiir/stores/"):
            continue
        for text in put_into_sql(module):
            found.setdefault(path, set()).add(text)
    assert found == NOT_CONSTANT


def put_into_sql(module: ast.Module) -> Iterator[str]:
    """The expressions, other than constants, that stand in texts which look like SQL."""
    constants = module_constants(module)
    inner: set[int] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.JoinedStr):
            literal = "".join(
                part.value if isinstance(part, ast.Constant) else "?" for part in node.values
            )
            if not _SQL.search(literal):
                continue
            for part in node.values:
                if isinstance(part, ast.FormattedValue) and not is_constant(part.value, constants):
                    yield ast.unparse(part.value)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
            if id(node) in inner:
                continue
            parts = list(summands(node))
            inner |= {id(each) for each in ast.walk(node) if isinstance(each, ast.BinOp)}
            texts = [p.value for p in parts if isinstance(p, ast.Constant)]
            if not any(isinstance(text, str) and _SQL.search(text) for text in texts):
                continue
            for part in parts:
                if not isinstance(part, ast.Constant | ast.JoinedStr) and not is_constant(
                    part, constants
                ):
                    yield ast.unparse(part)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            of = node.func.value
            formats = node.func.attr in ("format", "format_map", "replace")
            text = of.value if isinstance(of, ast.Constant) else None
            if formats and isinstance(text, str) and _SQL.search(text):
                yield ast.unparse(node)


def summands(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.BinOp):
        yield from summands(node.left)
        yield from summands(node.right)
    else:
        yield node


def module_constants(module: ast.Module) -> set[str]:
    """Names that a module gives itself once: assignments, functions, imports in capitals."""
    found: set[str] = set()
    for node in module.body:
        if isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
        elif isinstance(node, ast.ImportFrom):
            found |= {name.asname or name.name for name in node.names if name.name.isupper()}
    return found


def is_constant(node: ast.expr, constants: set[str]) -> bool:
    """Whether an expression is made of constants of the module alone."""
    bound: set[str] = set()
    for each in ast.walk(node):
        if isinstance(each, ast.comprehension):
            bound |= {name.id for name in ast.walk(each.target) if isinstance(name, ast.Name)}
    return all(
        each.id in constants | bound | {"map", "len", "str", "int", "range"}
        for each in ast.walk(node)
        if isinstance(each, ast.Name)
    )


def test_a_value_in_sql_would_be_found() -> None:
    """The look itself: each of these puts a value into the text."""
    for line in (
        'tx.execute(f"select a from b where c = {name}")',
        'tx.execute("select a from b where c = " + name)',
        "tx.execute(\"select a from b where c = '%s'\" % name)",
        'tx.execute("delete from b where c = {}".format(name))',
    ):
        assert [*put_into_sql(ast.parse(f"def f(name):\n    {line}"))], line
    fine = 'N = 3\ndef f(name):\n    tx.execute(f"select a from b where c = {N} and d = ?", name)'
    assert not [*put_into_sql(ast.parse(fine))]


@pytest.mark.parametrize(
    "schema",
    ['a"b', "a;b", "a b", "a.b", "", "1a", "pg_catalog", "PG_x", "ä", "a\n", "a" * 64, "a'b", "--"],
)
def test_a_schema_that_is_no_plain_name_is_refused(schema: str) -> None:
    """The one name from outside that stands in SQL's text."""
    from urllib.parse import quote

    with pytest.raises(ValueError, match="no name of a schema"):
        parse_url(f"postgresql://db/x?schema={quote(schema, safe='')}")
