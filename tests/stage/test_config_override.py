"""Single keys set on the command line: typed, checked, and named when they are wrong."""

from __future__ import annotations

import pytest

from stage.config import ActorSection, CameraSection, Config, overridden
from stage.errors import ConfigError

_CONFIG = Config(
    cameras=(CameraSection(id="left", source="device:0"), CameraSection(id="right", source="device:1")),
    actors=(ActorSection(id="anna"),),
)


def test_values_are_of_the_keys_type() -> None:
    config = overridden(
        _CONFIG,
        [
            "body.smoothing=0.5",
            "hands.enabled = false",
            "body.network=mediapipe-pose",
            'body.engine="torch"',
            "cameras.right.offset_ms=-3",
            "actors.anna.height_m=1.8",
        ],
    )
    assert config.body.smoothing == 0.5
    assert config.hands.enabled is False
    assert (config.body.network, config.body.engine) == ("mediapipe-pose", "torch")
    assert [camera.offset_ms for camera in config.cameras] == [0.0, -3.0]
    assert config.actors[0].height_m == 1.8
    assert overridden(_CONFIG, []) == _CONFIG


@pytest.mark.parametrize(
    ("assignment", "says"),
    [
        ("body.smothing=1", 'unknown key body.smothing; did you mean "smoothing"'),
        ("bodi.smoothing=1", 'unknown section bodi; did you mean "body"'),
        ("body.smoothing=-1", "body.smoothing"),
        ("body.smoothing=soft", "expected `float`, got `str`"),
        ("body.engine=tensorflow", 'unknown engine "tensorflow"'),
        ("cameras.rigth.offset_ms=1", 'no "rigth" among cameras; did you mean "right"'),
        ("cameras.offset_ms=1", "say which one"),
        ("outputs.vmc.port=1", "unknown section outputs.vmc"),
        ("smoothing=1", "write SECTION.KEY=VALUE"),
        ("body.smoothing", "write SECTION.KEY=VALUE"),
        ("body.smoothing=nan", "not a number"),
        ("body.smoothing=1\nfloor = false", "body.smoothing"),
    ],
)
def test_what_cannot_be_is_named(assignment: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        overridden(_CONFIG, [assignment])
    assert says in str(caught.value)
