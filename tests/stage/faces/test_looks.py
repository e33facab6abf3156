from __future__ import annotations

import numpy as np
import pytest

from protocols.names import ARKIT_SHAPES
from stage.faces.looks import LOOK_RAD, look_directions


@pytest.mark.parametrize(
    ("shape", "eye", "yaw", "pitch"),
    [
        ("EyeLookOutLeft", 0, LOOK_RAD["Out"], 0.0),
        ("EyeLookInLeft", 0, -LOOK_RAD["In"], 0.0),
        ("EyeLookUpLeft", 0, 0.0, LOOK_RAD["Up"]),
        ("EyeLookDownLeft", 0, 0.0, -LOOK_RAD["Down"]),
        ("EyeLookOutRight", 1, -LOOK_RAD["Out"], 0.0),
        ("EyeLookInRight", 1, LOOK_RAD["In"], 0.0),
    ],
)
def test_each_shape_turns_its_eye_its_way(shape, eye, yaw, pitch):
    shapes = np.zeros(len(ARKIT_SHAPES))
    shapes[ARKIT_SHAPES.index(shape)] = 1.0
    wanted = np.zeros((2, 2))
    wanted[eye] = yaw, pitch
    assert np.allclose(look_directions(shapes), wanted)
