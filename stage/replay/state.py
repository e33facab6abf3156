"""What a player does, for everybody who shows it."""

from __future__ import annotations

from protocols.playback import PlayerState
from protocols.takefile import TakeReader
from stage.config import ReplaySection
from stage.replay.player import Player
from stage.takes.recorded_timecode import RecordedTimecode

_PLAYING_NS = 100_000_000
_STANDING_NS = 1_000_000_000


class PlayerTeller:
    """Makes the states, and knows when one is due."""

    def __init__(self, take: TakeReader, section: ReplaySection, timecode: RecordedTimecode) -> None:
        """Has told nothing.

        Args:
            take: What is played.
            section: How.
            timecode: Of the take.
        """
        self.name = take.path.stem + (f", track {section.track}" if section.track else "")
        self._take, self._section, self._timecode = take, section, timecode
        self._told: tuple[object, ...] = ()
        self._due_ns = 0

    def due(self, player: Player, now_ns: int) -> bool:
        """Whether a state is to be published now: something is another, or the last one is old."""
        pace = player.pace
        now = (player.playing, player.runs, player.speed, player.loop, player.in_ns, player.out_ns, pace)
        if pace is None:
            now = (*now, player.position_ns(now_ns))
        if now == self._told and now_ns < self._due_ns:
            return False
        self._told = now
        self._due_ns = now_ns + (_PLAYING_NS if player.playing else _STANDING_NS)
        return True

    def state(self, player: Player, now_ns: int, fault: str = "") -> PlayerState:
        """What the player does at a stage time."""
        position_ns = player.position_ns(now_ns)

        def seconds(time_ns: int) -> float:
            return (time_ns - player.begin_ns) / 1e9

        return PlayerState(
            at_ns=now_ns,
            take=self._take.path.stem,
            track=self._section.track,
            source=self._section.source,
            playing=player.playing,
            position_s=seconds(position_ns),
            seconds=player.seconds,
            begin_s=seconds(player.in_ns),
            end_s=seconds(player.out_ns),
            speed=player.speed,
            loop=player.loop,
            timecode=self._timecode.text(position_ns),
            shift_ns=player.shift_ns(now_ns),
            runs=player.runs,
            fault=fault,
        )

    def facts(self, player: Player, now_ns: int) -> dict[str, str]:
        """For the operator's eye."""
        position_ns = player.position_ns(now_ns)
        return {"take": self.name, "position": player.text(now_ns), "timecode": self._timecode.text(position_ns)}

    def reply_facts(self, state: PlayerState) -> dict[str, str]:
        """For the program that has moved the player."""
        return {"position_s": f"{state.position_s:.3f}", "timecode": state.timecode, "take": state.take}
