"""What a hostile writer to the store may leave in a column: bytes and texts, from a seed."""

from __future__ import annotations

import json
import os
import pickle
import random
import zlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CANARY", "hostile_bytes", "hostile_number", "hostile_text"]

CANARY: Final = "SAYIIR_TEST_CANARY"
"""Environment variable of the folder that a pickle would make if it were read."""


class _Opens:
    """Pickled, it makes the canary's folder when it is read."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (os.environ.get(CANARY, "/nonexistent/canary"),)


class _Evaluates:
    def __reduce__(self) -> tuple[Any, ...]:
        return eval, (f"__import__('os').mkdir({os.environ.get(CANARY, '/nonexistent/c')!r})",)


_WORDS: Final = (
    "__import__('os').system('true')",
    "{0.__class__.__mro__}",
    "%s%s%s%n",
    "!!python/object/apply:os.system ['true']",
    "'; drop table instance; --",
    "../../../../etc/passwd",
    "builtins.eval",
    "os.system",
    "tests.security.trap",
    "\x1b[2J\x1b]0;owned\x07",
    "one\nERROR sayiir forged line",
    "\u202etxt.exe",
    "\ufeff",
    "a" * 100_000,
    "",
    " ",
    "0",
    "-1",
    "null",
    "true",
)

_REFERENCES: Final = (
    "i",
    "r:",
    "ra:start",
    "rdddd:start",
    "r:start/start",
    "r:each",
    "r:nothing",
    "r:fork[0]/left",
    "r:fork[9]/left",
    "r:each[0]/finish",
    "r:each[-1]/finish",
    "r:each[99999999999999999999]/finish",
    '["i"]',
    '["r","start",""]',
    '["r","start","zz"]',
    '["event",1,"each/go",""]',
    '["event",-1,"each/go",""]',
    '["event",1e400,"each/go",""]',
    '["event",NaN,"each/go",""]',
    '["event",' + "9" * 30 + ',"each/go",""]',
    '["event",' + "9" * 5_000 + ',"each/go",""]',
    '["event",1,"nowhere",""]',
    '["element","each",0]',
    '["element","each",1]',
    '["element","nowhere",0]',
    '["element","each",' + "9" * 40 + "]",
    '["element","each",-1]',
    '["join","each","each"]',
    '["join","fork","fork"]',
    '["join","start","start"]',
    '["join","nowhere","nowhere"]',
    '["join","",""]',
    '["default","each/go",""]',
    '["default","nowhere",""]',
    '["envelope",["r","start",""],["i"]]',
    '["envelope",["i"],["i"]]',
    '["pair",["i"],["i"]]',
    '["pair",["i"]]',
    '["value",["i"]]',
    '["value",["join","each","each"]]',
    '["value",' * 400 + '["i"]' + "]" * 400,
    '["pair",["i"],' * 100_000 + '["i"]' + "]" * 100_000,
    '["value",' * 200_000,
    'c["i","i"]',
    'c["i"]',
    "c[]",
    "c{}",
    "c1",
    "c",
    "[]",
    "[[]]",
    "{}",
    '"i"',
    "1",
)

_PATHS: Final = (
    "",
    "/",
    "start",
    "fork",
    "fork[0]",
    "fork[0]/left",
    "fork[2]/left",
    "fork[*]/left",
    'fork["0"]/left',
    'fork["\\ud800"]/left',
    "each",
    "each[0]/finish",
    "each[7]/finish",
    "each[-1]/finish",
    "each[99999999999999999999]/finish",
    "each[4294967296]/finish",
    "each[1.5]/finish",
    "each[" + "9" * 5_000 + "]/finish",
    "each/go",
    "total/total",
    "each[0]/each[0]/finish",
    "[",
    "a[",
    'a["',
    'a["\\"]',
    "/".join(["each[0]"] * 3_000),
    "fork[" + "0" * 10_000 + "]/left",
)

_JSON: Final = (
    "[" * 100_000,
    "[" * 100_000 + "]" * 100_000,
    '{"a":' * 50_000 + "1" + "}" * 50_000,
    "[" * 199 + "]" * 199,
    "1" * 6_000,
    "-" + "9" * 400,
    "1e400",
    "-1e999999",
    "1e-999999",
    "NaN",
    "Infinity",
    "0x10",
    "1_000",
    '"\\ud800"',
    '"\\u0000"',
    '"unterminated',
    '{"a":1,"a":2}',
    '{"!":["pickle","gASVAAAAAAAAAAB9lC4="]}',
    '{"!":["object","os.system","true"]}',
    '{"!":["tuple"]}',
    '{"!":["tuple",1,{"!":["set",[1]]}]}',
    '{"!":["set",{"!":["dict",1,2]}]}',
    '{"!":["frozenset",[]]}',
    '{"!":["dict",1]}',
    '{"!":["dict",{"!":["dict"]},1]}',
    '{"!":["int","0x' + "f" * 60_000 + '"]}',
    '{"!":["int","__import__"]}',
    '{"!":["int",1]}',
    '{"!":["float","1e9999"]}',
    '{"!":["float",[]]}',
    '{"!":["decimal","1e99999999999999999"]}',
    '{"!":["decimal","sNaN"]}',
    '{"!":["datetime","9999-99-99"]}',
    '{"!":["timedelta",1e300,0,0]}',
    '{"!":["timedelta",99999999999,0,0]}',
    '{"!":["uuid","nope"]}',
    '{"!":["bytes","====="]}',
    '{"!":["str","gICA"]}',
    '{"!":["time","25:00"]}',
    '{"!":["again",{"!":["again",{"!":["done",1]}]}]}',
    '{"!":["branch","k"]}',
    '{"!":["failed",{},1]}',
    '{"!":["item_failed",1,2,3]}',
    '{"!":["union","Note",1]}',
    '{"!":["union"]}',
    '{"!":[]}',
    '{"!":1}',
    '{"!":["tuple"],"x":1}',
    '{"!":[["tuple"]]}',
    '{"!":["__class__","__reduce__"]}',
    '{"__class__":"os.system","py/object":"os.system","$type":"System.Diagnostics.Process"}',
    '{"__reduce__":["os.system",["true"]]}',
    '{"by":"x","n":1,"__dict__":{}}',
    '{"by":["x"]}',
    "[1,2,3]",
    "[[1],[2]]",
    '[["a","b"],["c"]]',
    '[["a",1]]',
    '{"a":1}',
    "[null,null]",
    '["TaskFailed","x","y","z",null,"p",1,[]]',
    '["TaskFailed","x","y","z",null,"p",1e400,[]]',
    '["TaskFailed","x","y","z",null,"p",NaN,[]]',
    '["os.system","x","y","z",null,"p",1,[["a"]]]',
    '["SystemExit","builtins.SystemExit","y","z",null,"p",1,[["a","b"]]]',
    '[{},{},{},{},{},{},"1",{}]',
)


def _pickles() -> tuple[bytes, ...]:
    made = [
        pickle.dumps(hostile, protocol)
        for hostile in (_Opens(), _Evaluates())
        for protocol in (0, 2, 4)
    ]
    return (*made, b"cos\nsystem\n(S'true'\ntR.", b"\x80\x04\x8c\x02os\x8c\x06system\x93.")


def hostile_bytes(dice: random.Random, genuine: bytes) -> bytes:
    """Bytes for a column in which ``genuine`` stood."""
    make: Callable[[random.Random, bytes], bytes] = dice.choice(_BYTES)
    return make(dice, genuine)


def _random(dice: random.Random, _: bytes) -> bytes:
    return dice.randbytes(dice.choice((0, 1, 2, 7, 50, 3_000)))


def _formatted(dice: random.Random, genuine: bytes) -> bytes:
    rest = dice.choice((genuine[1:], dice.randbytes(20), dice.choice(_JSON).encode()))
    return bytes([dice.choice((0, 1, 2, 3, 4, 5, 6, 127, 255))]) + rest


def _pickle(dice: random.Random, _: bytes) -> bytes:
    return dice.choice((b"", b"\x01", b"\x02", b"\x03")) + dice.choice(_pickles())


def _json(dice: random.Random, _: bytes) -> bytes:
    return dice.choice((b"", b"\x01", b"\x02")) + dice.choice(_JSON).encode()


def _words(dice: random.Random, _: bytes) -> bytes:
    word = dice.choice(_WORDS)
    return dice.choice((b"", b"\x01", b"\x02", b"\x06")) + dice.choice(
        (word.encode(), json.dumps(word).encode(), json.dumps({"by": word}).encode())
    )


def _cut(dice: random.Random, genuine: bytes) -> bytes:
    return genuine[: dice.randrange(len(genuine) + 1)]


def _flipped(dice: random.Random, genuine: bytes) -> bytes:
    changed = bytearray(genuine or b"x")
    for _ in range(dice.choice((1, 1, 3))):
        changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    return bytes(changed)


def _spliced(dice: random.Random, genuine: bytes) -> bytes:
    at = dice.randrange(len(genuine) + 1)
    return genuine[:at] + dice.choice((b"\0", b"\xff", b'"', b"]", genuine)) + genuine[at:]


def _bomb(dice: random.Random, _: bytes) -> bytes:
    return dice.choice((b"\x04", b"")) + zlib.compress(b"\x02" + b"[" * 50_000_000, 1)


_BYTES: Final = (
    *(_random, _formatted, _formatted, _pickle, _pickle, _json, _json, _json),
    *(_words, _cut, _flipped, _flipped, _spliced),
)


def hostile_text(dice: random.Random, genuine: str) -> str:
    """Text for a column in which ``genuine`` stood: a path, a reference, labels, a name."""
    kind = dice.randrange(9)
    if kind < 2:
        return dice.choice(_REFERENCES)
    if kind < 4:
        return dice.choice(_PATHS)
    if kind == 4:
        return dice.choice(_WORDS)
    if kind == 5:
        return dice.choice(_JSON)
    if kind == 6:
        return _cut(dice, genuine.encode()).decode(errors="replace")
    if kind == 7:
        return _flipped(dice, genuine.encode()).decode(errors="replace")
    return "".join(
        chr(dice.choice((dice.randrange(128), dice.randrange(0xD800)))) for _ in range(9)
    )


def hostile_number(dice: random.Random, bits: int) -> int:
    """A whole number that a column of so many bits takes, most of them of no use there."""
    most = 2 ** (bits - 1)
    return dice.choice((0, 1, -1, 2, 7, 99, -most, most - 1, dice.randrange(-most, most)))
