"""Who reads which camera: the names of the landmarks workers of a stage."""

from __future__ import annotations

from stage.config import CameraSection, Config

BODY_READER = "landmarks"
"""The worker that reads the cameras of the volume."""

FACE_READER = "landmarks.faces"
"""The worker that reads the cameras bound to an actor's face, at their own rate."""


def readers(config: Config) -> tuple[str, ...]:
    """The landmarks workers that a stage has: of the body cameras, of the face cameras, both, or without any none."""
    if len(config.cameras) == 0:
        return ()
    faces = len(config.face_cameras) > 0 and config.face.enabled
    bodies = len(config.body_cameras) > 0 or not faces
    return (*((BODY_READER,) if bodies else ()), *((FACE_READER,) if faces else ()))


def reader_of(camera: CameraSection, config: Config) -> str:
    """The landmarks worker that reads a camera."""
    return FACE_READER if camera.face_of and config.face.enabled else BODY_READER


def cameras_of(reader: str, config: Config) -> tuple[str, ...]:
    """The ids of the cameras that a landmarks worker reads."""
    cameras = config.face_cameras if reader == FACE_READER else config.body_cameras
    return tuple(camera.id for camera in cameras)
