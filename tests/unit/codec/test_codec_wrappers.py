"""The codecs that are chosen by name: pickle, compressed, encrypted."""

from __future__ import annotations

import sys
import threading
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sayiir.codec import UNDECLARED, CompressedCodec, EncryptedCodec, JsonCodec, PickleCodec
from sayiir.codec.sameness import same
from sayiir.errors import PayloadError

VALUES: list[Any] = [1, "a" * 5_000, (1, {2}), {"!": 1}, [float("nan")]]


@pytest.mark.parametrize("value", VALUES)
def test_pickle_and_compression_bring_values_back(value: Any) -> None:
    for codec in (PickleCodec(), CompressedCodec(JsonCodec()), CompressedCodec(PickleCodec())):
        data = codec.plan(UNDECLARED).encode(value)
        assert same(codec.plan(UNDECLARED).decode(data), value)
        assert same(codec.decode_plain(data), value)


def test_pickle_serves_functions_and_refuses_what_it_cannot() -> None:
    plan = PickleCodec().plan(object)
    assert plan.decode(plan.encode(lambda x: x + 1))(1) == 2
    with pytest.raises(PayloadError):
        plan.encode(threading.Lock())
    with pytest.raises(PayloadError):
        plan.decode(JsonCodec().plan(int).encode(1))
    with pytest.raises(PayloadError):
        plan.decode(b"\x03nonsense")


def test_compression_reads_what_was_stored_without_it() -> None:
    data = JsonCodec().plan(str).encode("a" * 1_000)
    compressed = CompressedCodec(JsonCodec()).plan(str)
    assert compressed.decode(data) == "a" * 1_000
    assert len(compressed.encode("a" * 1_000)) < 100


def test_decompression_bomb_is_stopped() -> None:
    bomb = b"\x04" + zlib.compress(b"\x02" + b" " * 3_000_000)
    with pytest.raises(PayloadError):
        CompressedCodec(JsonCodec(), max_bytes=1_000_000).plan(int).decode(bomb)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=40))
def test_damaged_compressed_bytes_are_payload_errors(data: bytes) -> None:
    plan = CompressedCodec(JsonCodec()).plan(str)
    for damaged in (b"\x04" + data, plan.encode("a" * 500)[:-1], b"", b"\x04"):
        with pytest.raises(PayloadError):
            plan.decode(damaged)


def test_missing_package_names_the_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    with pytest.raises(ImportError, match=r"pip install 'sayiir-py\[crypto\]'"):
        EncryptedCodec(JsonCodec(), b"k" * 32)


def test_key_of_a_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="16, 24 or 32"):
        EncryptedCodec(JsonCodec(), b"short")


def test_encrypted_values_open_with_their_key_only() -> None:
    pytest.importorskip("cryptography")
    codec = EncryptedCodec(CompressedCodec(JsonCodec()), b"k" * 32)
    data = codec.plan(str).encode("secret" * 100)
    assert b"secret" not in data
    assert codec.plan(str).decode(data) == codec.decode_plain(data) == "secret" * 100
    assert data != codec.plan(str).encode("secret" * 100)
    for other in (EncryptedCodec(JsonCodec(), b"x" * 32), EncryptedCodec(JsonCodec(), b"k" * 16)):
        with pytest.raises(PayloadError, match="key"):
            other.plan(str).decode(data)
    changed = data[:-1] + bytes([data[-1] ^ 1])
    for damaged in (changed, data[:20], b"\x05", b"", JsonCodec().plan(str).encode("plain")):
        with pytest.raises(PayloadError):
            codec.plan(str).decode(damaged)
