"""`stage replay`: plays a take until Ctrl-C, its end, or the end of its time."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Literal

import msgspec

from protocols.playback import MAX_SPEED
from protocols.takefile import TakeReader
from protocols.timecode import NS_PER_S
from stage.config import Config, ReplaySection
from stage.errors import ReplayError
from stage.harmless import say
from stage.replay.landmark_source import LandmarkSource
from stage.replay.source import span_of
from stage.replay.stage_config import ReplayStage, replay_stage
from stage.supervision.display import open_display
from stage.supervision.plan import plan_stage
from stage.supervision.supervisor import Supervisor
from stage.supervisor import check_avatars, run_live, write_report
from stage.takes.moments import chosen_span
from stage.takes.recorded_timecode import RecordedTimecode, recorded_timecode
from stage.takes.tracks import opened_track, take_and_track

Resolve = Literal["landmarks", "frames"]


class Wishes(msgspec.Struct, frozen=True):
    """What the command line asks for."""

    track: str = ""
    resolve: Resolve | None = None
    speed: float = 1.0
    loop: bool = False
    begin: str = ""
    """In point: seconds, or timecode."""
    end: str = ""
    paused: bool = False
    record: bool = False
    send: bool = False
    """To other machines too, where the take's own stage did."""


def run_replay(
    path: Path,
    wishes: Wishes,
    other: Config | None = None,
    *,
    seconds: float | None = None,
    json_path: Path | None = None,
    console: bool = True,
) -> int:
    """Play a take; to be called in the main thread.

    Args:
        path: The take, or one of its tracks.
        wishes: How.
        other: A resolved config, whose outputs and surfaces are used instead of the take's own.
        seconds: Stop after this long.
        json_path: Write the final report there.
        console: Serve the page in the browser, if the config has one.

    Returns:
        Exit status.

    Raises:
        TakeError: The take cannot be read.
        ReplayError: It cannot be played as asked.
        SupervisionError: No run dir can be made, or the report cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix="stage-replay-") as folder:
        if wishes.resolve == "frames":
            from stage.replay.frames import frames_stage

            stage = frames_stage(path, Path(folder), wishes, other)
        else:
            stage = prepared(path, Path(folder), wishes, other)
        for note in stage.notes:
            say(f"stage: warning: {note}")
        if wishes.resolve == "frames":
            return run_live(stage.config, seconds=seconds, json_path=json_path, console=console)
        check_avatars(stage.config)
        plans = plan_stage(stage.config, console=console)
        supervisor = Supervisor(stage.config, plans, open_display(stage.config.latency))
        status = asyncio.run(supervisor.run(seconds))
        if json_path is not None:
            write_report(json_path, supervisor.board.report())
    return status


def prepared(path: Path, folder: Path, wishes: Wishes, other: Config | None) -> ReplayStage:
    """The stage that plays a take's performances, or solves its landmarks again.

    Raises:
        TakeError: The take cannot be read, or has no landmarks to be solved again.
        ReplayError: It cannot be played as asked.
    """
    path, track = take_and_track(path.absolute())
    track = wishes.track or track
    if wishes.resolve is not None and track:
        raise ReplayError(f"--track {track}: a track has performances alone; leave out --resolve or --track")
    if not 0.0 < wishes.speed <= MAX_SPEED:
        raise ReplayError(f"--speed {wishes.speed:g} cannot be played; it is above 0, up to {MAX_SPEED:g}")
    take = TakeReader(path)
    played = opened_track(path, track)
    timecode = recorded_timecode(take)
    begin_s, end_s = _points(wishes, take, played, timecode)
    section = ReplaySection(
        take=str(path),
        track=track,
        source="landmarks" if wishes.resolve == "landmarks" else "performances",
        speed=wishes.speed,
        loop=wishes.loop,
        begin_s=begin_s,
        end_s=end_s,
        paused=wishes.paused,
    )
    if not any(topic.startswith(("performance.", "face.", "landmarks.")) for topic in played.counts):
        raise ReplayError(f"{played.path}: nobody performs in it; there is nothing to play")
    if section.source == "landmarks":
        LandmarkSource(take)  # refused now, not when the solver has been loaded
    stage = replay_stage(take, folder, section, timecode, other, record=wishes.record, send=wishes.send)
    if played.finished:
        return stage
    unfinished = f"{played.path} has no end: played is what of it is whole; stage takes recover mends it"
    return stage._replace(notes=(*stage.notes, unfinished))


def _points(wishes: Wishes, take: TakeReader, played: TakeReader, timecode: RecordedTimecode) -> tuple[float, float]:
    """In and out point as the player counts, from the begin of what is played; a track may begin after its take.

    Before the first performance lies what a solver needs to begin with: nobody wants to wait for that, in no lap.
    """
    in_ns, out_ns = chosen_span(wishes.begin, wishes.end, span_of(take), timecode)
    begin_ns, end_ns = span_of(played)
    first = next(played.records("performance.", "face."), None)
    in_ns = max(in_ns, begin_ns if first is None or wishes.begin else first.log_ns)
    out_ns = min(out_ns, end_ns)
    if in_ns >= out_ns:
        raise ReplayError("--from and --to: there is nothing between them")
    return (in_ns - begin_ns) / NS_PER_S, (out_ns - begin_ns) / NS_PER_S if wishes.end else 0.0
