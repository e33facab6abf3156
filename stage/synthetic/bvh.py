"""BVH motion files: a skeleton of named joints and one row of channel values per frame.

    HIERARCHY                      MOTION
    ROOT Hips                      Frames: 4007
    {                              Frame Time: 0.008333
      OFFSET x y z                 <value of every channel, in the order of the file> ...
      CHANNELS 6 Xposition ...
      JOINT Spine { ... }
      End Site { OFFSET ... }
    }

A joint's rotation is the product of its rotation channels in the order they are listed; with all
channels at zero the skeleton stands in its rest pose, given by the offsets alone. Units and axes are
the file's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from stage.errors import SourceError
from stage.synthetic.raster import Floats

_MAX_JOINTS = 1000
_MAX_WORDS = 8
_MAX_VALUES = 30_000_000
"""About 25 minutes of 60 joints at 120 Hz."""
_BLOCK = 1 << 22
"""Characters turned into numbers at once."""
_CHANNELS = ("Xposition", "Yposition", "Zposition", "Xrotation", "Yrotation", "Zrotation")


@dataclass(frozen=True, eq=False)
class BvhClip:
    """A motion of J joints over T frames."""

    names: tuple[str, ...]
    parents: tuple[int, ...]
    """-1 for the root; a parent comes before its children."""
    offsets: Floats
    """(J, 3) from the parent, in the file's units and axes."""
    ends: dict[int, Floats]
    """Offset (3,) of the end site of each joint that has one."""
    frame_s: float
    """Seconds per frame."""
    root: Floats
    """(T, 3) place of the root joint."""
    rotations: Floats
    """(T, J, 3, 3) relative to the parent."""

    def forward(self) -> tuple[Floats, Floats]:
        """Global rotations (T, J, 3, 3) and places (T, J, 3)."""
        R = np.empty_like(self.rotations)
        places = np.empty(R.shape[:3])
        for joint, parent in enumerate(self.parents):
            if parent < 0:
                R[:, joint], places[:, joint] = self.rotations[:, joint], self.root
            else:
                R[:, joint] = R[:, parent] @ self.rotations[:, joint]
                places[:, joint] = places[:, parent] + R[:, parent] @ self.offsets[joint]
        return R, places

    def rest_places(self) -> Floats:
        """(J, 3) places in the rest pose, the root at its offset."""
        places = self.offsets.copy()
        for joint, parent in enumerate(self.parents):
            if parent >= 0:
                places[joint] += places[parent]
        return places


def load_bvh(path: Path | str) -> BvhClip:
    """Read a BVH file.

    Raises:
        SourceError: The file is missing, not BVH, or its numbers do not fit its skeleton.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig", errors="strict")
    except FileNotFoundError:
        raise SourceError(f"{path}: no such BVH file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path} cannot be read as BVH text ({error})") from None
    try:
        return parse_bvh(text)
    except SourceError as error:
        raise SourceError(f"{path}: {error}") from None


def parse_bvh(text: str) -> BvhClip:
    """The motion in a BVH file's text; errors as `load_bvh`, without the path."""
    head, separator, motion = text.partition("MOTION")
    if not separator:
        raise SourceError("not a BVH file: it has no MOTION part")
    skeleton = _Skeleton(found[0] for found in re.finditer(r"\S+", head))
    tokens = motion.split(maxsplit=5)
    try:
        if tokens[0] != "Frames:" or tokens[2:4] != ["Frame", "Time:"]:
            raise SourceError("not a BVH file: after MOTION come 'Frames:' and 'Frame Time:'")
        frames, rest = int(tokens[1]), tokens[4:]
        frame_s = float(rest[0])
    except (IndexError, ValueError):
        raise SourceError("the BVH motion's frame count or time is no number") from None
    width = sum(len(channels) for channels in skeleton.channels)
    if frames < 1 or not frame_s > 0.0 or frames * width > _MAX_VALUES:
        raise SourceError(f"a BVH motion of {frames} frames of {frame_s} s cannot be used")
    values = _numbers(rest[1] if len(rest) > 1 else "", frames * width)
    if values.size != frames * width:
        raise SourceError(
            f"the BVH motion has {values.size} values; {frames} frames of {width} channels need {frames * width}"
        )
    if not np.isfinite(values).all():
        raise SourceError("the BVH motion has values that are not finite")
    return skeleton.clip(values.reshape(frames, width), frame_s)


def _numbers(text: str, wanted: int) -> Floats:
    """The numbers in a text, read in blocks; one more than wanted is enough to know that there are too many."""
    blocks, count, position = [np.zeros(0)], 0, 0
    while position < len(text) and count <= wanted:
        end = position + _BLOCK
        while end < len(text) and not text[end].isspace():
            end += 1
        try:
            blocks.append(np.array(text[position:end].split(), np.float64))
        except ValueError:
            raise SourceError("the BVH motion has a value that is no number") from None
        count += len(blocks[-1])
        position = end
    return np.concatenate(blocks)


class _Skeleton:
    """Reads the HIERARCHY part."""

    def __init__(self, tokens: Iterator[str]) -> None:
        self.names: list[str] = []
        self.parents: list[int] = []
        self.offsets: list[list[float]] = []
        self.channels: list[list[str]] = []
        self.ends: dict[int, Floats] = {}
        try:
            self._read(tokens)
        except StopIteration:
            raise SourceError("the BVH hierarchy ends too early") from None
        except ValueError:
            raise SourceError("the BVH hierarchy has an offset or channel count that is no number") from None
        if not self.names:
            raise SourceError("not a BVH file: it has no ROOT")

    def _read(self, tokens: Iterator[str]) -> None:
        if next(tokens) != "HIERARCHY":
            raise SourceError("not a BVH file: it does not begin with HIERARCHY")
        open_joints: list[int] = []  # -1 marks an end site
        for token in tokens:
            if token in ("ROOT", "JOINT"):
                self._joint(self._name(tokens), open_joints)
            elif token == "End":
                self._expect(next(tokens), "Site")
                self._expect(next(tokens), "{")
                open_joints.append(-1)
            elif token == "OFFSET" and open_joints:
                self._offset([float(next(tokens)) for _ in range(3)], open_joints)
            elif token == "CHANNELS" and open_joints and open_joints[-1] >= 0:
                names = [next(tokens) for _ in range(int(next(tokens)))]
                if not set(names) <= set(_CHANNELS):
                    raise SourceError(f"unknown BVH channel in {names}; known: {', '.join(_CHANNELS)}")
                self.channels[open_joints[-1]] = names
            elif token == "}" and open_joints:
                open_joints.pop()
            else:
                raise SourceError(f"unexpected {token[:40]!r} in the BVH hierarchy")
        if open_joints:
            raise SourceError("the BVH hierarchy ends too early")

    def _name(self, tokens: Iterator[str]) -> str:
        """Up to the brace: some tools write names of several words, "Bip01 L Thigh"."""
        words: list[str] = []
        while (token := next(tokens)) != "{":
            words.append(token)
            if len(words) > _MAX_WORDS:
                raise SourceError(f"expected '{{' in the BVH hierarchy after {' '.join(words)[:40]!r}")
        return " ".join(words)

    def _joint(self, name: str, open_joints: list[int]) -> None:
        if len(self.names) >= _MAX_JOINTS:
            raise SourceError(f"a BVH skeleton of more than {_MAX_JOINTS} joints")
        if not open_joints and self.names:
            raise SourceError("a BVH file with more than one ROOT is not supported")
        self.parents.append(open_joints[-1] if open_joints else -1)
        self.names.append(name)
        self.offsets.append([0.0, 0.0, 0.0])
        self.channels.append([])
        open_joints.append(len(self.names) - 1)

    def _offset(self, offset: list[float], open_joints: list[int]) -> None:
        if open_joints[-1] >= 0:
            self.offsets[open_joints[-1]] = offset
        else:
            self.ends[open_joints[-2]] = np.array(offset)

    @staticmethod
    def _expect(token: str, expected: str) -> None:
        if token != expected:
            raise SourceError(f"expected {expected!r} in the BVH hierarchy, got {token[:40]!r}")

    def clip(self, values: Floats, frame_s: float) -> BvhClip:
        """The clip whose channel values are (T, C)."""
        frames, joints = len(values), len(self.names)
        offsets = np.array(self.offsets)
        rotations = np.empty((frames, joints, 3, 3))
        root = np.tile(offsets[0], (frames, 1))
        column = 0
        for joint, channels in enumerate(self.channels):
            own = values[:, column : column + len(channels)]
            column += len(channels)
            turning = [index for index, name in enumerate(channels) if name.endswith("rotation")]
            order = "".join(channels[index][0] for index in turning)
            rotations[:, joint] = _euler(order, own[:, turning])
            for index, name in enumerate(channels):
                if joint == 0 and name.endswith("position"):
                    root[:, "XYZ".index(name[0])] = own[:, index]
        return BvhClip(tuple(self.names), tuple(self.parents), offsets, self.ends, frame_s, root, rotations)


def _euler(order: str, degrees: Floats) -> Floats:
    """(T, 3, 3) the product of rotations about the axes in `order`, any number of them."""
    R = np.tile(np.eye(3), (len(degrees), 1, 1))
    for index, axis in enumerate(order):
        R = R @ Rotation.from_euler(axis, degrees[:, index : index + 1], degrees=True).as_matrix()
    return R
