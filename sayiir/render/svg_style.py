"""Colours and fonts of SVG pictures, in light and in dark.

Every rule is written out for both: variables of CSS are unknown to programs that turn an SVG into
a bitmap. All classes begin alike, since a picture may stand inside a page with classes of its own.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

__all__ = ["CLASS", "STATES", "Theme", "style_sheet"]

Theme: TypeAlias = Literal["auto", "light", "dark"]

CLASS: Final = "sayiir"
STATES: Final = ("done", "running", "waiting", "ready", "failed", "pending")

_SANS: Final = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
_MONO: Final = 'ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace'

# By name: in light, in dark.
_COLOURS: Final = {
    "page": ("#ffffff", "#16191f"),
    "ink": ("#1c2128", "#e9ecf1"),
    "soft": ("#5a6370", "#a3acba"),
    "line": ("#8a93a1", "#77818f"),
    "frame": ("#f3f5f9", "#1d222b"),
    "frame_edge": ("#b9c1ce", "#434c5a"),
    "label": ("#eceff4", "#2b323d"),
}
# By kind or state: fill and edge in light, fill and edge in dark.
_FILLS: Final = {
    "task": ("#eaf1fd", "#5b8bd6", "#1c2a41", "#6c9be0"),
    "fork": ("#eeeafb", "#8069c9", "#292344", "#9d87e6"),
    "branch": ("#fdf1de", "#c78a2b", "#382b17", "#d9a04a"),
    "delay": ("#eceff2", "#75828f", "#272d34", "#8d9aa8"),
    "await_signal": ("#e5f5ef", "#379a77", "#17332a", "#4fb792"),
    "start": ("#1c2128", "#1c2128", "#e9ecf1", "#e9ecf1"),
    "done": ("#e6f5ea", "#3a9a56", "#18331f", "#54b873"),
    "running": ("#e1effe", "#1f75d8", "#142d4c", "#5ba6f5"),
    "waiting": ("#fdf3d8", "#b98a12", "#382d12", "#d8ac3a"),
    "ready": ("#fdf3d8", "#b98a12", "#382d12", "#d8ac3a"),
    "failed": ("#fde7e5", "#cf3a30", "#411d1b", "#f5776c"),
    "pending": ("#f4f5f7", "#b4bac3", "#20242b", "#4b535f"),
}
_PLAIN: Final = f"""\
.{CLASS} text {{ font-family: {_SANS}; font-size: 11px; }}
.{CLASS} .{CLASS}-name {{ font-family: {_MONO}; font-size: 13px; }}
.{CLASS} .{CLASS}-arm {{ font-family: {_MONO}; font-size: 11px; text-anchor: middle; }}
.{CLASS} .{CLASS}-mid {{ text-anchor: middle; }}
.{CLASS} .{CLASS}-head {{ font-family: {_MONO}; font-size: 15px; font-weight: 600; }}
.{CLASS} .{CLASS}-said {{ font-size: 12px; }}
.{CLASS}-box {{ stroke-width: 1.25; }}
.{CLASS}-line {{ fill: none; stroke-width: 1.5; }}
.{CLASS}-back {{ stroke-dasharray: 4 3; }}
.{CLASS}-sign {{ fill: none; stroke-width: 1.4; stroke-linecap: round; stroke-linejoin: round; }}
.{CLASS}-mark {{ fill: none; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }}
.{CLASS}-frame {{ stroke-width: 1.25; }}
.{CLASS}-loop .{CLASS}-frame {{ stroke-dasharray: 6 4; }}"""


def style_sheet(theme: Theme) -> str:
    """The style sheet; ``"auto"`` follows what the reader's system asks for.

    Raises:
        ValueError: there is no such theme.
    """
    if theme not in ("auto", "light", "dark"):
        raise ValueError(f"theme is 'auto', 'light' or 'dark', not {theme!r}")
    if theme == "auto":
        dark = "\n".join(f"  {rule}" for rule in _rules(1).splitlines())
        return f"{_PLAIN}\n{_rules(0)}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}"
    return f"{_PLAIN}\n{_rules(1 if theme == 'dark' else 0)}"


def _rules(which: int) -> str:
    colour = {name: both[which] for name, both in _COLOURS.items()}
    rules = [
        f".{CLASS}-page {{ fill: {colour['page']}; }}",
        f".{CLASS} text {{ fill: {colour['ink']}; }}",
        f".{CLASS} .{CLASS}-soft {{ fill: {colour['soft']}; }}",
        f".{CLASS}-line, .{CLASS}-sign {{ stroke: {colour['line']}; }}",
        f".{CLASS}-tip, .{CLASS}-bar {{ fill: {colour['line']}; }}",
        f".{CLASS}-frame {{ fill: {colour['frame']}; stroke: {colour['frame_edge']}; }}",
        f".{CLASS}-label {{ fill: {colour['label']}; }}",
        f".{CLASS}-end {{ fill: none; stroke: {colour['ink']}; stroke-width: 1.5; }}",
        f".{CLASS}-dot {{ fill: {colour['ink']}; }}",
    ]
    for name, (light, light_edge, dark, dark_edge) in _FILLS.items():
        fill, edge = (dark, dark_edge) if which else (light, light_edge)
        where = f".{CLASS}-is-{name}" if name in STATES else f".{CLASS}-{name}"
        rules.append(f"{where} > .{CLASS}-box {{ fill: {fill}; stroke: {edge}; }}")
        if name in STATES:
            rules.append(f"{where} > .{CLASS}-frame, {where} > .{CLASS}-mark {{ stroke: {edge}; }}")
            rules.append(f"{where} > .{CLASS}-bar {{ fill: {edge}; }}")
    rules.append(f".{CLASS} .{CLASS}-start text {{ fill: {colour['page']}; }}")
    return "\n".join(rules)
