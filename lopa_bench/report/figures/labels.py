"""Names beside points, at the first place that hides nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Pixel = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """A rectangle on the page, in pixels."""

    left: float
    right: float
    bottom: float
    top: float

    @staticmethod
    def around(a: Pixel, b: Pixel, pad: float = 2) -> Box:
        """The smallest one that holds both places, and `pad` more on every side."""
        (x, y), (u, v) = a, b
        return Box(min(x, u) - pad, max(x, u) + pad, min(y, v) - pad, max(y, v) + pad)

    @staticmethod
    def at(centre: Pixel, width: float, height: float) -> Box:
        x, y = centre
        return Box(x - width / 2, x + width / 2, y - height / 2, y + height / 2)

    def meets(self, other: Box) -> bool:
        beside = self.left < other.right and other.left < self.right
        return beside and self.bottom < other.top and other.bottom < self.top


def label_points(
    axes: Axes, centres: Mapping[str, Pixel], lines: Iterable[Box], *, bold: Collection[str] = (), size: float = 8
) -> None:
    """Write each name beside its place (widths are estimated), a bold one first.

    Args:
        lines: what else must not be hidden.
    """
    em = axes.figure.dpi / 72 * size  # pixels
    taken = [*lines, *(Box.at(centre, 1.3 * em, 1.3 * em) for centre in centres.values())]
    inside = axes.get_window_extent()
    for name, (x, y) in sorted(centres.items(), key=lambda item: (item[0] not in bold, -item[1][1])):
        width = (0.7 if name in bold else 0.64) * em * len(name)
        sides = (1.1 * em + width / 2, -1.1 * em - width / 2, 0)
        offsets = [(dx, dy * em) for dy in (0, 0.7, -0.7, 1.3, -1.3, 2, -2, 3, -3, 4, -4, 5, -5) for dx in sides]
        boxes = {offset: Box.at((x + offset[0], y + offset[1]), width, 1.1 * em) for offset in offsets}
        free = [
            offset
            for offset, box in boxes.items()
            if inside.x0 < box.left and box.right < inside.x1 and not any(box.meets(other) for other in taken)
        ]
        chosen = free[0] if free else offsets[0]
        taken.append(boxes[chosen])
        _write(axes, name, (x, y), chosen, size, bold=name in bold)


def _write(axes: Axes, name: str, centre: Pixel, offset: Pixel, size: float, *, bold: bool) -> None:
    points = 72 / axes.figure.dpi
    axes.annotate(
        name,
        tuple(axes.transData.inverted().transform(centre)),
        (offset[0] * points, offset[1] * points),
        textcoords="offset points",
        fontsize=size,
        ha="center",
        va="center",
        fontweight="bold" if bold else "normal",
    )
