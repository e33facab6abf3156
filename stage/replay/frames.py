"""A take's frames through the whole stage again: an ordinary live stage, with the take as its cameras."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from protocols.takefile import TakeReader
from stage.config import Config, ReplaySection
from stage.errors import ReplayError
from stage.replay.stage_config import ReplayStage, replay_stage
from stage.takes.recorded_timecode import recorded_timecode
from stage.takes.tracks import take_and_track

if TYPE_CHECKING:
    from stage.replay.run import Wishes

VIDEO = "video."


def frames_stage(path: Path, folder: Path, wishes: Wishes, other: Config | None) -> ReplayStage:
    """The stage that solves a take's frames again.

    Raises:
        TakeError: The take cannot be read, or holds no config.
        ReplayError: It has no video, or is to be played as frames cannot be.
    """
    path, track = take_and_track(path.absolute())
    if wishes.track or track:
        raise ReplayError("a track has no frames; leave out --resolve or --track")
    refused = {"--speed": wishes.speed != 1.0, "--from": wishes.begin, "--to": wishes.end, "--paused": wishes.paused}
    if any(refused.values()):
        options = ", ".join(option for option, given in refused.items() if given)
        raise ReplayError(f"{options}: frames are solved again as they were filmed, from the first to the last")
    take = TakeReader(path)
    filmed = {topic.removeprefix(VIDEO) for topic in take.counts if topic.startswith(VIDEO)}
    timecode = recorded_timecode(take)
    played = ReplaySection()
    stage = replay_stage(take, folder, played, timecode, other, record=wishes.record, send=wishes.send)
    config = stage.config
    cameras = tuple(
        replace(camera, source=f"take:{path}#{camera.id}", loop=wishes.loop)
        for camera in config.cameras
        if camera.id in filmed
    )
    if len(cameras) == 0:
        raise ReplayError(f"{path}: no video of its cameras is in it; --resolve landmarks may do, or play it as it is")
    missing = [camera.id for camera in config.cameras if camera.id not in filmed]
    notes = [f"camera {', '.join(missing)}: no video in the take, left out"] if missing else []
    # Played files have the label of a stage's start on their first frame.
    label = timecode.text(take.span_ns[0]) or "00:00:00:00"
    section = replace(config.timecode, source="start", offset=label)
    return ReplayStage(replace(config, cameras=cameras, timecode=section), (*stage.notes, *notes))
