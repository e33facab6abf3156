from __future__ import annotations

from msgspec.structs import replace

from stage.outputs.face_source import BODY_ALIVE_NS, FACE_ALIVE_NS, FaceSource
from tests.stage.outputs.faces import face
from tests.stage.outputs.performers import pose

NOW_NS = 1_700_000_000_000_000_000
WITH_FACE = replace(pose().performance, face=face())


def test_a_body_keeps_its_face_while_no_other_comes() -> None:
    assert FaceSource().heard_body(WITH_FACE, NOW_NS) is WITH_FACE


def test_a_live_stream_of_faces_takes_the_body_s_place_and_gives_it_back() -> None:
    source = FaceSource()
    source.heard_face(NOW_NS)
    assert source.heard_body(WITH_FACE, NOW_NS + FACE_ALIVE_NS).face is None
    assert source.heard_body(WITH_FACE, NOW_NS + FACE_ALIVE_NS + 1).face is not None


def test_a_face_is_alone_until_a_body_comes_and_after_it_has_gone() -> None:
    source = FaceSource()
    assert source.heard_face(NOW_NS)
    source.heard_body(WITH_FACE, NOW_NS)
    assert not source.heard_face(NOW_NS + BODY_ALIVE_NS)
    assert source.heard_face(NOW_NS + BODY_ALIVE_NS + 1)
