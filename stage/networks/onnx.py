"""Landmark networks of others: any top-down ONNX network, described by a small TOML file beside it.

    # rtmpose-m.toml, for `[body] network = "rtmpose-m.toml"`
    file = "rtmpose-m.onnx"          # relative to this file
    width = 192                      # the network's input, pixels
    height = 256
    mean = [123.675, 116.28, 103.53] # (pixel - mean) / scale, pixels 0..255
    scale = [58.395, 57.12, 57.375]
    rgb = true                       # order of the channels
    decoder = "simcc"                # or "heatmap", "coordinates"; see stage.networks.decoders
    split = 2.0                      # bins per pixel of "simcc"
    outputs = [0, 1]                 # which of the network's outputs the decoder gets
    expansion = 1.25                 # margin about the body, as in the network's training
    person = 0.3                     # median confidence of its points that a person has at least
    points = ["nose", "left_eye", "right_eye", ...]   # what each point is

`points` uses our landmark names (`protocols.names.BODY_LANDMARKS`); "" is a point nobody needs. Hips
and shoulders are required: they say where a person is. Landmarks the network lacks are reported
with confidence 0. Crops are upright, of the input's aspect, as such networks are trained.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import numpy as np

from protocols.names import BODY_LANDMARKS
from stage.errors import NetworkError
from stage.networks.decoders import DECODERS, check_shapes
from stage.networks.engine import Engine, Normalisation
from stage.networks.landmarks import MIN_SCORE, POINTS, Crop, Landmarks, body_circle
from stage.networks.regions import Circle, Region, warp

REQUIRED = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")

_Side = Annotated[int, msgspec.Meta(ge=8, le=4096)]
_Positive = Annotated[float, msgspec.Meta(gt=0)]
_Triple = tuple[float, float, float]


class Description(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the TOML file says."""

    path: Path = Path()
    """The ONNX file, resolved; not a key."""
    file: str
    width: _Side
    height: _Side
    mean: _Triple = (0.0, 0.0, 0.0)
    scale: tuple[_Positive, _Positive, _Positive] = (255.0, 255.0, 255.0)
    rgb: bool = True
    decoder: Literal["simcc", "heatmap", "coordinates"]
    split: _Positive = 2.0
    outputs: tuple[Annotated[int, msgspec.Meta(ge=0)], ...] = ()
    """Default: the first two for "simcc", else the first."""
    expansion: _Positive = 1.25
    person: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.3
    points: tuple[str, ...]

    @property
    def normalisation(self) -> Normalisation:
        """How pixels become the network's numbers."""
        return Normalisation(self.mean, self.scale, self.rgb, channels_first=True)


def read_description(path: Path) -> Description:
    """Read the description of a network.

    Raises:
        NetworkError: It is missing, malformed, or names landmarks that do not exist.
    """
    try:
        keys = tomllib.loads(path.read_text(encoding="utf-8"))
        if "path" in keys:
            raise NetworkError(f"{path}: unknown key `path`; the ONNX file is `file`")
        description = msgspec.convert(keys, Description)
    except OSError as error:
        raise NetworkError(f"cannot read the network description {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise NetworkError(f"{path}: {error}") from error
    unknown = [name for name in description.points if name not in ("", *BODY_LANDMARKS)]
    if len(unknown) > 0:
        raise NetworkError(f'{path}: no landmark is named {unknown[0]!r}; use {", ".join(BODY_LANDMARKS)} or ""')
    named = [name for name in description.points if name != ""]
    if len(set(named)) < len(named):
        twice = next(name for name in named if named.count(name) > 1)
        raise NetworkError(f"{path}: two points are named {twice!r}")
    missing = [name for name in REQUIRED if name not in named]
    if len(missing) > 0:
        raise NetworkError(f"{path}: the network lacks {', '.join(missing)}, without which no person can be followed")
    outputs = description.outputs or ((0, 1) if description.decoder == "simcc" else (0,))
    return msgspec.structs.replace(description, path=path.parent / description.file, outputs=outputs)


class OnnxNetwork:
    """Reads the landmarks of people with a described network."""

    def __init__(self, description: Description, engine: Engine) -> None:
        """Use an engine that runs the description's file.

        Raises:
            NetworkError: The network is not as described.
        """
        self._description = description
        self._engine = engine
        size = (engine.inputs.shape[2], engine.inputs.shape[1])
        if size != (description.width, description.height):
            raise NetworkError(
                f"{description.path} takes images of {size[0]}x{size[1]}, "
                f"its description says {description.width}x{description.height}"
            )
        shapes = [output.shape[1:] for output in engine.infer(1)]
        try:
            check_shapes(description.decoder, shapes, len(description.points), size, description.split)
        except NetworkError as error:
            raise NetworkError(f"{description.path}: {error}") from error
        self._decode = DECODERS[description.decoder]
        self._from = [k for k, name in enumerate(description.points) if name != ""]
        self._to = [BODY_LANDMARKS.index(name) for name in description.points if name != ""]

    @property
    def facts(self) -> dict[str, str]:
        """Engine, device, precision, threads, time per crop."""
        return self._engine.facts

    def region_of(self, circle: Circle) -> Region:
        """The upright region of the input's aspect that holds the circle."""
        width, height = self._description.width, self._description.height
        scale = 2.0 * circle.radius * self._description.expansion / max(width, height)
        return Region(circle.x, circle.y, scale * width, scale * height, 0.0)

    def landmarks(self, crops: Sequence[Crop]) -> list[Landmarks]:
        """The landmarks in each crop."""
        batch = len(self._engine.inputs)
        results: list[Landmarks] = []
        for first in range(0, len(crops), batch):
            group = crops[first : first + batch]
            for slot, crop in zip(self._engine.inputs, group, strict=False):
                warp(crop.image, crop.region, slot)
            outputs = self._engine.infer(len(group))
            for i, crop in enumerate(group):
                results.append(self._read([np.nan_to_num(output[i]) for output in outputs], crop.region))
        return results

    def _read(self, outputs: Sequence[np.ndarray], region: Region) -> Landmarks:
        described = self._description
        unit, confidences = self._decode(outputs, described.width, described.height, described.split)
        points = np.zeros((POINTS, 3), np.float32)
        points[self._to, :2] = region.to_image(unit[self._from])
        points[self._to, 2] = confidences[self._from]
        # These networks do not say whether anybody is there; the median point speaks for the person.
        score = min(1.0, MIN_SCORE * float(np.median(confidences[self._from])) / described.person)
        next_region = self.region_of(body_circle(points[:, :2], points[:, 2] > 0.0))
        return Landmarks(points, None, score, next_region)
