"""The player's laws: given stage time, it returns what is due."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.playback import SetPlayback
from stage.errors import ReplayError
from stage.replay.ahead import LapEnd, Play
from stage.replay.held import Due
from stage.replay.item import Item, Pace
from stage.replay.player import Player
from stage.replay.source import Still
from tests.stage.replay.takes import BEGIN_NS, BODY_LATE_MS, BODY_MS, MS, performed

SENT = performed(30, faces=False)
ITEMS = [
    Item(one.topic, one.record, one.sent_ns, BEGIN_NS + number * BODY_MS * MS, BODY_MS * MS)
    for number, one in enumerate(SENT)
]
END_NS = ITEMS[-1].log_ns + 1
NOW_NS = 5_000_000_000_000


class Reader:
    """Answers a player's questions at once."""

    def __init__(self, player: Player) -> None:
        self.player = player
        self.answers: Iterator[Item | LapEnd | Still] = iter(())

    def feed(self) -> None:
        player = self.player
        if (question := player.question) is not None:
            player.question = None
            if isinstance(question, Play):
                start, begin_ns, end_ns = question
                first = [item for item in ITEMS if item.log_ns >= start.log_ns and item.due_ns > start.due_ns]
                shown: list[Still] = []
            else:
                begin_ns, end_ns = question.begin_ns, question.end_ns
                cut = [item for item in ITEMS if begin_ns <= item.log_ns < end_ns]
                at = sum(item.log_ns <= question.at_ns for item in cut) - 1
                picture = cut[min(max(at + question.step, 0), len(cut) - 1)]
                shown, first = [Still((picture,), picture.log_ns)], ITEMS[ITEMS.index(picture) + 1 :]
            self.answers = itertools.chain(shown, self.laps(first, begin_ns, end_ns))
        while player.hungry and (answer := next(self.answers, None)) is not None:
            player.put(answer)

    def laps(self, first: list[Item], begin_ns: int, end_ns: int) -> Iterator[Item | LapEnd]:
        for lap in itertools.count():
            items = first if lap == 0 else [item for item in ITEMS if item.log_ns >= begin_ns]
            yield from (item for item in items if item.log_ns < end_ns)
            yield LapEnd(end_ns if end_ns < END_NS else ITEMS[-1].log_ns + BODY_MS * MS)


def played(player: Player, reader: Reader, begin_ns: int, end_ns: int, step_ns: int = MS) -> list[tuple[int, Due]]:
    """What goes out in a time, and when."""
    out: list[tuple[int, Due]] = []
    for now_ns in range(begin_ns, end_ns, step_ns):
        reader.feed()
        out += [(now_ns, due) for due in player.due(now_ns)]
        reader.feed()
    return out


def started(**wishes: Any) -> tuple[Player, Reader]:
    player = Player(BEGIN_NS, END_NS)
    player.obey(SetPlayback("", "", playing=True, **wishes), NOW_NS)
    reader = Reader(player)
    return player, reader


@pytest.mark.parametrize("speed", [0.25, 1.0, 3.0])
def test_everything_goes_out_once_and_as_far_apart_as_it_was_published(speed: float) -> None:
    player, reader = started(speed=speed)
    out = played(player, reader, NOW_NS, NOW_NS + round(1.5e9 / speed))
    records = [due.item.record for _, due in out if not due.held]
    assert records == [item.record for item in ITEMS]
    first_ns = out[0][0]
    for at_ns, due in out[: len(ITEMS)]:
        since_ns = (due.item.due_ns - ITEMS[0].due_ns) / speed
        assert 0 <= at_ns - first_ns - since_ns < 2 * MS
        assert due.capture_ns <= at_ns
    assert player.ended and not player.playing


def test_next_says_when() -> None:
    player, reader = started()
    reader.feed()
    assert player.next_ns() == 0
    list(player.due(NOW_NS))
    assert player.next_ns() == NOW_NS + ITEMS[1].due_ns - ITEMS[0].due_ns


def test_paused_it_shows_the_last_picture_at_its_rate() -> None:
    player, reader = started()
    out = played(player, reader, NOW_NS, NOW_NS + 500 * MS)
    last = out[-1][1].item
    player.obey(SetPlayback("", "", playing=False), NOW_NS + 500 * MS)
    held = played(player, reader, NOW_NS + 500 * MS, NOW_NS + 1_500 * MS)
    assert {due.item for _, due in held} == {last}
    assert 29 <= len(held) <= 31
    captures = [due.capture_ns for _, due in [*out, *held]]
    assert all(after > before for before, after in itertools.pairwise(captures))
    assert player.position_ns(NOW_NS + 900 * MS) == last.log_ns
    player.obey(SetPlayback("", "", playing=True), NOW_NS + 1_500 * MS)
    more = played(player, reader, NOW_NS + 1_500 * MS, NOW_NS + 2_500 * MS)
    assert [due.item for _, due in more if not due.held] == ITEMS[ITEMS.index(last) + 1 :]
    assert more[0][0] - NOW_NS - 1_500 * MS <= BODY_MS * MS


def test_a_jump_plays_at_once_from_there() -> None:
    player, reader = started()
    played(player, reader, NOW_NS, NOW_NS + 100 * MS)
    player.obey(SetPlayback("", "", position_s=0.66), NOW_NS + 100 * MS)
    assert player.runs == 1
    reader.feed()
    late_ns = NOW_NS + 250 * MS  # the reading took its time
    out = played(player, reader, late_ns, late_ns + 50 * MS)
    assert out[0][0] == late_ns
    assert out[0][1].item == ITEMS[20]
    assert abs(player.position_ns(late_ns + 50 * MS) - (ITEMS[20].log_ns + 50 * MS)) < 3 * MS


def test_laps_follow_each_other_without_a_gap() -> None:
    player, reader = started(loop=True)
    out = played(player, reader, NOW_NS, NOW_NS + 3_000 * MS)
    assert player.runs >= 2
    numbers = [ITEMS.index(due.item) for _, due in out]
    assert numbers[:70] == [number % len(ITEMS) for number in range(70)]
    spacing = [after[0] - before[0] for before, after in itertools.pairwise(out)]
    assert max(spacing) <= (BODY_MS + 4) * MS
    captures = [due.capture_ns for _, due in out]
    assert all(abs(after - before - BODY_MS * MS) <= 3 * MS for before, after in itertools.pairwise(captures))


def test_laps_of_next_to_nothing_flood_nobody() -> None:
    at_s = (ITEMS[10].log_ns - BEGIN_NS) / 1e9
    player, reader = started(loop=True, begin_s=at_s, end_s=at_s + 1e-6, speed=16.0)
    sent = played(player, reader, NOW_NS, NOW_NS + 1_000 * MS)
    assert 0 < len(sent) <= 101


def test_in_and_out_points() -> None:
    player, reader = started(begin_s=0.2, end_s=0.5)
    out = played(player, reader, NOW_NS, NOW_NS + 1_000 * MS)
    logs_s = [(due.item.log_ns - BEGIN_NS) / 1e9 for _, due in out if not due.held]
    assert all(0.2 <= log_s < 0.5 for log_s in logs_s)
    assert len(logs_s) == 9
    assert player.ended
    player.obey(SetPlayback("", "", playing=True), NOW_NS + 1_000 * MS)  # from the end it begins anew
    again = played(player, reader, NOW_NS + 1_000 * MS, NOW_NS + 1_100 * MS)
    assert again[0][1].item == out[0][1].item


def test_points_that_move_while_it_plays_lose_nothing() -> None:
    player, reader = started()
    out = played(player, reader, NOW_NS, NOW_NS + 300 * MS)
    player.obey(SetPlayback("", "", end_s=0.8, begin_s=0.1), NOW_NS + 300 * MS)
    out += played(player, reader, NOW_NS + 300 * MS, NOW_NS + 2_000 * MS)
    logs = [due.item.log_ns for _, due in out if not due.held]
    assert logs == [item.log_ns for item in ITEMS if item.log_ns < BEGIN_NS + 800 * MS]


def test_a_step_sends_exactly_that_picture() -> None:
    player, reader = started()
    out = played(player, reader, NOW_NS, NOW_NS + 300 * MS)
    at = ITEMS.index(out[-1][1].item)
    now_ns = NOW_NS + 300 * MS
    for step in (1, 1, -1, 5, -3):
        at += step
        player.obey(SetPlayback("", "", step=step), now_ns)
        shown = played(player, reader, now_ns, now_ns + MS)
        assert [due.item for _, due in shown] == [ITEMS[at]]
        assert player.position_ns(now_ns) == ITEMS[at].log_ns
        now_ns += 100 * MS
    assert not player.playing
    player.obey(SetPlayback("", "", playing=True), now_ns)
    more = played(player, reader, now_ns, now_ns + 500 * MS)
    assert [due.item for _, due in more][:3] == ITEMS[at + 1 : at + 4]


def test_another_speed_goes_on_from_here() -> None:
    player, reader = started()
    out = played(player, reader, NOW_NS, NOW_NS + 300 * MS)
    player.obey(SetPlayback("", "", speed=2.0), NOW_NS + 300 * MS)
    out += played(player, reader, NOW_NS + 300 * MS, NOW_NS + 650 * MS)
    assert [due.item for _, due in out] == ITEMS[: len(out)]
    assert len(out) == len(ITEMS)


@pytest.mark.parametrize(
    "wish",
    [
        {"speed": 0.0},
        {"speed": -1.0},
        {"speed": 17.0},
        {"speed": float("nan")},
        {"begin_s": 0.5, "end_s": 0.4},
        {"position_s": float("nan")},
        {"begin_s": 99.0},
    ],
)
def test_what_cannot_be_changes_nothing(wish: dict[str, Any]) -> None:
    player, _ = started()
    before = (player.speed, player.in_ns, player.out_ns, player.runs, player.playing)
    with pytest.raises(ReplayError):
        player.obey(SetPlayback("", "", loop=True, **wish), NOW_NS)
    assert (player.speed, player.in_ns, player.out_ns, player.runs, player.playing) == before


WISHES = st.builds(
    SetPlayback,
    st.just(""),
    st.just(""),
    playing=st.none() | st.booleans(),
    position_s=st.none() | st.floats(-1, 2),
    step=st.integers(-3, 3),
    speed=st.none() | st.sampled_from([0.5, 1.0, 4.0]),
    loop=st.none() | st.booleans(),
    begin_s=st.none() | st.sampled_from([0.0, 0.3]),
    end_s=st.none() | st.sampled_from([0.0, 0.7]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(WISHES, max_size=8))
def test_whatever_is_asked_of_it_time_never_goes_far_back(wishes: list[SetPlayback]) -> None:
    player, reader = started()
    now_ns, latest_ns = NOW_NS, 0
    for wish in wishes:
        player.obey(wish, now_ns)
        for at_ns, due in played(player, reader, now_ns, now_ns + 200 * MS, 5 * MS):
            stage_ns = due.capture_ns
            assert stage_ns <= at_ns
            assert stage_ns > latest_ns - 5 * MS  # publication was uneven by so much
            latest_ns = stage_ns
            assert player.in_ns <= due.item.log_ns < player.out_ns or due.held
        now_ns += 200 * MS
        assert player.in_ns <= player.position_ns(now_ns) <= player.out_ns


def test_a_pace_leads_there_and_back() -> None:
    pace = Pace(1_000, 50_000, 4.0)
    assert pace.stage(pace.take(5_000)) == 5_000
    assert pace.take(1_000) == 50_000


def test_without_pictures_a_jump_while_it_stands_sends_what_was_before() -> None:
    player = Player(BEGIN_NS, END_NS, pictures=False)
    player.obey(SetPlayback("", "", position_s=0.5), NOW_NS)
    assert isinstance(player.question, Play)
    for item in ITEMS:
        player.put(item)
    sent = [due.item for due in player.due(NOW_NS)]
    assert sent == [item for item in ITEMS if item.due_ns <= BEGIN_NS + 500 * MS]
    assert player.next_ns() is None
    with pytest.raises(ReplayError, match="no steps"):
        player.obey(SetPlayback("", "", step=1), NOW_NS)


def test_the_position_is_about_capture() -> None:
    player, reader = started()
    played(player, reader, NOW_NS, NOW_NS + 200 * MS)
    assert abs(player.position_ns(NOW_NS + 200 * MS) - (BEGIN_NS + 200 * MS)) <= 3 * MS
    assert player.shift_ns(NOW_NS) == NOW_NS - (BEGIN_NS + BODY_LATE_MS * MS)
