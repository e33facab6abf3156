from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.clock import StageClock
from stage.cameras.fast_feed import AHEAD_FRAMESETS, AUDIENCE, FastFeed
from stage.cameras.feed import Feed, LiveFeed, PacedFeed
from stage.cameras.playback import Playback
from stage.cameras.sources import Frame, SourceInfo, TruncatedError
from stage.cameras.sources.live import Connection, LiveSource
from stage.cameras.sources.source import Image, frame_buffer
from stage.errors import SourceError

MS = 1_000_000
EPOCH_NS = 1_000_000 * MS


class Recording:
    """A recording of grey frames; frame n is n grey levels bright. It cannot seek."""

    def __init__(self, count: int, interval_ms: int, decode_s: float = 0.0, ends_early: bool = False) -> None:
        self.info = SourceInfo(8, 4, 0.0, 1000.0 / interval_ms, count * interval_ms * MS, "grey")
        self.count = count
        self.interval_ns = interval_ms * MS
        self.decode_s = decode_s
        self.ends_early = ends_early
        self.reads = 0
        self.position = 0

    def open(self) -> SourceInfo:
        self.position = 0
        return self.info

    def read(self, out: Image | None = None) -> Frame | None:
        self.reads += 1
        time.sleep(self.decode_s)
        if self.position >= self.count:
            if self.ends_early:
                self.ends_early = False
                raise TruncatedError("grey: ends early")
            return None
        number, self.position = self.position, self.position + 1
        image = frame_buffer(out, 4, 8)
        image[:] = number
        return Frame(image, number * self.interval_ns, None, number)

    def close(self) -> None:
        pass


class SeekableRecording(Recording):
    """The same, and it can seek."""

    def seek(self, position_ns: int) -> None:
        self.position = -(-position_ns // self.interval_ns)


def playback(source: Recording, period_ms: int = 0, offset_ms: int = 0) -> Playback:
    return Playback(source, source.open(), EPOCH_NS, period_ms * MS, offset_ms * MS)


def due_ms(frame: Frame | None) -> float:
    assert frame is not None and frame.capture_ns is not None
    return (frame.capture_ns - EPOCH_NS) / MS


def test_frames_are_due_at_the_epoch_plus_their_own_time() -> None:
    played = playback(Recording(3, 40), offset_ms=7)
    assert [due_ms(played.next()) for _ in range(3)] == [7, 47, 87]
    assert played.next() is None


@pytest.mark.parametrize("kind", [Recording, SeekableRecording])
@pytest.mark.parametrize("period_ms", [120, 200, 90])
def test_laps_begin_together_whatever_the_length_of_the_file(kind: type[Recording], period_ms: int) -> None:
    played = playback(kind(3, 40), period_ms)
    seen = [(frame.image[0, 0, 0], due_ms(frame), frame.number) for _ in range(9) if (frame := played.next())]
    expected = [(n, lap * period_ms + 40 * n) for lap in range(3) for n in range(3) if 40 * n < period_ms]
    assert [(number, due) for number, due, _ in seen] == expected
    numbers = [number for _, _, number in seen]
    assert numbers == list(range(9))


@pytest.mark.parametrize("kind", [Recording, SeekableRecording])
@given(elapsed_ms=st.integers(-500, 5000), period_ms=st.sampled_from([0, 100, 400, 700]))
def test_a_restarted_player_goes_on_where_the_stage_is(kind: type[Recording], elapsed_ms: int, period_ms: int) -> None:
    whole = playback(kind(10, 40), period_ms)
    restarted = playback(kind(10, 40), period_ms)
    restarted.go_to(EPOCH_NS + elapsed_ms * MS)
    expected = whole.next()
    while expected is not None and due_ms(expected) < elapsed_ms:
        expected = whole.next()
    found = restarted.next()
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert (due_ms(found), found.number) == (due_ms(expected), expected.number)
        assert (found.image == expected.image).all()


def slot(info: SourceInfo) -> Image:
    return np.empty((info.height, info.width, 3), np.uint8)


def poll(feed: Feed, timeout_s: float = 10.0) -> Frame | None:
    """The next frame; None when the feed has finished."""
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s and feed.state != "finished":
        frame = feed.poll(slot)
        if frame is not None:
            return frame
    assert feed.state == "finished"
    return None


def starting_now(recording: Recording, period_ms: int = 0, ago_ms: float = 0.0) -> tuple[PacedFeed, StageClock]:
    clock = StageClock.start()
    epoch_ns = clock.now_ns() - round(ago_ms * MS)
    return PacedFeed(Playback(recording, recording.open(), epoch_ns, period_ms * MS), clock), clock


def test_a_paced_recording_delivers_every_frame_when_it_is_due() -> None:
    feed, clock = starting_now(SeekableRecording(6, 100), ago_ms=-50)
    for number in range(6):
        frame = poll(feed)
        assert frame is not None and frame.capture_ns is not None and frame.number == number
        assert 0 <= clock.now_ns() - frame.capture_ns < 150 * MS
    assert poll(feed) is None
    assert not feed.faults


def test_a_paced_recording_is_joined_where_the_stage_is() -> None:
    feed, _ = starting_now(SeekableRecording(100, 30), ago_ms=1500)
    frame = poll(feed)
    assert frame is not None and 50 <= frame.number < 80


def test_a_machine_that_is_always_late_still_shows_something_and_counts_the_rest() -> None:
    recording = SeekableRecording(60, 2, decode_s=0.01)
    feed, _ = starting_now(recording, ago_ms=-20)
    shown = 0
    while poll(feed) is not None:
        shown += 1
    assert shown > 2
    assert feed.faults["late_drops"] > 2 * shown
    assert feed.faults["resyncs"] > 0 or shown + feed.faults["late_drops"] == 60


def test_a_recording_far_behind_goes_on_from_where_it_should_be() -> None:
    recording = SeekableRecording(400, 10)
    feed, clock = starting_now(recording)
    assert poll(feed) is not None
    feed._clock = StageClock(clock.offset_ns + 1500 * MS)  # as if this process had been stopped for a while
    frame = poll(feed)
    assert frame is not None and frame.number > 140
    assert feed.faults["resyncs"] == 1


@pytest.mark.parametrize("looping", [False, True])
def test_a_truncated_recording_is_told_once_and_played_as_far_as_it_goes(looping: bool) -> None:
    feed, _ = starting_now(SeekableRecording(3, 100, ends_early=True), period_ms=300 if looping else 0, ago_ms=-50)
    for _ in range(7 if looping else 3):
        assert poll(feed) is not None
    if not looping:
        assert poll(feed) is None
    assert feed.faults["truncated"] == 1
    assert feed.news() == [("warning", "grey: ends early")]
    assert feed.news() == []


def available(feed: FastFeed) -> list[float]:
    due = []
    while (frame := feed.poll(slot)) is not None:
        due.append(due_ms(frame))
    return due


@pytest.mark.parametrize(("interval_ms", "rate", "ahead"), [(40, 25.0, [0, 40]), (20, 25.0, [0, 20, 40])])
def test_a_fast_recording_runs_two_framesets_ahead_of_the_solver(
    interval_ms: int, rate: float, ahead: list[float]
) -> None:
    recording = SeekableRecording(12, interval_ms)
    feed = FastFeed(playback(recording), rate, EPOCH_NS)
    assert available(feed) == [] and recording.reads == 0, "nobody is there to look"
    for worker in AUDIENCE:
        feed.hear(worker)
    shown = available(feed)
    assert shown == ahead and AHEAD_FRAMESETS == 2
    assert available(feed) == []
    while feed.state != "finished":
        feed.credit(EPOCH_NS + round(shown[0] * MS) if len(shown) < 3 else EPOCH_NS + round(shown[-2] * MS))
        feed.credit(EPOCH_NS + round(shown[-1] * MS))
        shown += available(feed)
    assert shown == [n * interval_ms for n in range(12)], "nothing is left out"
    assert not feed.faults


def test_a_recording_slower_than_the_stage_is_not_starved() -> None:
    feed = FastFeed(playback(SeekableRecording(5, 200)), 30.0, EPOCH_NS)
    for worker in AUDIENCE:
        feed.hear(worker)
    assert available(feed) == [0, 200]
    feed.credit(EPOCH_NS)
    assert available(feed) == [400]


def test_a_fast_recording_goes_on_when_a_frameset_was_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stage.cameras.fast_feed.CREDIT_TIMEOUT_S", 0.05)
    feed = FastFeed(playback(SeekableRecording(4, 40)), 25.0, EPOCH_NS)
    for worker in AUDIENCE:
        feed.hear(worker)
    assert [due_ms(poll(feed)) for _ in range(4)] == [0, 40, 80, 120]
    assert feed.faults["credit_timeouts"] >= 1


def test_a_restarted_fast_recording_catches_up_with_the_solver() -> None:
    feed = FastFeed(playback(SeekableRecording(100, 40)), 25.0, EPOCH_NS)
    feed.credit(EPOCH_NS + 2000 * MS)
    for worker in AUDIENCE:
        feed.hear(worker)
    assert due_ms(poll(feed)) == 2040


def test_a_live_feed_tells_when_its_camera_comes_and_why_it_is_away() -> None:
    def connect() -> Connection:
        raise SourceError("device:0: no camera of that index")

    source = LiveSource("device:0", connect, first_wait_s=0.01, longest_wait_s=0.01)
    feed = LiveFeed(source)
    deadline_s = time.monotonic() + 10.0
    while not (news := feed.news()):
        assert feed.poll(slot) is None and feed.state == "waiting"
        assert time.monotonic() < deadline_s
    assert news == [("warning", "device:0: no camera of that index")]
    for _ in range(3):
        feed.poll(slot)
    assert feed.news() == [], "the same trouble is told once"
    assert feed.facts() == {}
    feed.close()
