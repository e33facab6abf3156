from __future__ import annotations

from stage.config import CameraSection, Config, FaceSection
from stage.readers import BODY_READER, FACE_READER, cameras_of, reader_of, readers

WIDE = CameraSection(id="wide", source="device:0")
CLOSE = CameraSection(id="close", source="device:1", face_of="ann")


def test_bodies_and_faces_have_readers_of_their_own() -> None:
    config = Config(cameras=(WIDE, CLOSE))
    assert readers(config) == (BODY_READER, FACE_READER)
    assert reader_of(WIDE, config) == BODY_READER and reader_of(CLOSE, config) == FACE_READER
    assert cameras_of(BODY_READER, config) == ("wide",) and cameras_of(FACE_READER, config) == ("close",)


def test_no_reader_without_cameras_for_it() -> None:
    assert readers(Config(cameras=(WIDE,))) == (BODY_READER,)
    assert readers(Config(cameras=(CLOSE,))) == (FACE_READER,)


def test_faces_that_are_not_wanted_have_no_reader() -> None:
    off = FaceSection(enabled=False)
    assert readers(Config(cameras=(WIDE, CLOSE), face=off)) == (BODY_READER,)
    assert readers(Config(cameras=(CLOSE,), face=off)) == (BODY_READER,)


def test_a_stage_that_only_listens_to_others_has_no_readers() -> None:
    assert readers(Config()) == ()
