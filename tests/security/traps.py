"""What must not happen while stored data is read, noticed by the interpreter's own audit events."""

from __future__ import annotations

import os
import sys
from typing import Any, Final

__all__ = ["Traps"]

_EVENTS: Final = frozenset(
    {
        *("import", "exec", "pickle.find_class", "marshal.loads", "marshal.load"),
        *("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork"),
        *("os.forkpty", "ctypes.dlopen", "ctypes.dlsym", "ctypes.call_function"),
        *("code.__new__", "function.__new__", "webbrowser.open"),
        *("shutil.rmtree", "urllib.Request", "socket.getaddrinfo", "os.putenv", "os.unsetenv"),
    }
)


class Traps:
    """Collects the events of this process while it is set. A hook can't be taken away again."""

    def __init__(self) -> None:
        self.is_set = False
        self.sprung: dict[str, int] = {}
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.is_set or event not in _EVENTS:
            return
        if event == "import" and arguments[0] in sys.modules:
            return
        shown = os.fsdecode(arguments[0]) if isinstance(arguments[0], bytes) else arguments[0]
        line = f"{event} {shown!r}"[:200]
        self.sprung[line] = self.sprung.get(line, 0) + 1
