"""Figures as SVG: bars side by side, and lines. Pure.

Small enough by hand that no library for plots has to be installed, and readable without one.
"""

import math
from collections.abc import Mapping, Sequence
from html import escape

COLOURS = ("#1b6ca8", "#e07b39", "#6a994e", "#9b5de5", "#bc4749", "#7f7f7f", "#2a9d8f", "#b5838d")
WIDTH, HEIGHT = 760, 340
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 60, 46
STEPS = (1, 2, 5, 10)
TICKS = 5


def bars(title: str, unit: str, groups: Sequence[str], series: Mapping[str, Sequence[float | None]]) -> str:
    """Return bars side by side: a group for each name, in it a bar of each series; None has no bar."""
    top = ceiling(max((value for values in series.values() for value in values if value is not None), default=1.0))
    parts = [*frame(title, unit, list(series)), *ticks(top)]
    group_width = (WIDTH - LEFT - RIGHT) / max(1, len(groups))
    width = group_width * 0.8 / max(1, len(series))
    for place, group in enumerate(groups):
        start = LEFT + place * group_width + group_width * 0.1
        parts.append(text(start + group_width * 0.4, HEIGHT - BOTTOM + 18, group, "middle"))
        for number, values in enumerate(series.values()):
            value = values[place]
            if value is None:
                continue
            height = (HEIGHT - TOP - BOTTOM) * value / top
            parts.append(
                f'<rect x="{start + number * width:.1f}" y="{HEIGHT - BOTTOM - height:.1f}" width="{width:.1f}" '
                f'height="{height:.1f}" fill="{COLOURS[number % len(COLOURS)]}"/>'
            )
    return svg(parts)


def lines(title: str, unit: str, across: Sequence[int], series: Mapping[str, Mapping[int, float]]) -> str:
    """Return a line for each series over the values `across`, which stand equally far apart."""
    top = ceiling(max((value for points in series.values() for value in points.values()), default=1.0))
    parts = [*frame(title, unit, list(series)), *ticks(top)]
    step = (WIDTH - LEFT - RIGHT) / max(1, len(across) - 1)
    for place, value in enumerate(across):
        parts.append(text(LEFT + place * step, HEIGHT - BOTTOM + 18, f"{value:,}", "middle"))
    for number, points in enumerate(series.values()):
        corners = [
            (LEFT + place * step, HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * points[value] / top)
            for place, value in enumerate(across)
            if value in points
        ]
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in corners]
    return svg(parts)


def ceiling(value: float) -> float:
    """Return the next of 1, 2, 5, 10, 20, 50 … that is not less."""
    if value <= 0:
        return 1.0
    magnitude = 10.0 ** math.floor(math.log10(value))
    return next(step * magnitude for step in STEPS if step * magnitude >= value * (1 - 1e-9))


def frame(title: str, unit: str, names: Sequence[str]) -> list[str]:
    """Return the title, what is measured, and which colour is whose."""
    parts = [text(LEFT, 20, f"{title} ({unit})", "start", weight="bold")]
    x = float(LEFT)
    for number, name in enumerate(names):
        colour = COLOURS[number % len(COLOURS)]
        parts.append(f'<rect x="{x:.1f}" y="32" width="10" height="10" fill="{colour}"/>')
        parts.append(text(x + 14, 41, name, "start", size=11))
        x += 26 + 5.7 * len(name)
    return parts


def ticks(top: float) -> list[str]:
    """Return the scale to the left, and a line across for each of its steps."""
    parts = []
    for number in range(TICKS + 1):
        y = HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * number / TICKS
        parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(text(LEFT - 8, y + 4, f"{top * number / TICKS:,.10g}", "end"))
    return parts


def text(x: float, y: float, words: str, anchor: str, *, size: int = 12, weight: str = "normal") -> str:
    """Return words at a place."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}">'
        f"{escape(words)}</text>"
    )


def svg(parts: Sequence[str]) -> str:
    """Return the file."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">'
    ground = f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
    return "\n".join([head, ground, *parts, "</svg>\n"])
