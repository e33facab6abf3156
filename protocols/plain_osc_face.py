"""Plain OSC of a face: more addresses of the actor, in the manner of `protocols.plain_osc`.

    /<actor>/<shape>           ff    coefficient 0 to 1, confidence 0 to 1; <shape> as in `ARKIT_SHAPES`
    /<actor>/face_head         ffff  how the head is turned from looking straight ahead: qx qy qz qw
    /<actor>/left_eye          ff    gaze against the head, radians: yaw to the performer's left, pitch up
    /<actor>/right_eye         ff
    /<actor>/face_confidence   f     mean over the shapes
    /<actor>/face_state        f     0 absent, 1 fading, 2 holding, 3 tracking
    /<actor>/face_time         ffff  as /<actor>/time; ends the face

A face has its own time and its own end, for its camera may be faster than the body's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from protocols import osc
from protocols.errors import EncodeError
from protocols.names import ARKIT_SHAPES
from protocols.osc_template import FrameTemplate, split
from protocols.plain_osc import closing_numbers, container

_MESSAGES_PER_BUNDLE = 28
_COUNT = len(ARKIT_SHAPES)
_SHAPES = 2 * _COUNT
_HEAD = _SHAPES + 4
_GAZE = _HEAD + 4


class PlainOscFaceEncoder:
    """Writes the faces of one actor into datagrams it has packed beforehand."""

    def __init__(self, actor: str, *, bundled: bool = True) -> None:
        """Packs everything but the numbers.

        Args:
            actor: Its id.
            bundled: False sends every message as a datagram of its own.
        """
        widths = dict.fromkeys(ARKIT_SHAPES, 2)
        widths |= {"face_head": 4, "left_eye": 2, "right_eye": 2}
        widths |= {"face_confidence": 1, "face_state": 1, "face_time": 4}
        top = f"/{container(actor)}"
        messages = [osc.message(f"{top}/{name}", "f" * width, *[0.0] * width) for name, width in widths.items()]
        self._template = FrameTemplate(split(messages, _MESSAGES_PER_BUNDLE), bundled=bundled)
        places = [self._template.trailing(row, 1, width).ravel() for row, width in enumerate(widths.values())]
        self._places = np.concatenate(places)  # all numbers of a face
        self._values = np.zeros(len(self._places), np.float32)
        self._shapes = self._values[:_SHAPES].reshape(_COUNT, 2)

    def encode(
        self,
        shapes: NDArray[np.floating],
        confidence: NDArray[np.floating],
        *,
        head: NDArray[np.floating],
        gaze: NDArray[np.floating],
        state: str,
        capture_ns: int,
        sent_ns: int,
    ) -> tuple[memoryview, ...]:
        """Writes one face.

        Args:
            shapes: (52,) coefficients.
            confidence: (52,).
            head: (4,) rotation xyzw.
            gaze: (2, 2) yaw and pitch of the left eye, of the right eye [rad].
            state: One of `STATES`.
            capture_ns: When the face was captured, stage time.
            sent_ns: Now, stage time.

        Returns:
            The datagrams in the order to send them. They are views of one buffer, which the next call overwrites.

        Raises:
            EncodeError: A number that is not finite, or an unknown state.
        """
        values = self._values
        self._shapes[:, 0] = shapes
        self._shapes[:, 1] = confidence
        values[_SHAPES:_HEAD] = head
        values[_HEAD:_GAZE] = gaze.ravel()
        values[_GAZE:] = closing_numbers(self._shapes[:, 1], state, capture_ns, sent_ns)
        if not np.isfinite(values).all():
            raise EncodeError("OSC face with a number that is not finite; not sent")
        self._template.write(self._places, values)
        return self._template.datagrams
