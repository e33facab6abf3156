"""Takes solved again: as live from any moment on, anew from landmarks alone, and what cannot be said so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from protocols.arrays import from_bytes
from protocols.errors import TakeError
from protocols.messages import Performance
from protocols.takefile import TakeReader
from stage.resolve import Resolved, resolve
from stage.resolve.check import run_check
from stage.resolve.compare import compare
from stage.takes.contents import unpack
from tests.body_model import body_model
from tests.stage.resolve.recorded import BEGIN_NS, TICKS, Heard, config_in, show_of, write_take
from tests.stage.solving.stories import TICK_NS


class Recorded:
    """A take, the stage that recorded it, and all that was heard."""

    def __init__(self, folder: Path) -> None:
        self.config = config_in(folder)
        self.heard = show_of(self.config)
        self.take = TakeReader(write_take(folder / "scene_001.mcap", self.config, self.heard))
        (folder / "unpacked").mkdir()
        self.unpacked = unpack(self.take, folder / "unpacked")
        self.performances = [record for _, record in self.heard if isinstance(record, Performance)]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    body_model()
    return Recorded(tmp_path_factory.mktemp("take"))


def again(recorded: Recorded, **options) -> Resolved:
    return resolve(recorded.take, recorded.unpacked, body=body_model(), **options)


def altered(recorded: Recorded, name: str, heard: list[Heard]) -> TakeReader:
    return TakeReader(write_take(recorded.take.path.with_name(name), recorded.config, heard))


def test_as_live_gives_the_recorded_performances(recorded: Recorded):
    assert list(again(recorded, as_live=True)) == recorded.performances


@pytest.mark.parametrize("tick", [21, 43, 64])
def test_as_live_from_any_moment_on(recorded: Recorded, tick: int):
    begin_ns, end_ns = BEGIN_NS + tick * TICK_NS - 1000, BEGIN_NS + (tick + 5) * TICK_NS - 1000
    resolved = again(recorded, as_live=True, begin_ns=begin_ns, end_ns=end_ns)
    assert list(resolved) == [p for p in recorded.performances if begin_ns <= p.capture_ns < end_ns]
    assert resolved.follower is not None
    assert resolved.follower.counters["inexact"] == 0


def test_anew_the_same_framesets_come_of_the_landmarks(recorded: Recorded):
    performances = [one for one in again(recorded, as_live=False) if isinstance(one, Performance)]
    assert [p.capture_ns for p in performances] == [p.capture_ns for p in recorded.performances]
    ends = [from_bytes(p.joints, (-1, 3)) for p in (performances[30], recorded.performances[30])]
    assert np.linalg.norm(ends[0] - ends[1], axis=1).max() < 0.02


def test_anew_is_the_same_every_time_and_other_settings_make_a_difference(recorded: Recorded):
    end_ns = BEGIN_NS + 25 * TICK_NS
    one = list(again(recorded, as_live=False, end_ns=end_ns))
    assert one == list(again(recorded, as_live=False, end_ns=end_ns))
    calm = replace(recorded.unpacked, body=replace(recorded.unpacked.body, smoothing=3.0))
    assert one != list(resolve(recorded.take, calm, as_live=False, end_ns=end_ns, body=body_model()))


def test_a_take_is_compared_with_itself(recorded: Recorded, capsys: pytest.CaptureFixture[str]):
    assert run_check(recorded.take.path) == 0
    count = len(recorded.performances)
    assert f"{count} of {count} performances and faces are identical" in capsys.readouterr().out


def test_one_changed_bit_in_a_performance_is_found(recorded: Recorded):
    heard = list(recorded.heard)
    place = next(i for i, (_, record) in enumerate(heard) if isinstance(record, Performance) and record.number == 50)
    topic, one = heard[place]
    assert isinstance(one, Performance)
    heard[place] = topic, replace(one, joints=bytes([one.joints[0] ^ 1]) + one.joints[1:])
    take = altered(recorded, "changed.mcap", heard)
    found = compare(take, recorded.unpacked, body_model())
    assert (found.different, found.identical) == (1, len(recorded.performances) - 1)
    assert f"performance 50 of anna, captured at {one.capture_ns}: joints" in found.first
    assert not found.holds
    assert "1 differ (joints by up to" in found.text


def test_what_comes_before_the_first_state_is_not_called_identical(recorded: Recorded):
    heard = recorded.heard[100:]
    found = compare(altered(recorded, "later.mcap", heard), recorded.unpacked, body_model())
    assert found.holds
    assert found.unknown > 0
    assert found.identical + found.unknown == found.recorded == sum(isinstance(r, Performance) for _, r in heard)


def test_a_take_without_steps_can_only_be_solved_anew(recorded: Recorded):
    heard = [(topic, record) for topic, record in recorded.heard if topic.startswith(("landmarks.", "performance."))]
    take = altered(recorded, "old.mcap", heard)
    with pytest.raises(TakeError, match="solved anew"):
        list(resolve(take, recorded.unpacked, as_live=True, body=body_model()))
    end_ns = BEGIN_NS + 10 * TICK_NS
    assert len(list(resolve(take, recorded.unpacked, as_live=False, end_ns=end_ns, body=body_model()))) > 5
    assert TICKS > 10
