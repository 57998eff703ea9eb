"""The records of failures, as stores keep them."""

from __future__ import annotations

import pytest

from sayiir.engine.failures import failure_from_bytes, failure_to_bytes
from sayiir.errors import FailureInfo


def test_a_failure_comes_back_as_it_was_kept() -> None:
    info = FailureInfo(
        "TaskFailed", "builtins.KeyError", "\ud800", "lines", None, "a", 3, (("k", "v"),)
    )
    assert failure_from_bytes(failure_to_bytes(info)) == info


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"{}",
        b"[" * 100_000,
        b'["TaskFailed","x","y","z",null,"p",1e400,[]]',
        b'["TaskFailed","x","y","z",null,"p",NaN,[]]',
        b'["TaskFailed","x","y","z",null,"p",1,[["a"]]]',
    ],
    ids=lambda data: repr(data[:60]),
)
def test_a_damaged_one_is_told_as_such(data: bytes) -> None:
    assert failure_from_bytes(data).message == "the stored failure is damaged"
