from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from protocols.messages import CameraLandmarks
from stage.solving.framesets import Frameset, FramesetAssembler

MS = 1_000_000
CAMERAS = ("a", "b", "c")


def landmarks(camera: str, capture_ms: float) -> CameraLandmarks:
    at = round(capture_ms * MS)
    return CameraLandmarks(camera, 0, at, at, at, at, 640, 480, ())


def assembler() -> FramesetAssembler:
    return FramesetAssembler(CAMERAS, tolerance_ns=16 * MS, deadline_ns=40 * MS)


def all_ready(assembling: FramesetAssembler, now_ms: float) -> list[Frameset]:
    ready = []
    while (frameset := assembling.ready(round(now_ms * MS))) is not None:
        ready.append(frameset)
    return ready


def test_a_frameset_is_ready_when_every_camera_has_delivered():
    assembling = assembler()
    for camera in "ab":
        assembling.add(landmarks(camera, 100), 110 * MS)
    assert assembling.ready(120 * MS) is None
    assembling.add(landmarks("c", 104), 121 * MS)
    (frameset,) = all_ready(assembling, 121)
    assert set(frameset.views) == set(CAMERAS)
    assert frameset.capture_ns == 100 * MS
    assert assembling.counters["incomplete"] == 0


def test_a_late_camera_is_left_out_after_the_deadline_and_counted():
    assembling = assembler()
    for camera in "ab":
        assembling.add(landmarks(camera, 100), 110 * MS)
    assert all_ready(assembling, 149) == []
    (frameset,) = all_ready(assembling, 151)
    assert set(frameset.views) == {"a", "b"}
    assembling.add(landmarks("c", 100), 152 * MS)
    assert all_ready(assembling, 500) == []
    assert (assembling.counters["incomplete"], assembling.counters["late"]) == (1, 1)


def test_a_complete_later_frameset_does_not_wait_for_an_incomplete_one():
    assembling = assembler()
    assembling.add(landmarks("a", 100), 110 * MS)
    for camera in CAMERAS:
        assembling.add(landmarks(camera, 133), 140 * MS)
    assert [len(f.views) for f in all_ready(assembling, 140)] == [1, 3]


def test_cameras_that_are_not_genlocked_pair_with_their_nearest():
    assembling = assembler()
    for tick in range(5):
        for camera, skew in (("a", 0), ("b", 9), ("c", -7)):
            assembling.add(landmarks(camera, 1000 + 33.3 * tick + skew), round(1010 + 33.3 * tick) * MS)
    framesets = all_ready(assembling, 1200)
    assert [len(f.views) for f in framesets] == [3] * 5


def test_cameras_faster_than_the_stage_are_not_paired_across_frames():
    assembling = FramesetAssembler(CAMERAS, tolerance_ns=17 * MS, deadline_ns=40 * MS)
    framesets = []
    for tick in range(20):
        for camera in CAMERAS:
            assembling.add(landmarks(camera, 1000 + 16.67 * tick), round(1005 + 16.67 * tick) * MS)
        framesets += all_ready(assembling, 1005 + 16.67 * tick)
    assert [len(f.views) for f in framesets] == [3] * 20
    assert assembling.counters["late"] == 0


def test_a_camera_that_has_died_is_not_waited_for_and_one_that_comes_back_is():
    assembling, waited = assembler(), []
    for tick in range(120):
        now = 1000 + 33 * tick
        alive = CAMERAS if not 30 <= tick < 90 else ("a", "b")
        for camera in alive:
            assembling.add(landmarks(camera, now), now * MS)
        framesets = all_ready(assembling, now)
        waited.append(len(framesets) == 0 or len(framesets[-1].views) < len(alive))
    assert sum(waited[:30]) == 0
    assert sum(waited[30:48]) > 0
    assert sum(waited[48:]) == 0


def test_a_stranger_is_counted():
    assembling = assembler()
    assembling.add(landmarks("z", 100), 100 * MS)
    assert assembling.counters["strangers"] == 1
    assert all_ready(assembling, 1000) == []


def test_time_set_back_is_a_new_run():
    assembling = assembler()
    for begin in (50_000, 100):
        for camera in CAMERAS:
            assembling.add(landmarks(camera, begin), begin * MS)
        assert len(all_ready(assembling, begin)) == 1


def play(arrivals: list[tuple[str, int]]) -> tuple[FramesetAssembler, list[Frameset]]:
    """Frames (camera, capture ms), 5 ms apart; all framesets given out."""
    assembling, given_out = assembler(), []
    for number, (camera, capture_ms) in enumerate(arrivals):
        assembling.add(landmarks(camera, 10_000 + capture_ms), 5 * number * MS)
        given_out += all_ready(assembling, 5 * number)
    return assembling, given_out + assembling.flush()


@given(st.lists(st.tuples(st.sampled_from(CAMERAS), st.integers(0, 3000)), max_size=200))
def test_every_frame_is_given_out_once_or_counted(arrivals):
    assembling, given_out = play(arrivals)
    frames = sum(len(f.views) for f in given_out)
    assert frames + assembling.counters["late"] + assembling.counters["overflow"] == len(arrivals)
    for frameset in given_out:
        times = [seen.capture_ns for seen in frameset.views.values()]
        assert max(times) - min(times) <= 2 * 16 * MS


@given(st.lists(st.tuples(st.sampled_from(CAMERAS), st.integers(0, 900)), max_size=200))
@example([("a", 549), ("b", 564), ("b", 558), ("a", 548)])
def test_time_runs_forward_while_it_is_not_set_back(arrivals):
    _, given_out = play(arrivals)
    starts = [frameset.capture_ns for frameset in given_out]
    assert starts == sorted(starts)
