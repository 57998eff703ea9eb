"""Values to bytes and back: lossless or loud, and nothing stored can run code.

``import sayiir.codec`` imports neither pydantic nor cloudpickle; the first plan that needs
one does. The codecs themselves are imported when they are first named, because who only
builds a workflow needs none of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from sayiir.codec.protocol import UNDECLARED, Codec, Plan

if TYPE_CHECKING:
    from sayiir.codec.json_codec import JsonCodec
    from sayiir.codec.pickle_codec import PickleCodec
    from sayiir.codec.wrappers import CompressedCodec, EncryptedCodec

__all__ = [
    "UNDECLARED",
    "Codec",
    "CompressedCodec",
    "EncryptedCodec",
    "JsonCodec",
    "PickleCodec",
    "Plan",
]

_HOMES: Final = {
    "CompressedCodec": "sayiir.codec.wrappers",
    "EncryptedCodec": "sayiir.codec.wrappers",
    "JsonCodec": "sayiir.codec.json_codec",
    "PickleCodec": "sayiir.codec.pickle_codec",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(home), name)
    return value
