"""The strongest shapes of a face as bars in a corner of the picture."""

from __future__ import annotations

import cv2
import numpy as np

from protocols.names import ARKIT_SHAPES
from stage.cameras.sources.source import Image
from stage.overlay import _colours
from stage.synthetic.raster import Floats

_SHOWN = 6
_ROW_PX, _NAME_PX, _BAR_PX = 14, 118, 60
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def draw_bars(image: Image, shapes: Floats, confidence: Floats) -> None:
    """Draws names, values and, as colour, confidence, in place.

    Args:
        image: Where to, at its lower left.
        shapes: (52,) in [0, 1].
        confidence: (52,) in [0, 1].
    """
    height, width = image.shape[:2]
    if width < _NAME_PX + _BAR_PX + 10 or height < (_SHOWN + 1) * _ROW_PX:
        return
    top, right = height - _SHOWN * _ROW_PX - 8, _NAME_PX + _BAR_PX + 10
    image[top:, :right] //= 3
    for row, shape in enumerate(np.argsort(-shapes, kind="stable")[:_SHOWN]):
        y = top + 4 + row * _ROW_PX
        cv2.putText(image, ARKIT_SHAPES[shape], (4, y + 10), _FONT, 0.34, _colours.TEXT, 1, cv2.LINE_AA)
        end = _NAME_PX + round(_BAR_PX * float(np.clip(shapes[shape], 0.0, 1.0)))
        colour = _colours.by_confidence(float(confidence[shape]))
        cv2.rectangle(image, (_NAME_PX, y + 3), (max(end, _NAME_PX + 1), y + 10), colour, cv2.FILLED)
