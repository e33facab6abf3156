"""VMC protocol V2.7, performer to marionette: one actor's frame as UDP datagrams.

A frame is sent in this order, every datagram an OSC bundle to be obeyed at once:

    Root/Pos, 13 x Bone/Pos | 13 x Bone/Pos | ... | 22 x Blend/Val | ... Blend/Apply | (trace) OK, T

A face that has a camera of its own comes more often than the body. It then goes in frames of its own, and those of
the body leave it out:

    Bone/Pos of eyes and jaw | 22 x Blend/Val | ... Blend/Apply | (face trace)

What the real receivers ask for, and why the layout is as it is:

* Bones, then blends, then OK and T, these two once per frame and last: VRM4U shows a pose when it
  meets Apply, OK or T, and EVMC4U counts T to notice a flood. Root leads, so that no pose is shown with
  the root of the frame before.
* At most 13 bones (22 blends) and 1200 bytes per bundle, so that nothing is fragmented.
* Every number of a pose is a float, every message complete: EVMC4U stops for good at a short one.
* The whole set every frame, since receivers keep what they do not hear of.
* A number that is not finite would tear an avatar apart: such a frame is refused, not sent.

Poses are in Unity's axes: left-handed, Y up, +Z forward, metres, quaternions xyzw. Bones are local:
relative to the parent bone of the avatar. T is the sender's time in seconds and starts at 0: as a float32
it is good for liveness and pacing, not as a clock. Whoever wants latency measured at the receiver asks
for the trace, a vendor message as VMC 2.6 allows them (one string: capture and sending time in ns).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from protocols import osc
from protocols.errors import EncodeError
from protocols.names import HUMAN_BODY_BONES
from protocols.osc_template import FrameTemplate, split

PORT = 39539
"""Where marionettes listen."""

OK = "/VMC/Ext/OK"
TIME = "/VMC/Ext/T"
ROOT = "/VMC/Ext/Root/Pos"
BONE = "/VMC/Ext/Bone/Pos"
BLEND = "/VMC/Ext/Blend/Val"
APPLY = "/VMC/Ext/Blend/Apply"
TRACE = "/VMC/Thru/stage/trace"
FACE_TRACE = "/VMC/Thru/stage/face"

BONES_PER_BUNDLE = 13
BLENDS_PER_BUNDLE = 22
_POSE = 7  # position xyz, rotation xyzw
_TIME_DIGITS = 19  # nanoseconds since 1970, until the year 2286
_LOADED, _CALIBRATED, _NORMAL_MODE = 1, 3, 0


class VmcEncoder:
    """Writes the frames of one actor into datagrams it has packed beforehand."""

    def __init__(
        self,
        bones: Sequence[str] = HUMAN_BODY_BONES,
        blends: Sequence[str] = (),
        *,
        bundled: bool = True,
        trace: str = "",
        rooted: bool = True,
        closed: bool = True,
    ) -> None:
        """Packs everything but the numbers.

        Args:
            bones: HumanBodyBones the avatar has, in the order of the arrays given to `encode`.
            blends: Expression names, likewise.
            bundled: False sends every message as a datagram of its own.
            trace: Address of the trace message that goes with every frame; "" sends none.
            rooted: Whether frames begin with the model's root.
            closed: Whether frames end with OK and T; those of a face within a stream of bodies must not.

        Raises:
            EncodeError: A bone that Unity does not know.
        """
        if unknown := [bone for bone in bones if bone not in HUMAN_BODY_BONES]:
            raise EncodeError(f"no such HumanBodyBones: {', '.join(unknown)}")
        zeros = (0.0,) * _POSE
        root = [osc.message(ROOT, "sfffffff", "root", *zeros)] if rooted else []
        poses = [osc.message(BONE, "sfffffff", bone, *zeros) for bone in bones]
        faces = split([osc.message(BLEND, "sf", name, 0.0) for name in blends], BLENDS_PER_BUNDLE)
        if faces:
            faces[-1].append(osc.message(APPLY, ""))
        end = [osc.message(trace, "s", _trace_text(0, 0).decode())] if trace else []
        if closed:
            end += [osc.message(OK, "iiii", _LOADED, _CALIBRATED, _NORMAL_MODE, 1), osc.message(TIME, "f", 0.0)]
        groups = [*split(poses, BONES_PER_BUNDLE, lead=root), *faces, end]
        self._template = template = FrameTemplate([group for group in groups if group], bundled=bundled)
        self._time = template.end(-1) - 1 if closed else None
        self._tracking = template.end(-2) - 1 if closed else None
        self._trace = template.end(-3 if closed else -1) if trace else None
        count = len(root) + len(bones)
        poses_at = template.trailing(0, count, _POSE)
        self._numbers = template.numbers(poses_at, template.trailing(count, len(blends), 1))
        values = self._numbers.values
        self._root = values[: _POSE * len(root)].reshape(-1, _POSE)
        self._bones = values[_POSE * len(root) : poses_at.size].reshape(-1, _POSE)
        self._blends = values[poses_at.size :]

    def encode(
        self,
        root: NDArray[np.floating] | None,
        bones: NDArray[np.floating],
        *,
        time_s: float = 0.0,
        tracking: bool = True,
        blends: NDArray[np.floating] | None = None,
        capture_ns: int = 0,
        sent_ns: int = 0,
    ) -> tuple[memoryview, ...]:
        """Writes one frame.

        Args:
            root: (7,), position [m] and rotation of the model's root; None leaves it as it was.
            bones: (bones, 7), local position [m] and rotation of each bone.
            time_s: The sender's time [s], from 0.
            tracking: False says that the performer is not seen well at the moment.
            blends: (blends,), each in [0, 1]; None leaves them as they were (0 after a frame that was refused).
            capture_ns: For the trace: when the frame was captured.
            sent_ns: For the trace: now.

        Returns:
            The datagrams in the order to send them. They are views of one buffer, which the next call overwrites.

        Raises:
            EncodeError: A number that is not finite.
        """
        if root is not None:
            self._root[:] = root
        self._bones[:] = bones
        if blends is not None:
            self._blends[:] = blends
        if not self._numbers.finite:
            self._numbers.values[:] = 0.0  # what is not given next time must not be what is wrong now
            raise EncodeError("VMC frame with a number that is not finite; not sent")
        template = self._template
        self._numbers.write()
        if self._trace is not None:
            template.write_text(self._trace, _trace_text(capture_ns, sent_ns))
        if self._tracking is not None:
            template.write_int(self._tracking, 1 if tracking else 0)
        if self._time is not None:
            template.write_float(self._time, time_s)
        return template.datagrams


def read_trace(message: osc.Message, address: str = TRACE) -> tuple[int, int] | None:
    """Capture and sending time [ns, stage time] in a trace message; None when it is another's or malformed."""
    if message.address != address or message.tags != "s":
        return None
    capture, _, sent = str(message.arguments[0]).partition(" ")
    return (int(capture), int(sent)) if _is_time(capture) and _is_time(sent) else None


def _trace_text(capture_ns: int, sent_ns: int) -> bytes:
    return b"%0*d %0*d" % (_TIME_DIGITS, capture_ns, _TIME_DIGITS, sent_ns)


def _is_time(text: str) -> bool:
    return len(text) == _TIME_DIGITS and text.isascii() and text.isdigit()
