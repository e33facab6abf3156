from __future__ import annotations

from msgspec.structs import replace

from protocols.show import RecorderState
from stage.takes.told_state import PERIOD_S, ToldState

STATE = RecorderState(
    at_ns=0, recording=True, slate="scene", take=3, began_ns=5, name="scene_003", records=9, lost=0, free_bytes=10
)


def test_a_change_is_told_at_once_and_counts_once_a_second() -> None:
    told = ToldState()
    assert told.due(STATE, 10.0) and not told.due(STATE, 10.0)
    assert not told.due(replace(STATE, records=20, lost=1, free_bytes=3, at_ns=7), 10.5)
    for change in ({"recording": False}, {"slate": "x"}, {"take": 4}, {"fault": "the disk is full"}):
        changed = replace(STATE, **change)
        assert told.due(changed, 10.6) and not told.due(changed, 10.6)
        assert told.due(STATE, 10.6)
    assert not told.due(STATE, 10.6 + 0.9 * PERIOD_S) and told.due(STATE, 10.6 + PERIOD_S)
