"""Every datagram of a 60 s stage is accepted by five OSC parsers, by vmcp and by models of the receivers in engines.

The stage is the demo's truth, looped to a minute of bodies and faces at 30 Hz, with a face camera of 60 Hz in its
second half and nobody but the face at the end; the performer is lost and found again on the way. All kinds of outputs
send it: VMC in bundles and without, as different receivers want it; plain OSC in other axes and names; Live Link Face.

Peers that are not installed are named in `missing`; `make conformance` installs them. Parsers must also read what we
read. Arguments: seconds of the stage (default 60).
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace

from benchmarks.report import Figure, progress, report
from protocols import osc
from protocols.arrays import to_bytes
from protocols.messages import Face, FacePerformance, Performance, Trace
from protocols.names import RIG_BONES
from stage.config import TimecodeSection
from stage.outputs.open_stream import open_stream
from stage.outputs.streams import Stream
from stage.timecode import TimecodeClock
from tests.osc_peers import JUDGES, Judge, Missing
from tests.sections import output_section

RATE = 30
"""Of the body, as the demo; a face camera has twice that."""
SECONDS = 60
ACTOR = "anna"
START_NS = 1_790_000_000_000_000_000
TRUTH = Path(__file__).resolve().parents[1] / "recordings" / "demo" / "truth.npz"
STREAMS: dict[str, dict[str, Any]] = {
    "vmc": {"trace": True},
    "vmc_unbundled": {"receiver": "vrm4u", "bundle": False, "jaw": "open"},
    "vmc_godot": {"receiver": "godot"},
    "vmc_vrm1": {"blends": ("vrm1", "arkit"), "blend_case": "camel", "eyes": False, "positions": "none"},
    "osc": {},
    "osc_unreal": {"axes": "unreal", "names": "manny"},
    "osc_unbundled": {"axes": "unity", "bundle": False},
    "livelink": {},
}


class Show:
    """The performances of the minute."""

    def __init__(self, seconds: float) -> None:
        """Reads the demo's truth."""
        with np.load(TRUTH) as stored:
            self._truth = {name: stored[name] for name in stored.files}
        self.frames = round(seconds * RATE)

    def performance(self, number: int) -> Performance:
        """The body of a frame, with its face."""
        truth, at_ns = self._truth, self._at_ns(number)
        row = 2 * number % len(truth["capture_ns"])
        seen = self._state(number)
        confidence = np.full(len(RIG_BONES), 0.9 if seen == "tracking" else 0.0)
        return Performance(
            actor=ACTOR,
            number=number,
            capture_ns=at_ns,
            state=seen,
            root=to_bytes(truth["root"][row]),
            rotations=to_bytes(truth["rotations"][row]),
            joints=to_bytes(truth["joints"][row]),
            rest_joints=to_bytes(truth["rest_joints"]),
            confidence=to_bytes(confidence),
            cameras=("cam1", "cam2"),
            trace=Trace(at_ns, at_ns, at_ns, at_ns, at_ns),
            face=self._face(2 * row, seen),
        )

    def face(self, number: int, half: int) -> FacePerformance:
        """A face of the face camera, which has twice the rate."""
        at_ns = self._at_ns(number) + half * 1_000_000_000 // (2 * RATE)
        row = 2 * (2 * number + half) % len(self._truth["face_ns"])
        return FacePerformance(
            ACTOR, 2 * number + half, at_ns, self._face(row, "tracking"), Trace(at_ns, at_ns, at_ns, at_ns, at_ns)
        )

    def _face(self, row: int, state: str) -> Face:
        truth, body = self._truth, row // 2 % len(self._truth["capture_ns"])
        return Face(
            state=state,
            shapes=to_bytes(truth["face"][row % len(truth["face_ns"])]),
            confidence=to_bytes(np.full(52, 0.8)),
            head=to_bytes(truth["rotations"][body, RIG_BONES.index("head")]),
            gaze=to_bytes(truth["gaze"][row % len(truth["face_ns"])]),
            cameras=("face",),
        )

    def _at_ns(self, number: int) -> int:
        return START_NS + number * 1_000_000_000 // RATE

    @staticmethod
    def _state(number: int) -> str:
        """Lost for a second in every ten."""
        return ("holding", "fading", "absent")[number // 10 % 3] if number // RATE % 10 == 7 else "tracking"


def sent(stream: Stream, show: Show) -> Iterator[list[bytes]]:
    """What a stream sends, per frame: body and face, then a faster face between bodies, then the face alone."""
    for number in range(show.frames):
        now_ns = START_NS + number * 1_000_000_000 // RATE + 40_000_000
        share = number / show.frames
        datagrams = []
        if share < 0.5:
            datagrams += [bytes(datagram) for datagram in stream.frame(show.performance(number), now_ns)]
        elif share < 0.9:
            body = replace(show.performance(number), face=None)
            datagrams += [bytes(datagram) for datagram in stream.frame(body, now_ns)]
        if share >= 0.5:
            for half in range(2):
                face = show.face(number, half)
                datagrams += [bytes(datagram) for datagram in stream.face(face, now_ns, alone=share >= 0.9)]
        yield datagrams


def judges(kind: str, missing: set[str]) -> dict[str, Judge]:
    """Who is there to judge a kind of output."""
    found: dict[str, Judge] = {}
    for name, make in JUDGES[kind].items():
        try:
            found[name] = make()
        except Missing as error:
            missing.add(str(error))
    return found


def main() -> int:
    """Prints how many datagrams each peer has judged and refused."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    show = Show(seconds)
    judged: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    sizes: dict[str, Figure] = {}
    missing: set[str] = set()
    longest = 0
    for name, options in STREAMS.items():
        progress(f"{name}: {seconds:g} s")
        kind = name.partition("_")[0]
        clock = TimecodeClock(TimecodeSection(rate="59.94df", zone="utc"), START_NS)
        stream = open_stream(output_section(kind, actor=ACTOR, **options), ACTOR, clock)
        present = judges(kind, missing)
        sizes[f"{name}_datagrams"] = count = 0
        for datagrams in sent(stream, show):
            count += len(datagrams)
            longest = max(longest, *(len(datagram) for datagram in datagrams)) if datagrams else longest
            for judge, opened in present.items():
                refusals = [why for why in opened.judge(datagrams) if why]
                judged[judge] += len(datagrams)
                refused[judge] += len(refusals)
                if refusals and refused[judge] == len(refusals):
                    progress(f"{judge} refuses {name}: {refusals[0]}")
        sizes[f"{name}_datagrams"] = count
        for opened in present.values():
            opened.close()
    figures: dict[str, Figure] = {"seconds": seconds, "missing": ", ".join(sorted(missing)) or "none", **sizes}
    figures["longest_bytes"] = longest
    for judge in judged:
        figures[f"{judge}_accepted"] = judged[judge] - refused[judge]
        figures[f"{judge}_refused"] = refused[judge]
    targets = {f"{judge}_refused": "== 0" for judge in judged} | {"longest_bytes": f"<= {osc.MAX_DATAGRAM_BYTES}"}
    return 0 if report("conformance", figures, targets) else 1


if __name__ == "__main__":
    sys.exit(main())
