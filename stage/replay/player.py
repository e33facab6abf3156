"""The player: what of a take is due when. Pure: it is told the time, asks questions and is given answers.

    playing   records go out as far apart as they were published, divided by the speed
    paused    the last picture goes out again and again, each topic at its own rate: like an actor who stands still
    asking    what is played or shown from a new place on has not been read yet

While it plays, one straight line (`Pace`) leads from the time of the take to stage time. A pause, a jump, another speed
and every lap begin a new line. A place that was jumped to plays at once, whatever the reading took.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator

from protocols.playback import MAX_SPEED, SetPlayback
from stage.errors import ReplayError
from stage.replay.ahead import Answer, LapEnd, Play, Question, Show
from stage.replay.held import FOLLOWED_NS, STALE_NS, Due, Held
from stage.replay.item import Item, Pace
from stage.replay.source import BODY, FACE, STEP, Start, Still

_SLACK_NS = 250_000_000
"""What is published so long after the place that was jumped to goes out at once; before longer gaps it waits."""
_SHORTEST_LAP_NS = 10_000_000
_ENOUGH = 64


class Player:
    """Plays one take. Times are nanoseconds: of the take where they are called `log` or `take`, else stage time."""

    def __init__(self, begin_ns: int, end_ns: int, *, pictures: bool = True) -> None:
        """Stands at the beginning, with nothing read.

        Args:
            begin_ns: Of the take.
            end_ns: Of the take; behind its last record.
            pictures: Whether single pictures can be shown; without, a pause is silent and there are no steps.
        """
        self.begin_ns, self.end_ns = begin_ns, end_ns
        self.in_ns, self.out_ns = begin_ns, end_ns
        self.speed, self.loop = 1.0, False
        self._pictures = pictures
        self.playing = False
        self.ended = False
        """It stands at the end because it came there."""
        self.runs = 0
        """How often the position was set back."""
        self.question: Question | None = None
        """To be asked of the reader; whoever asks it takes it out. Answers to earlier ones are not to be given then."""
        self._answers: deque[Answer] = deque()
        self._idle = True
        """Nothing has been asked of it yet."""
        self._pace: Pace | None = None
        """None: what is to be played from `_log_ns` on has not come yet, or the player stands still."""
        self._log_ns = begin_ns
        """Position while there is no pace."""
        self._rest_take_ns: int | None = None
        """Where in the take's time to go on after a pause; None: with the first that is read."""
        self._lag_ns = 0
        """From capture to publication, of the last picture."""
        self._followed = FACE
        self._followed_log_ns = begin_ns
        self._held = Held()

    @property
    def pace(self) -> Pace | None:
        """By which it plays now; None while it stands, or waits for what is to be played."""
        return self._pace

    @property
    def hungry(self) -> bool:
        """Whether more answers are of use now."""
        return len(self._answers) < _ENOUGH

    def put(self, answer: Answer) -> None:
        """Takes the next answer to the last question."""
        self._answers.append(answer)

    def position_ns(self, now_ns: int) -> int:
        """The moment of the take that is shown."""
        if self._pace is None:
            return self._log_ns
        return min(max(self._pace.take(now_ns) - self._lag_ns, self.in_ns), self.out_ns)

    def shift_ns(self, now_ns: int) -> int:
        """Stage time now less stage time then, of what goes out now."""
        if self._pace is not None:
            return now_ns - self._pace.take(now_ns)
        return now_ns - (self._rest_take_ns if self._rest_take_ns is not None else self._log_ns + self._lag_ns)

    def next_ns(self) -> int | None:
        """When something is due next; None: not before another answer comes."""
        times_ns = self._held.next_ns() if not self.playing else []
        if self._answers:
            answer = self._answers[0]
            if isinstance(answer, Still) or self._is_owed(answer) or (self.playing and self._pace is None):
                return 0
            if self._pace is not None:
                times_ns.append(self._pace.stage(self._end_of(answer) if isinstance(answer, LapEnd) else _due(answer)))
        return min(times_ns, default=None)

    def due(self, now_ns: int) -> Iterator[Due]:
        """What goes out now, in order."""
        stood = not self.playing
        while self._answers:
            answer = self._answers[0]
            if isinstance(answer, Still):
                self._answers.popleft()
                self._show(answer, now_ns)
            elif self.playing:
                if self._pace is None:
                    self._begin(answer, now_ns)
                assert self._pace is not None
                if isinstance(answer, LapEnd):
                    if self._pace.stage(self._end_of(answer)) > now_ns:
                        break
                    self._answers.popleft()
                    self._finish_lap(answer, now_ns)
                elif self._pace.stage(answer.due_ns) > now_ns:
                    break
                else:
                    self._answers.popleft()
                    self._follow(answer, self._pace)
                    yield Due(answer, self._told_ns(answer, self._pace), self.speed)
            elif isinstance(answer, Item) and self._is_owed(answer):
                self._answers.popleft()
                yield Due(answer, now_ns, self.speed)
            else:
                break
        if stood:
            yield from self._held.due(now_ns)

    def obey(self, wish: SetPlayback, now_ns: int) -> str:
        """Carries out a command, or nothing of it.

        Returns:
            What is so now, in words.

        Raises:
            ReplayError: It cannot be as asked.
        """
        in_ns = self.in_ns if wish.begin_s is None else self._moment(wish.begin_s, "in point")
        out_ns = self.out_ns if wish.end_s is None else self._moment(wish.end_s or math.inf, "out point")
        if in_ns >= out_ns:
            raise ReplayError("the in point has to be before the out point; nothing was changed")
        speed = self.speed if wish.speed is None else wish.speed
        if not 0.0 < speed <= MAX_SPEED:
            raise ReplayError(f"a speed of {speed:g} cannot be played; it is above 0, up to {MAX_SPEED:g}")
        wanted_ns = None if wish.position_s is None else self._moment(wish.position_s, "position")
        self.loop = self.loop if wish.loop is None else wish.loop
        cut = (in_ns, out_ns) != (self.in_ns, self.out_ns)
        position_ns = self.position_ns(now_ns)
        playing = self.playing if wish.playing is None else wish.playing
        if wish.step != 0:
            playing = False
            if not self._pictures:
                raise ReplayError("there are no steps where landmarks are solved again; jump to a position instead")
        self._stand(now_ns)
        self.speed, self.in_ns, self.out_ns = speed, in_ns, out_ns
        again = playing and (self.ended or not in_ns <= position_ns < out_ns)
        if wanted_ns is None and (self._idle or again):
            wanted_ns = in_ns  # from the end it begins anew
        outside = not in_ns <= position_ns < out_ns
        if wanted_ns is not None or wish.step != 0 or outside:
            base_ns = position_ns if wanted_ns is None else wanted_ns
            self._jump(min(max(base_ns, in_ns), out_ns - 1), wish.step, playing)
        elif cut:
            self._read_on()
        if playing and not self.playing:
            self._go_on(now_ns)
        return self.text(now_ns)

    def text(self, now_ns: int) -> str:
        """What it does, in words."""
        position_s = (self.position_ns(now_ns) - self.begin_ns) / 1e9
        doing = "playing" if self.playing else "ended" if self.ended else "paused"
        speed = f", speed {self.speed:g}" if self.speed != 1.0 else ""
        return f"{doing} at {position_s:.2f} s of {self.seconds:.2f} s{speed}{', loop' if self.loop else ''}"

    @property
    def seconds(self) -> float:
        """Length of the take."""
        return (self.end_ns - self.begin_ns) / 1e9

    def _is_owed(self, answer: Answer) -> bool:
        """Whether it goes out although the player stands: a solver needs all that was before to stand there too."""
        return not (self.playing or self._pictures) and isinstance(answer, Item) and _due(answer) <= self._log_ns

    def _moment(self, seconds: float, what: str) -> int:
        if math.isnan(seconds):
            raise ReplayError(f"{what}: not a number of seconds")
        return self.begin_ns + round(min(max(seconds, 0.0), self.seconds) * 1e9)

    def _stand(self, now_ns: int) -> None:
        """Stop where it is; the picture is held from here on."""
        if self._pace is not None:
            self._log_ns, self._rest_take_ns = self.position_ns(now_ns), self._pace.take(now_ns)
            if abs(self._followed_log_ns - self._log_ns) < FOLLOWED_NS:
                self._log_ns = self._followed_log_ns
            self._pace = None
        self.playing = False

    def _go_on(self, now_ns: int) -> None:
        self.playing, self.ended = True, False
        if self._rest_take_ns is not None:
            self._pace = Pace(now_ns, self._rest_take_ns, self.speed)

    def _jump(self, log_ns: int, step: int, playing: bool) -> None:
        self.runs += not self._idle
        self._idle = self.ended = False
        self._log_ns = self._followed_log_ns = log_ns
        self._rest_take_ns = None
        self._answers.clear()
        if playing or not self._pictures:
            self._held.clear()
            self.question = Play(Start(log_ns), self.in_ns, self.out_ns)
        else:
            self.question = Show(log_ns, step, self.in_ns, self.out_ns)

    def _read_on(self) -> None:
        """Read anew, for laps that begin and end elsewhere, from what comes next."""
        if self.question is not None:  # nothing has come of it yet
            self._jump(self._log_ns, 0, self.playing)
            return
        self._answers.clear()
        due_ns = self._held.due_ns
        self.question = Play(Start(self.in_ns if due_ns < 0 else 0, due_ns), self.in_ns, self.out_ns)

    def _begin(self, answer: Answer, now_ns: int) -> None:
        """The first that is to be played from a new place has come."""
        take_ns = self._log_ns
        if isinstance(answer, Item):
            if self._log_ns <= answer.due_ns <= self._log_ns + _SLACK_NS:
                take_ns = answer.due_ns
            if answer.log_ns >= self._log_ns:
                self._lag_ns = max(0, answer.due_ns - answer.log_ns)
        self._pace = Pace(now_ns, take_ns, self.speed)

    def _end_of(self, end: LapEnd) -> int:
        return end.log_ns + self._lag_ns

    def _finish_lap(self, end: LapEnd, now_ns: int) -> None:
        assert self._pace is not None
        over_ns = self._pace.stage(self._end_of(end))
        if not self.loop:
            self._stand(now_ns)
            self.ended = True
            if self._pictures and len(self._held) == 0:  # it was sent to the very end
                self._answers.clear()
                self.question = Show(self.out_ns - 1, 0, self.in_ns, self.out_ns)
            return
        self.runs += 1
        self._held.clear()
        self._log_ns = self._followed_log_ns = self.in_ns
        # The next lap begins when this one is over, unless reading it took much longer than that.
        begin_ns = over_ns if now_ns - over_ns < STALE_NS else now_ns
        # In and out point may be a hair apart: what listens is not flooded.
        begin_ns = max(begin_ns, self._pace.stage_ns + _SHORTEST_LAP_NS)
        self._pace = Pace(begin_ns, self.in_ns + self._lag_ns, self.speed)

    def _told_ns(self, item: Item, pace: Pace) -> int:
        """Stage time of what an item tells: its latency is what it was, also where its rate is another."""
        lag_ns = self._held.lag_ns(item)
        return pace.stage(item.log_ns + lag_ns) - lag_ns

    def _follow(self, item: Item, pace: Pace) -> None:
        """Remembers what was played, as the picture that stands when the player does."""
        self._held.note_lag(item)
        if item.topic.startswith((BODY, FACE)):
            self._held.keep(item, pace.stage(item.due_ns) + item.period_ns)
        elif not item.topic.startswith(STEP):
            return
        stale = item.log_ns - self._followed_log_ns > FOLLOWED_NS
        if not item.topic.startswith(FACE) or self._followed.startswith(FACE) or stale:
            self._followed, self._followed_log_ns = item.topic, item.log_ns
            self._lag_ns = max(0, item.due_ns - item.log_ns)

    def _show(self, still: Still, now_ns: int) -> None:
        self._held.show(still.items, now_ns)
        self._log_ns = self._followed_log_ns = still.log_ns
        self._rest_take_ns = max(item.due_ns for item in still.items)
        self._lag_ns = self._rest_take_ns - still.log_ns
        if self.playing:
            self._pace = Pace(now_ns, self._rest_take_ns, self.speed)


def _due(answer: Answer) -> int:
    assert isinstance(answer, Item)
    return answer.due_ns
