"""Schema digests: a short text that changes when a type's JSON schema does."""

from __future__ import annotations

import json
import warnings
from typing import Any

from sayiir.codec.protocol import UNDECLARED

__all__ = ["schema_digest"]


def schema_digest(annotation: Any) -> str:
    """32 hexadecimal digits of the type's JSON schema; empty where none can be made.

    Another version of pydantic may write the schema of the same type otherwise, so a digest is
    for telling people what changed, never for deciding.

    >>> schema_digest(int) == schema_digest(int) != schema_digest(str)
    True
    """
    if annotation is UNDECLARED:
        return ""
    # Both are slow to import, and a definition is built without them.
    import xxhash
    from pydantic import TypeAdapter

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            schema = TypeAdapter(annotation).json_schema()
        text = json.dumps(schema, sort_keys=True, separators=(",", ":"))
    except Exception:  # whatever users write as a type: a missing digest breaks nothing
        return ""
    return str(xxhash.xxh3_128_hexdigest(text.encode()))
