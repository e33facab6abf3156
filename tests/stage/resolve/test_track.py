"""Tracks that are made: smoothed, with other settings, of a range; the take stays as it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from protocols.errors import TakeError
from protocols.takefile import TakeReader
from stage.errors import ConfigError, ReplayError
from stage.resolve.track import Made, Wish, make_track
from stage.takes.contents import recorded_config
from stage.takes.motion import Motion, load_motions
from stage.takes.tracks import opened_track, track_facts, tracks_of
from tests.body_model import body_model
from tests.stage.resolve.recorded import BEGIN_NS, config_in, show_of, write_take
from tests.stage.solving.stories import TICK_NS

_TICKS = 50


@pytest.fixture(scope="module")
def take(tmp_path_factory: pytest.TempPathFactory) -> TakeReader:
    body_model()
    folder = tmp_path_factory.mktemp("take")
    config = config_in(folder)
    return TakeReader(write_take(folder / "scene_001.mcap", config, show_of(config, _TICKS)))


def make(take: TakeReader, name: str, **wish) -> Made:
    return make_track(take, name, Wish(**wish), report=lambda _: None)


def motion(take: TakeReader, track: str = "") -> Motion:
    return load_motions(opened_track(take.path, track))["anna"]


def jitter(motion: Motion) -> float:
    return float(np.linalg.norm(np.diff(motion.joints, 2, axis=0), axis=-1).mean())


def test_smoothed_performances_are_calm_and_keep_their_times(take: TakeReader) -> None:
    before = take.path.read_bytes()
    made = make(take, "calm", source="performances", smooth=1.0)
    live, calm = motion(take), motion(take, "calm")
    assert made.records == len(live.capture_ns)
    assert np.array_equal(calm.capture_ns, live.capture_ns)
    assert jitter(calm) < 0.7 * jitter(live)
    records = [list(TakeReader(path).records("performance.")) for path in (take.path, made.path)]
    assert [entry.received_ns for entry in records[0]] == [entry.received_ns for entry in records[1]]
    assert recorded_config(opened_track(take.path, "calm")) == recorded_config(take)
    assert take.path.read_bytes() == before


def test_solved_both_ways_with_other_settings(take: TakeReader) -> None:
    made = make(take, "again", smooth=0.5, assignments=("body.floor=false", "body.smoothing=0.4"))
    assert made.source == "landmarks"
    track = opened_track(take.path, "again")
    config = recorded_config(track)
    assert (config.body.smoothing, config.body.floor) == (0.4, False)
    assert config.hands.smoothing == 0.5  # half of what was recorded: it is smoothed afterwards
    facts = track_facts(track)
    assert facts is not None
    assert facts.settings == "smooth=0.5, body.floor=false, body.smoothing=0.4"
    again = motion(take, "again")
    assert again.capture_ns[0] == BEGIN_NS  # found backwards, where it was not found yet
    assert set(again.state) == {"tracking", "holding"}  # lost for four frames
    records = [entry.decoded().record for entry in track.records("performance.")]
    assert [getattr(record, "number", -1) for record in records] == list(range(_TICKS))
    assert "actors/anna/body.toml" in track.attachments  # measured, and solved with it


def test_a_range_alone(take: TakeReader) -> None:
    begin_ns, end_ns = BEGIN_NS + 20 * TICK_NS, BEGIN_NS + 30 * TICK_NS
    make(take, "part", begin_ns=begin_ns, end_ns=end_ns, assignments=("body.smoothing=2",))
    times = motion(take, "part").capture_ns
    assert begin_ns <= times[0] <= times[-1] < end_ns
    assert len(times) >= 9


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ({"source": "performances"}, "add --smooth"),
        ({"source": "performances", "smooth": 1.0, "assignments": ("body.smoothing=1",)}, "no effect"),
        ({"source": "frames"}, "holds no pictures"),
        ({"as_live": True, "smooth": 1.0}, "--as-live"),
        ({"device": "cuda"}, "--source frames"),
        ({"source": "performances", "smooth": 1.0, "begin_ns": 1 << 61}, "no performance of anybody"),
    ],
)
def test_what_makes_no_sense_is_said_and_leaves_nothing(take: TakeReader, wish: dict, says: str) -> None:
    files = sorted(path.name for path in take.path.parent.iterdir())
    with pytest.raises((ReplayError, TakeError), match=says):
        make(take, "none", **wish)
    assert sorted(path.name for path in take.path.parent.iterdir()) == files


def test_a_taken_name_is_refused_before_any_work(take: TakeReader, monkeypatch: pytest.MonkeyPatch) -> None:
    make(take, "taken", source="performances", smooth=1.0)
    monkeypatch.setattr("stage.resolve.track.load_body", lambda: pytest.fail("began to work"))
    with pytest.raises(TakeError, match='"taken-2" is free'):
        make(take, "taken", smooth=1.0)
    assert "taken" in tracks_of(take.path)


def test_settings_of_another_stage_need_its_cameras(take: TakeReader, tmp_path: Path) -> None:
    other = tmp_path / "stage.toml"
    other.write_text('[[cameras]]\nid = "elsewhere"\nsource = "synthetic:demo"\n')
    with pytest.raises(ConfigError, match="matched by id"):
        make(take, "other", config=other)
