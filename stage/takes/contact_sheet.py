"""A contact sheet: pictures along a take, one row per camera that has video and one per actor, in one image.

camera left    | picture | picture | ...
camera right   | picture | picture | ...
actor anna     | figure  | figure  | ...      what was solved, from the front
               0:00.0    0:02.5   ...
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from protocols.errors import TakeError
from protocols.names import RIG_PARENTS
from protocols.takefile import TakeReader
from stage.cameras.sources.take import TakeSource
from stage.errors import SourceError, StageError
from stage.takes.motion import load_motions
from stage.takes.take_info import TakeInfo, take_info
from stage.takes.told_takes import length

Image = NDArray[np.uint8]

COLUMNS = 8
_TILE_WIDTH, _TILE_HEIGHT = 240, 180
_MARGIN, _LABEL_HEIGHT = 4, 22
_GROUND, _INK, _BONE, _FLOOR = (28, 28, 28), (220, 220, 220), (120, 220, 255), (70, 70, 70)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_REACH_NS = 250_000_000
"""A pose further from a moment than this is not shown."""
_FIGURE_M = 2.2
"""Metres that the height of a tile shows."""
_QUALITY = 88
_MOST_ROWS = 32
"""Of cameras, and of actors."""


def write_contact_sheet(path: Path, out: Path, columns: int = COLUMNS) -> None:
    """Writes the contact sheet of a take.

    Args:
        path: The take, or a track of it.
        out: A JPEG or PNG that is not there yet.
        columns: Pictures per row, 1 to 64.

    Raises:
        TakeError: The take is damaged, has no end, or there is nothing to be seen in it.
        StageError: The image cannot be written.
    """
    info = take_info(path)
    if info.state != "finished":
        raise TakeError(f"{path} is {info.state}; `stage takes recover {path}` mends what a crash has cut")
    if not 1 <= columns <= 64:
        raise StageError(f"--columns {columns}: 1 to 64 pictures fit beside each other")
    if out.suffix.lower() not in (".jpg", ".jpeg", ".png"):
        raise StageError(f"{out}: a contact sheet is a .jpg or a .png")
    if not info.video and not info.actors:
        raise TakeError(f"{path}: neither video nor performances in it")
    quality = [] if out.suffix.lower() == ".png" else [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
    encoded = cv2.imencode(out.suffix.lower(), contact_sheet(path, info, columns), quality)[1]
    try:
        with out.open("xb") as file:
            file.write(encoded.tobytes())
    except FileExistsError as error:
        raise StageError(f"{out} is there already, and stays; name another with --out") from error
    except OSError as error:
        raise StageError(f"{out}: {error.strerror}") from error


def contact_sheet(path: Path, info: TakeInfo, columns: int) -> Image:
    """The sheet of a take as an image, (H, W, 3) BGR."""
    times_ns = _moments(info, columns)
    rows = [
        (f"camera {camera}", _pictures(path, camera, info.span_ns[0], times_ns)) for camera in info.video[:_MOST_ROWS]
    ]
    rows += [(f"actor {actor}", _figures(path, actor, times_ns)) for actor in info.actors[:_MOST_ROWS]]
    title = f"{info.name}   {info.slate} {info.number or ''}   {info.began[:19].replace('T', ' ')}   {info.timecode}"
    width = _MARGIN + columns * (_TILE_WIDTH + _MARGIN)
    parts = [_label(f"{_ascii(title)}   {length(info.seconds)}", width)]
    for name, tiles in rows:
        parts.append(_label(_ascii(name), width))
        strip = np.full((_TILE_HEIGHT + _MARGIN, width, 3), _GROUND, np.uint8)
        for column, tile in enumerate(tiles):
            x = _MARGIN + column * (_TILE_WIDTH + _MARGIN)
            strip[:_TILE_HEIGHT, x : x + _TILE_WIDTH] = tile
        parts.append(strip)
    foot = _label("", width)
    for column, time_ns in enumerate(times_ns):
        _write(foot, length((time_ns - info.span_ns[0]) / 1e9), _MARGIN + column * (_TILE_WIDTH + _MARGIN))
    return np.concatenate([*parts, foot])


def _moments(info: TakeInfo, columns: int) -> list[int]:
    """The middle of each of as many parts of the take."""
    began_ns, ended_ns = info.span_ns
    return [began_ns + (ended_ns - began_ns) * (2 * column + 1) // (2 * columns) for column in range(columns)]


def _pictures(path: Path, camera: str, zero_ns: int, times_ns: Sequence[int]) -> list[Image]:
    source = TakeSource(f"{path}#{camera}")
    tiles = []
    try:
        source.open()
        for time_ns in times_ns:
            source.seek(time_ns - zero_ns)
            frame = source.read()
            tiles.append(_said("no picture") if frame is None else _fitted(frame.image))
    except SourceError:
        tiles += [_said("damaged")] * (len(times_ns) - len(tiles))
    finally:
        source.close()
    return tiles


def _figures(path: Path, actor: str, times_ns: Sequence[int]) -> list[Image]:
    take = TakeReader(path)
    tiles = []
    for time_ns in times_ns:
        try:
            motion = load_motions(take, time_ns - _REACH_NS, time_ns + _REACH_NS)[actor]
        except (TakeError, KeyError):
            tiles.append(_said("not there"))
            continue
        if len(motion.capture_ns) == 0:
            tiles.append(_said("face only"))
            continue
        nearest = int(np.argmin(np.abs(motion.capture_ns - time_ns)))
        tiles.append(_figure(motion.joints[nearest]))
    return tiles


def _figure(joints: NDArray[np.floating]) -> Image:
    """A figure from the front: to the right is world x, up is z.

    Args:
        joints: (J, 3) metres in the world.
    """
    tile = np.full((_TILE_HEIGHT, _TILE_WIDTH, 3), _GROUND, np.uint8)
    if not np.isfinite(joints).all():
        return tile
    scale = _TILE_HEIGHT / _FIGURE_M
    floor = _TILE_HEIGHT - 12
    cv2.line(tile, (0, floor), (_TILE_WIDTH, floor), _FLOOR, 1)
    x = _TILE_WIDTH / 2 + (joints[:, 0] - joints[0, 0]) * scale
    y = floor - joints[:, 2] * scale
    points = np.clip(np.round(np.stack([x, y], 1)), -1000, 1000).astype(int)
    for bone, parent in enumerate(RIG_PARENTS):
        if parent > 0:  # the root lies on the floor
            cv2.line(tile, tuple(points[parent]), tuple(points[bone]), _BONE, 2 if parent < 20 else 1, cv2.LINE_AA)
    return tile


def _fitted(image: Image) -> Image:
    """The whole picture in a tile."""
    height, width = image.shape[:2]
    scale = min(_TILE_WIDTH / width, _TILE_HEIGHT / height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    tile = np.full((_TILE_HEIGHT, _TILE_WIDTH, 3), _GROUND, np.uint8)
    y, x = (_TILE_HEIGHT - size[1]) // 2, (_TILE_WIDTH - size[0]) // 2
    tile[y : y + size[1], x : x + size[0]] = small
    return tile


def _said(text: str) -> Image:
    tile = np.full((_TILE_HEIGHT, _TILE_WIDTH, 3), _GROUND, np.uint8)
    cv2.putText(tile, text, (_TILE_WIDTH // 2 - 40, _TILE_HEIGHT // 2), _FONT, 0.45, _FLOOR, 1, cv2.LINE_AA)
    return tile


def _label(text: str, width: int) -> Image:
    strip = np.full((_LABEL_HEIGHT, width, 3), _GROUND, np.uint8)
    _write(strip, text, _MARGIN)
    return strip


def _write(strip: Image, text: str, x: int) -> None:
    cv2.putText(strip, text, (x, _LABEL_HEIGHT - 7), _FONT, 0.45, _INK, 1, cv2.LINE_AA)


def _ascii(text: str) -> str:
    """What the font has."""
    return text.encode("ascii", "replace").decode()
