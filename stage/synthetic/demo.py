"""The demo recording and a second performer, both with ground truth.

    python -m stage.synthetic.demo                              # renders recordings/demo anew
    python -m stage.synthetic.demo --bvh FILE.bvh --out FOLDER  # the second performer, driven by a motion file

The same shots can be watched live, without files: `source = "synthetic:demo/cam1"`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np

from stage.bodies.body import RestBody, load_body
from stage.cache import cache_dir
from stage.errors import SourceError
from stage.synthetic.appearance import HAIRS, SKINS, Appearance
from stage.synthetic.bvh import load_bvh
from stage.synthetic.choreography import GRID_HZ, choreograph
from stage.synthetic.face_motion import animate
from stage.synthetic.face_script import demo_face, natural_face
from stage.synthetic.hand_poses import finger_motion
from stage.synthetic.head_camera import HeadCamera, mounted
from stage.synthetic.kinematics import Poses, forward
from stage.synthetic.motions import demo_script
from stage.synthetic.performer import Performer, phenotype_body
from stage.synthetic.recording import record
from stage.synthetic.retarget import has_fingers, resampled, retarget, with_fingers
from stage.synthetic.room import Room
from stage.synthetic.scene import Light, Sensor
from stage.synthetic.shot import Shot, camera_looking

DEMO_FOLDER = Path(__file__).parents[2] / "recordings" / "demo"

FACE_CAMERA = "face"
"""The demo's camera that rides on the performer's head."""

_BOOM_M, _BOOM_BELOW_M = 0.21, 0.045

SECOND_VERSION = 2
"""Raised when the second performer or its rendering changes, so that a kept recording is made anew."""

DEMO_PHENOTYPE = {"gender": 0.75, "age": 0.6, "muscle": 0.62, "weight": 0.42, "height": 0.6, "proportions": 0.7}
"""A tall, slender performer."""

DEMO_FACE_CHANGES = {
    "nose-scale-vert-incr": 0.25, "nose-hump-incr": 0.35, "nose-scale-horiz-incr": -0.15, "chin-width-incr": 0.30,
    "chin-prominent-incr": 0.25, "chin-height-incr": 0.15, "mouth-scale-horiz-incr": 0.20,
    "mouth-lowerlip-volume-incr": 0.25, "forehead-scale-vert-incr": 0.15, "eyebrows-trans-up": -0.15,
    "l-eye-scale-incr": -0.12, "r-eye-scale-incr": -0.12, "l-eye-trans-out": 0.12, "r-eye-trans-out": 0.10,
    "l-cheek-bones-incr": 0.30, "r-cheek-bones-incr": 0.30, "head-scale-horiz-incr": 0.08,
}  # fmt: skip
"""What makes the face the performer's own."""

SECOND_PHENOTYPE = {"gender": 0.15, "age": 0.75, "muscle": 0.45, "weight": 0.8, "height": 0.23, "proportions": 0.3}
"""A short, heavy one."""

_DEMO_LOOK = Appearance(
    skin=SKINS[2],
    hair=HAIRS[1],
    shirt=(0.75, 0.30, 0.22),
    trousers=(0.20, 0.24, 0.34),
    shoes=(0.82, 0.82, 0.80),
    sleeve=0.65,
    seed=7,
)
_SECOND_LOOK = Appearance(
    skin=SKINS[0],
    hair=HAIRS[5],
    shirt=(0.30, 0.42, 0.36),
    shirt_second=(0.78, 0.77, 0.70),
    pattern="stripes",
    trousers=(0.42, 0.36, 0.28),
    shoes=(0.15, 0.13, 0.12),
    sleeve=1.4,
    hair_volume_m=0.008,
    seed=11,
)


@cache
def demo_shot() -> Shot:
    """The shot of the demo recording."""
    rest = phenotype_body(DEMO_PHENOTYPE, DEMO_FACE_CHANGES)
    poses = choreograph(demo_script(), rest, seed=3)
    standing = partial(camera_looking, size=(480, 720))  # upright pictures: large hands for few pixels
    cameras = (
        standing("cam1", (-1.9, -3.0, 1.55), (-0.09, 0.06, 1.11), 905.0, (-0.09, 0.03, 0.0006, -0.0004, 0.0)),
        standing("cam2", (2.3, -2.6, 2.15), (0.05, -0.0, 1.16), 990.0, (-0.11, 0.05, -0.0005, 0.0007, -0.01)),
        standing("cam3", (2.4, 2.4, 1.25), (0.05, 0.0, 1.12), 950.0, (-0.08, 0.02, 0.0003, 0.0005, 0.0), roll=0.02),
        standing("cam4", (-2.7, 1.9, 1.9), (-0.06, -0.09, 1.09), 915.0, (-0.10, 0.04, -0.0008, 0.0002, 0.0)),
    )
    return Shot(
        performer=Performer(rest, _DEMO_LOOK),
        poses=poses,
        grid_hz=GRID_HZ,
        cameras={camera.id: camera for camera in cameras},
        face=animate(demo_face(), len(poses), GRID_HZ, seed=5),
        head_cameras={FACE_CAMERA: _face_camera(rest, poses)},
        room=Room(seed=4, clutter=14),
        sensor=Sensor(blur_px=0.5, noise=1.5),
    )


def _face_camera(rest: RestBody, poses: Poses) -> HeadCamera:
    """A wide camera on a boom before the mouth."""
    body = load_body()
    eyes, nose = (body.coco_weights[body.coco_names.index(name)] @ rest.vertices for name in ("left_eye", "nose"))
    middle = np.array([0.0, nose[1], 0.5 * (eyes[2] + nose[2]) - 0.010])
    x, y, z = (float(value) for value in middle)
    lens = (-0.14, 0.03, 0.0008, -0.0005, 0.0)
    camera = camera_looking(FACE_CAMERA, (x, y - _BOOM_M, z - _BOOM_BELOW_M), (x, y, z), 390.0, lens, (480, 480))
    return mounted(camera, rest.joints, *forward(rest.joints, poses), rate=60, grid_hz=GRID_HZ, seed=9)


def second_shot(bvh: Path | str, first_s: float = 3.5, seconds: float = 20.0) -> Shot:
    """Another performer of another shape, moved by a motion file, before other cameras.

    Where the file knows no fingers, and for the face, he moves them as people do who gesture and talk.

    Args:
        bvh: The motion file.
        first_s: Where in the motion to begin; many files begin with a calibration pose.
        seconds: How much of it to film, if there is as much.

    Raises:
        SourceError: The file cannot be read or its skeleton is not recognised.
    """
    clip = load_bvh(bvh)
    rest = phenotype_body(SECOND_PHENOTYPE)
    poses = resampled(retarget(clip, rest), 1.0 / clip.frame_s, GRID_HZ)
    begin, end = round(first_s * GRID_HZ), round((first_s + seconds) * GRID_HZ)
    if begin >= len(poses) - GRID_HZ:
        raise SourceError(f"{bvh}: the motion lasts {len(poses) / GRID_HZ:.1f} s; it cannot begin at {first_s} s")
    poses = poses.at(slice(begin, end))
    if not has_fingers(clip):
        poses = with_fingers(poses, finger_motion(len(poses) / GRID_HZ, GRID_HZ, seed=31))
    face = animate(natural_face(len(poses) / GRID_HZ, seed=32), len(poses), GRID_HZ, seed=33)
    cameras = (
        camera_looking("front", (0.4, -3.7, 1.4), (0.0, 0.0, 0.95), 560.0, (-0.07, 0.02, 0.0, 0.0, 0.0)),
        camera_looking("left", (3.5, -0.9, 1.8), (0.0, 0.0, 0.95), 570.0, (-0.12, 0.06, 0.001, 0.0, -0.02)),
        camera_looking("back", (-0.8, 3.6, 2.2), (0.0, 0.0, 0.9), 580.0, (-0.09, 0.03, 0.0, 0.0005, 0.0)),
        camera_looking("right", (-3.4, -1.4, 1.2), (0.0, 0.0, 1.0), 565.0, (-0.10, 0.03, -0.0004, 0.0, 0.0)),
    )
    return Shot(
        performer=Performer(rest, _SECOND_LOOK),
        poses=poses,
        grid_hz=GRID_HZ,
        cameras={camera.id: camera for camera in cameras},
        face=face,
        room=Room(seed=21, walls=(0.55, 0.60, 0.66), floor=(0.42, 0.42, 0.44), planks=False, clutter=20),
        light=Light(towards=(-0.6, -0.3, 0.8), lamp=0.65, sky=0.48, warmth=-0.03),
        sensor=Sensor(blur_px=0.6, noise=2.0),
    )


def second_recording(bvh: Path | str, seconds: float = 20.0, progress: Callable[[str], None] = print) -> Path:
    """The folder of the second performer's recording, rendered on first use (minutes) and then kept in the cache.

    Args:
        bvh: The motion file.
        seconds: Of motion.
        progress: Told how far the rendering is.

    Raises:
        SourceError: As `second_shot`.
    """
    shot = second_shot(bvh, seconds=seconds)
    key = hashlib.sha256(Path(bvh).read_bytes() + f"{seconds} {SECOND_VERSION}".encode()).hexdigest()[:12]
    folder = cache_dir() / "recordings" / f"second-{key}"
    if not folder.exists():
        unfinished = folder.with_name(f"{folder.name}.{os.getpid()}")
        record(shot, unfinished, name="second", crf=22, progress=progress)
        unfinished.rename(folder)
    return folder


@dataclass(frozen=True)
class _Arguments:
    """Render the demo recording, or with --bvh the second performer."""

    out: Path = DEMO_FOLDER
    """Folder for videos, calibration, stage.toml and ground truth."""
    bvh: Path | None = None
    """Motion file for the second performer."""
    crf: int = 22
    """Quality of the videos, lower is better and larger."""


def main(arguments: _Arguments) -> None:
    """Render one of the two shots."""
    if arguments.bvh is None:
        record(demo_shot(), arguments.out, name="demo", loop=True, crf=arguments.crf)
    else:
        record(second_shot(arguments.bvh), arguments.out, name="second", crf=arguments.crf)


if __name__ == "__main__":
    import tyro

    main(tyro.cli(_Arguments))
