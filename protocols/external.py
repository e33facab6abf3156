"""Records of what other performers provide for an actor: a phone's face, a glove's fingers, another solver's limbs.

The receive worker publishes them on "external.<actor>"; the solver merges them, as the stage.toml says.
"""

from __future__ import annotations

from protocols.messages import Record


class ExternalFace(Record, frozen=True):
    """A face as another performer sees it."""

    input: str
    """Id of the [[inputs]] it came through."""
    actor: str
    number: int
    """Counts the faces of this input, from 0."""
    capture_ns: int
    """When it was captured, as well as that is known: time of arrival less the input's `latency_ms`."""
    tracked: bool
    """Whether the other performer sees a face."""
    shapes: bytes
    """float32 (52,): ARKit coefficients in [0, 1]; b"" when it provides none."""
    head: bytes
    """float32 (4,) xyzw: as `Face.head`; b"" when it provides none."""
    gaze: bytes
    """float32 (2, 2) radians: as `Face.gaze`; b"" when it provides none."""


class ExternalBones(Record, frozen=True):
    """Bones of a humanoid as another performer sees them: one complete frame."""

    input: str
    actor: str
    number: int
    """Counts the frames of this input, from 0."""
    capture_ns: int
    """As of `ExternalFace`."""
    bones: tuple[str, ...]
    """Names of `protocols.names.HUMAN_BODY_BONES`; only those that the input is configured to provide."""
    rotations: bytes
    """float32 (bones, 4) xyzw against the parent, of a normalised humanoid (identity in the T-pose), Unity's axes."""
    hips: bytes
    """float32 (3,): metres, Unity's axes, the performer's hips; b"" when they are not provided."""
