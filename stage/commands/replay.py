"""`stage replay`."""

from __future__ import annotations

from typing import Annotated, Literal

import tyro

from stage.commands.options import (
    OptionalFile,
    OptionalSeconds,
    OptionalText,
    Switch,
    TakePath,
    check_seconds,
    check_writable,
)

_Position = Annotated[str, tyro.conf.arg(metavar="S|HH:MM:SS:FF", help_behavior_hint="")]
_From = Annotated[str, tyro.conf.arg(name="from", metavar="S|HH:MM:SS:FF", help_behavior_hint="")]


def replay(
    take: TakePath,
    *,
    config: OptionalFile = None,
    track: OptionalText = "",
    resolve: Annotated[Literal["landmarks", "frames"] | None, tyro.conf.arg(help_behavior_hint="")] = None,
    speed: float = 1.0,
    loop: Switch = False,
    begin: _From = "",
    to: _Position = "",
    paused: Switch = False,
    record: Switch = False,
    seconds: OptionalSeconds = None,
    json: OptionalFile = None,
    no_console: Switch = False,
) -> int:
    """Play a take as if it were live: to the same outputs, at the same rates, with its own timecode.

    Args:
        take: The take file, or the name of a take in the folder of the stage (here, or of --config).
        config: A stage.toml: send to its outputs, with its page and controls, instead of those of the take's own stage.
        track: Play this solve of the take (see stage solve) instead of the one that was recorded live.
        resolve: Solve again while playing: from the recorded landmarks, or from the recorded frames.
        speed: Above 0, up to 16.
        loop: Begin anew when it is over.
        begin: In point: seconds since the beginning of the take, or timecode.
        to: Out point.
        paused: Show the first picture, and wait for play.
        record: Be ready to record the replay; where takes go.
        seconds: Stop after this long; otherwise when the take has ended and nobody has moved it, or on Ctrl-C.
        json: Write the counts and latencies there at the end.
        no_console: Leave the page in the browser out.
    """
    check_seconds(seconds)
    if json is not None:
        check_writable(json, "--json")
    from stage.config import load
    from stage.replay.find import find_take
    from stage.replay.run import Wishes, run_replay

    other = None if config is None else load(config)
    wishes = Wishes(track, resolve, speed, loop, begin, to, paused, record)
    path = find_take(take, other)
    return run_replay(path, wishes, other, seconds=seconds, json_path=json, console=not no_console) or 0
