"""Draws the pictures of the documents from workflows, so that they show what the code does.

python -m tools.draw_pictures          write them
python -m tools.draw_pictures --check  fail if one would change
"""

from __future__ import annotations

import sys
from pathlib import Path

from sayiir.render.picture import instance_picture
from tools.docs.scenes import crawl, order, waiting_order
from tools.docs.terminal_pictures import terminal_pictures

FOLDER = Path(__file__).parent.parent / "docs" / "how-to" / "pictures"


def pictures() -> dict[str, str]:
    """The pictures by the names of their files."""
    return {
        "order.svg": order.to_svg(),
        "crawl.svg": crawl.to_svg(),
        "order-42.svg": instance_picture(order.definition, *waiting_order()).to_svg(),
        **terminal_pictures(),
    }


def main() -> int:
    drawn = pictures()
    stale = [
        name
        for name, svg in drawn.items()
        if not (FOLDER / name).exists() or (FOLDER / name).read_text(encoding="utf-8") != svg
    ]
    if "--check" in sys.argv:
        print("\n".join(f"{name} is not what the code draws" for name in stale), end="")
        return bool(stale)
    FOLDER.mkdir(exist_ok=True)
    for name in stale:
        (FOLDER / name).write_text(drawn[name], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
