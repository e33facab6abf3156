"""What the solver was asked, call by call, and its state every few seconds: so that it can do the same again.

    solve --SolveStep on step.solve--> recorder              one per call that may change its state, in their order
    solve --SolverKeyframe on keyframe.solve--> recorder     its whole state before step `number`

The landmarks and the records of other performers are in the take on topics of their own, as they crossed the bus. A
step names the ones it was given; what made a frameset, what came late and what was left out needs no guessing.

**To follow the steps** (`stage.resolve`): take a solver made from the take's config, put the first keyframe's state
into it, then do the steps from `SolverKeyframe.number` on, each with exactly the inputs that it names. What comes out
is what came out then, byte for byte, but for the time it took (`Trace.solve_begin_ns`, `solve_end_ns`).

* A run of the solver begins with a keyframe of step 0, before anything was solved (profiles are read then). Another
  `run_ns` is another solver: one that was started again. Its first keyframe makes it a fresh beginning.
* Steps of a run are numbered without gaps. After a gap, or a step whose inputs are not there, the state is unknown up
  to the next keyframe.
* Inputs and steps come from several publishers: a step may be received before the landmarks that it names.
* A solver gives `predictions` and meshes without a step of their own: predictions leave no trace in its state, and
  meshes are made wherever a performance is, if `[body] mesh` is on.

**In a replay with --resolve** the replay worker sends inputs from the endpoints whose workers made them (`landmarks`,
`landmarks.faces`, `receive`), steps and keyframes from its own, `replay`; all with their recorded times. After a jump
to a position it sends, as fast as the bus takes them, the newest keyframe before the position, then all inputs and
steps from there on; inputs a little older than the keyframe too, `INPUTS_BEFORE_NS`, for they may be named after it. A
keyframe that is not the next step of what is being followed makes the solver go on from there.
"""

from __future__ import annotations

import msgspec

from protocols.messages import Record

KEYFRAME_S = 2.0
"""Time between two keyframes."""

INPUTS_BEFORE_NS = 1_000_000_000
"""Inputs that a step names were received this long before it at most, and as long behind it."""

MAX_STATE_BYTES = 12 << 20
"""Of a keyframe; a solver with a larger state makes none, and says so."""

BODIES, FACE, EXTERNAL, TIME, MEASURE = "bodies", "face", "external", "time", "measure"
"""What a step did, `SolveStep.call`."""


class SeenFrame(msgspec.Struct, frozen=True):
    """Names the landmarks of one frame: the `CameraLandmarks` of this camera, number and time."""

    camera: str
    frame: int
    capture_ns: int


class SolveStep(Record, frozen=True):
    """One call of the solver."""

    run_ns: int
    """Stage time at which this run of the solver began; tells it from others."""
    number: int
    """Counts the calls of this run, from 0."""
    call: str
    """"bodies" solved a frameset of `views`; "face" one frame of a face camera, `views[0]`; "external" took in what
    another performer sent, `actor`, `source`, `sent`; "time" told the solver what time it is; "measure" began to
    measure `actor` anew."""
    at_ns: int
    """Of a frameset the earliest capture time, of a face or a record from another performer its capture time, of "time"
    the time that was told, of "measure" when it was asked for."""
    views: tuple[SeenFrame, ...] = ()
    actor: str = ""
    source: str = ""
    """Of "external": the id of the input, `ExternalFace.input` or `ExternalBones.input`."""
    kind: str = ""
    """Of "external": the record's class."""
    sent: int = 0
    """Of "external": the record's `number`."""
    overtaken: bool = False
    """Of "external": a newer record waited, so this one was only remembered."""


class SolverKeyframe(Record, frozen=True):
    """The state of the solver between two steps."""

    run_ns: int
    number: int
    """Of the step that comes next: the state is the one before it."""
    at_ns: int
    """Time of the step before; before the first step, when the state was taken."""
    state: bytes
    """See `stage.solving.memento`."""
