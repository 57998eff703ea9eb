"""Codecs around a codec: its bytes made smaller, or unreadable to others."""

from __future__ import annotations

import os
import zlib
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Protocol

from sayiir import limits
from sayiir.codec.json_codec import bounded, split, unknown_format
from sayiir.codec.protocol import FORMAT_COMPRESSED, FORMAT_ENCRYPTED
from sayiir.errors import PayloadError

if TYPE_CHECKING:
    from sayiir.codec.protocol import Codec, Plan

__all__ = ["CompressedCodec", "EncryptedCodec"]

_NONCE_BYTES: Final = 12
_KEY_BYTES: Final = (16, 24, 32)
_TAG_BYTES: Final = 16


class _Envelope(Protocol):
    """Turns a codec's bytes into others and back."""

    def wrap(self, data: bytes) -> bytes: ...
    def unwrap(self, data: bytes) -> bytes: ...


class _WrappedPlan:
    __slots__ = ("_envelope", "_inner")

    def __init__(self, inner: Plan, envelope: _Envelope) -> None:
        self._inner = inner
        self._envelope = envelope

    def encode(self, value: object) -> bytes:
        return self._envelope.wrap(self._inner.encode(value))

    def decode(self, data: bytes) -> Any:
        return self._inner.decode(self._envelope.unwrap(data))

    def passes_through(self, value: object) -> bool:
        return self._inner.passes_through(value)


class _Wrapper:
    __slots__ = ("_envelope", "_inner", "_word")

    def __init__(self, word: str, inner: Codec, envelope: _Envelope) -> None:
        self._word = word
        self._inner = inner
        self._envelope = envelope

    @property
    def name(self) -> str:
        """The inner codec's name, and what is done to its bytes: ``"compressed json"``."""
        return f"{self._word} {self._inner.name}"

    def plan(self, annotation: Any) -> Plan:
        """The inner codec's plan with its bytes wrapped."""
        return _WrappedPlan(self._inner.plan(annotation), self._envelope)

    def decode_plain(self, data: bytes) -> Any:
        """As the inner codec's.

        Raises:
            PayloadError: the bytes can't be unwrapped, or what the inner codec raises.
        """
        return self._inner.decode_plain(self._envelope.unwrap(data))

    def accept(self, value: object, annotation: Any) -> Any:
        """As the inner codec's."""
        return self._inner.accept(value, annotation)

    def conform(self, value: object, annotation: Any) -> Any:
        """As the inner codec's."""
        return self._inner.conform(value, annotation)


class CompressedCodec(_Wrapper):
    """Compresses what another codec writes, where that makes it smaller.

    What was stored before without compression stays readable.

    Args:
        inner: the codec that writes.
        level: zlib's, from 1 (quick) to 9 (small).
        max_bytes: the most that a value may grow to when it is read.

    >>> from sayiir.codec import JsonCodec
    >>> plan = CompressedCodec(JsonCodec()).plan(str)
    >>> len(plan.encode("a" * 1_000)) < 100
    True
    """

    __slots__ = ()

    def __init__(
        self, inner: Codec, *, level: int = 6, max_bytes: int = limits.MAX_RESULT_BYTES
    ) -> None:
        super().__init__("compressed", inner, _Compression(level, max_bytes))


class _Compression:
    __slots__ = ("_level", "_max_bytes")

    def __init__(self, level: int, max_bytes: int) -> None:
        self._level = level
        self._max_bytes = max_bytes

    def wrap(self, data: bytes) -> bytes:
        smaller = FORMAT_COMPRESSED + zlib.compress(data, self._level)
        return smaller if len(smaller) < len(data) else data

    def unwrap(self, data: bytes) -> bytes:
        format_byte, body = split(data)
        if format_byte != FORMAT_COMPRESSED:
            return data
        stream = zlib.decompressobj()
        try:
            # Bounded while it grows: a few stored kilobytes must not fill the memory.
            grown = stream.decompress(body, self._max_bytes + 1)
        except zlib.error as error:
            raise PayloadError(f"the compressed bytes are damaged: {error}") from None
        bounded(grown, self._max_bytes)
        if not stream.eof or stream.unused_data:
            raise PayloadError("the compressed bytes are damaged: their end is missing or wrong")
        return grown


class EncryptedCodec(_Wrapper):
    """Encrypts what another codec writes, with AES-GCM; changed bytes are noticed.

    Paths, names, times and sizes stay readable in the store. Bytes that aren't encrypted are
    refused. To compress as well, compress first: ``EncryptedCodec(CompressedCodec(inner), key)``.

    Args:
        inner: the codec that writes.
        key: 16, 24 or 32 random bytes, the same in every process that shares the store.

    Raises:
        ImportError: the package ``cryptography`` isn't installed.
        ValueError: the key has another length.

    Needs ``pip install 'sayiir-py[crypto]'``:

        codec = EncryptedCodec(JsonCodec(), key)
    """

    __slots__ = ()

    def __init__(self, inner: Codec, key: bytes) -> None:
        if len(key) not in _KEY_BYTES:
            raise ValueError(f"the key must have 16, 24 or 32 bytes, not {len(key)}")
        super().__init__("encrypted", inner, _Encryption(key))


class _Cipher(Protocol):
    """What is used of ``AESGCM``, said here because its package may be absent."""

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes: ...
    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes: ...


class _Encryption:
    __slots__ = ("_cipher", "_invalid_tag")

    def __init__(self, key: bytes) -> None:
        try:
            aead = import_module("cryptography.hazmat.primitives.ciphers.aead")
            exceptions = import_module("cryptography.exceptions")
        except ImportError as error:
            raise ImportError(
                "EncryptedCodec needs the package cryptography: pip install 'sayiir-py[crypto]'"
            ) from error
        self._cipher: _Cipher = aead.AESGCM(key)
        self._invalid_tag: type[Exception] = exceptions.InvalidTag

    def wrap(self, data: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return FORMAT_ENCRYPTED + nonce + self._cipher.encrypt(nonce, data, FORMAT_ENCRYPTED)

    def unwrap(self, data: bytes) -> bytes:
        format_byte, body = split(data)
        if format_byte != FORMAT_ENCRYPTED:
            raise unknown_format(format_byte)
        if len(body) < _NONCE_BYTES + _TAG_BYTES:
            raise PayloadError("the encrypted bytes are cut off")
        nonce, sealed = body[:_NONCE_BYTES], body[_NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, sealed, FORMAT_ENCRYPTED)
        except self._invalid_tag:
            raise PayloadError(
                "the encrypted bytes can't be opened: the key is another one, or they were changed"
            ) from None
