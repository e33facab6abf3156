"""Actors whom nobody follows yet, found among the people that no track has claimed.

Several views agree on a newcomer at once. A person whom one camera alone sees, well and long enough, is followed by
that camera.
"""

from __future__ import annotations

import numpy as np

from stage.solving.actor import ActorTrack
from stage.solving.association import find_new
from stage.solving.people import CameraRig, Person

SINGLE_VIEW_PATIENCE_S = 1.0
"""With several cameras, an actor seen by only one of them this long is followed by it alone."""
SINGLE_VIEW_SCORE = 0.7

_BODY = slice(11, 29)
"""Landmarks from the shoulders down to the ankles."""


class Newcomers:
    """Looks for them, frameset by frameset."""

    def __init__(self, rig: CameraRig) -> None:
        """Nobody waits."""
        self._rig = rig
        self._alone_since_ns = -1

    def look_for(self, track: ActorTrack, people: list[Person], taken: set[int], capture_ns: int) -> None:
        """Begin a track with a newcomer, or count the frameset as missed.

        Args:
            track: Of an actor who is not followed.
            people: All whom the cameras of a frameset see.
            taken: Positions of those that belong to somebody; the newcomer's are added.
            capture_ns: Of the frameset.
        """
        hypothesis = find_new(people, taken, self._rig)
        if hypothesis is not None:
            taken.update(index for index, _ in hypothesis.people)
            self._alone_since_ns = -1
            track.begin([person for _, person in hypothesis.people], hypothesis.triangulated, capture_ns)
            return
        alone = [
            (i, p)
            for i, p in enumerate(people)
            if i not in taken and p.score > SINGLE_VIEW_SCORE and p.world is not None
        ]
        if len(alone) == 0:
            self._alone_since_ns = -1
            track.miss(capture_ns)
            return
        if self._alone_since_ns < 0:
            self._alone_since_ns = capture_ns
        waited_s = (capture_ns - self._alone_since_ns) * 1e-9
        if len(self._rig.ids) > 1 and waited_s < SINGLE_VIEW_PATIENCE_S:
            track.miss(capture_ns)
            return
        index, person = max(alone, key=lambda item: _extent(item[1].image))
        taken.add(index)
        track.begin([person], None, capture_ns)


def _extent(image: np.ndarray) -> float:
    """Area of the picture that a body covers, square pixels."""
    return float(np.prod(np.ptp(image[_BODY], axis=0)))
