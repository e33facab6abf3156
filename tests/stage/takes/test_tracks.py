"""Tracks: named, found, opened like takes, never overwritten."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from protocols.errors import TakeError
from protocols.takefile import TakeReader
from stage.takes.contents import recorded_config
from stage.takes.motion import load_motions
from stage.takes.track_writer import TrackWriter, carried_files
from stage.takes.tracks import free_name, opened_track, take_and_track, track_facts, track_path, tracks_of
from tests.stage.takes.small_take import BEGAN_NS, LATENCY_NS, a_performance, write_take


@pytest.fixture
def take(tmp_path: Path) -> TakeReader:
    return TakeReader(write_take(tmp_path / "scene_001.mcap", [a_performance(n) for n in range(4)]))


def _writer(take: TakeReader, name: str = "smooth") -> TrackWriter:
    settings = {"smooth": "1", "body.smoothing": "0.5"}
    return TrackWriter(take, name, made_from="performances", settings=settings, files=carried_files(take))


def _make(take: TakeReader, name: str = "smooth", frames: int = 3) -> None:
    with _writer(take, name) as writer:
        for number in range(frames):
            record = a_performance(number)
            writer.write("performance.anna", record, record.capture_ns + LATENCY_NS)


def test_a_track_opens_like_a_take_and_says_what_it_is(take: TakeReader) -> None:
    before = take.path.read_bytes()
    _make(take)
    track = opened_track(take.path, "smooth")
    assert track.finished
    assert len(load_motions(track)["anna"].capture_ns) == 3
    assert recorded_config(track) == recorded_config(take)
    assert track.facts["take"] == take.facts["take"]
    assert track.facts["clock"] == take.facts["clock"]
    facts = track_facts(track)
    assert facts is not None
    assert facts[:2] == ("scene_001.mcap", "smooth")
    assert facts[3:] == ("performances", "smooth=1, body.smoothing=0.5")
    assert track_facts(take) is None
    assert take.path.read_bytes() == before


def test_records_keep_their_times_and_are_numbered(take: TakeReader) -> None:
    _make(take)
    entries = list(opened_track(take.path, "smooth").records("performance."))
    assert [entry.log_ns for entry in entries] == [a_performance(n).capture_ns for n in range(3)]
    assert [entry.received_ns - entry.log_ns for entry in entries] == [LATENCY_NS] * 3
    assert [entry.decoded().sequence for entry in entries] == [0, 1, 2]
    assert entries[0].log_ns == BEGAN_NS


def test_tracks_are_found_by_name(take: TakeReader) -> None:
    _make(take, "b")
    _make(take, "a-2")
    write_take(take.path.with_name("scene_0010.mcap"), [a_performance(0)])
    assert tracks_of(take.path) == ["a-2", "b"]
    assert take_and_track(track_path(take.path, "b")) == (take.path, "b")
    assert take_and_track(take.path) == (take.path, "")
    assert opened_track(take.path, "").path == take.path
    with pytest.raises(TakeError, match="it has a-2, b"):
        opened_track(take.path, "c")


def test_a_taken_name_is_an_error_that_names_a_free_one(take: TakeReader) -> None:
    _make(take, "smooth")
    before = track_path(take.path, "smooth").read_bytes()
    for name in ("smooth", "Smooth"):
        with pytest.raises(TakeError, match=f'"{name}-2" is free'):
            _make(take, name)
    _make(take, "smooth-2")
    assert free_name(take.path, "smooth") == "smooth-3"
    assert track_path(take.path, "smooth").read_bytes() == before


@pytest.mark.parametrize("name", ["", "a/b", "..", "a.b", "x" * 33, "smöoth", "a b"])
def test_names_are_safe(take: TakeReader, name: str) -> None:
    with pytest.raises(TakeError, match="a track is called by"):
        track_path(take.path, name)


def test_what_fails_leaves_nothing(take: TakeReader) -> None:
    with pytest.raises(RuntimeError), _writer(take) as writer:
        writer.write("performance.anna", a_performance(0), BEGAN_NS)
        raise RuntimeError
    assert [path.name for path in take.path.parent.iterdir()] == [take.path.name]


def test_one_process_at_a_time_and_the_dead_make_room(take: TakeReader) -> None:
    first = _writer(take)
    with pytest.raises(TakeError, match="another process"):
        _writer(take)
    first._writer.close()  # as when it is killed: its file stays, its lock does not
    _make(take)
    assert tracks_of(take.path) == ["smooth"]


def test_a_name_taken_meanwhile_is_not_overwritten(take: TakeReader) -> None:
    writer = _writer(take)
    track_path(take.path, "smooth").write_bytes(b"somebody else's")
    with pytest.raises(TakeError, match="meanwhile"):
        writer.finish()
    assert track_path(take.path, "smooth").read_bytes() == b"somebody else's"
    assert len(list(take.path.parent.iterdir())) == 2


def test_a_take_that_looks_like_a_track_is_told_from_one(take: TakeReader) -> None:
    write_take(track_path(take.path, "other"), [a_performance(0)])
    with pytest.raises(TakeError, match="rename one of the two"):
        opened_track(take.path, "other")


def test_arrays_survive(take: TakeReader) -> None:
    _make(take, frames=4)
    ours, theirs = load_motions(opened_track(take.path, "smooth"))["anna"], load_motions(take)["anna"]
    assert np.array_equal(ours.root, theirs.root)
    assert np.array_equal(ours.joints, theirs.joints)
