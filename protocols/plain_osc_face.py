"""Plain OSC of a face: more addresses of the actor, in the manner of `protocols.plain_osc`.

    /stage/<actor>/shape/<name>      ff       coefficient 0 to 1, confidence 0 to 1; <name> as in `ARKIT_SHAPES`
    /stage/<actor>/head              ffff     how the head is turned from looking straight ahead: qx qy qz qw
    /stage/<actor>/eye/left          ffffff   how the eye is turned against the head: qx qy qz qw, and the same in
    /stage/<actor>/eye/right         ffffff   radians: yaw to the performer's left, pitch up
    /stage/<actor>/face/confidence   f        mean over the shapes
    /stage/<actor>/face/state        f        0 absent, 1 fading, 2 holding, 3 tracking
    /stage/<actor>/face/timecode     fffffff  as /stage/<actor>/timecode
    /stage/<actor>/face/time         ffff     as /stage/<actor>/time; ends the face

A face has its own time and its own end, for its camera may be faster than the body's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from protocols.names import ARKIT_SHAPES
from protocols.plain_osc import CLOSING_WIDTHS, TOP, FloatFrame, closing_numbers, container
from protocols.timecode import Timecode

_COUNT = len(ARKIT_SHAPES)
_SHAPES = 2 * _COUNT
_HEAD = _SHAPES + 4
_EYES = _HEAD + 2 * 6


class PlainOscFaceEncoder:
    """Writes the faces of one actor into datagrams it has packed beforehand."""

    def __init__(self, actor: str, *, bundled: bool = True) -> None:
        """Packs everything but the numbers.

        Args:
            actor: Its id.
            bundled: False sends every message as a datagram of its own.
        """
        widths = {f"shape/{name}": 2 for name in ARKIT_SHAPES}
        widths |= {"head": 4, "eye/left": 6, "eye/right": 6}
        widths |= {f"face/{name}": width for name, width in CLOSING_WIDTHS.items()}
        top = f"/{TOP}/{container(actor)}"
        self._frame = FloatFrame({f"{top}/{name}": width for name, width in widths.items()}, bundled=bundled)
        self._shapes = self._frame.values[:_SHAPES].reshape(_COUNT, 2)
        self._eyes = self._frame.values[_HEAD:_EYES].reshape(2, 6)

    def encode(
        self,
        shapes: NDArray[np.floating],
        confidence: NDArray[np.floating],
        *,
        head: NDArray[np.floating],
        eyes: NDArray[np.floating],
        gaze: NDArray[np.floating],
        state: str,
        capture_ns: int,
        sent_ns: int,
        timecode: Timecode | None = None,
    ) -> tuple[memoryview, ...]:
        """Writes one face.

        Args:
            shapes: (52,) coefficients.
            confidence: (52,).
            head: (4,) rotation xyzw.
            eyes: (2, 4) rotations of the left eye, of the right eye against the head.
            gaze: (2, 2) the same as yaw and pitch [rad].
            state: One of `STATES`.
            capture_ns: When the face was captured, stage time.
            sent_ns: Now, stage time.
            timecode: Of the capture; None while there is none.

        Returns:
            The datagrams in the order to send them. They are views of one buffer, which the next call overwrites.

        Raises:
            EncodeError: A number that is not finite, or an unknown state.
        """
        values = self._frame.values
        self._shapes[:, 0] = shapes
        self._shapes[:, 1] = confidence
        values[_SHAPES:_HEAD] = head
        self._eyes[:, :4] = eyes
        self._eyes[:, 4:] = gaze
        values[_EYES:] = closing_numbers(self._shapes[:, 1], state, timecode, capture_ns, sent_ns)
        return self._frame.encode()
