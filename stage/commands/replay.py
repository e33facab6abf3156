"""`stage replay`."""

from __future__ import annotations

from typing import Annotated, Literal

import tyro

from stage.commands.options import (
    From,
    OptionalFile,
    OptionalSeconds,
    Switch,
    TakePath,
    To,
    Track,
    check_seconds,
    check_writable,
)

_Source = Annotated[
    Literal["landmarks", "frames"] | None, tyro.conf.arg(metavar="landmarks|frames", help_behavior_hint="")
]


def replay(
    take: TakePath,
    *,
    config: OptionalFile = None,
    track: Track = "",
    resolve: _Source = None,
    speed: Annotated[float, tyro.conf.arg(metavar="FACTOR")] = 1.0,
    loop: Switch = False,
    begin: From = "",
    to: To = "",
    paused: Switch = False,
    record: Switch = False,
    send: Switch = False,
    seconds: OptionalSeconds = None,
    json: OptionalFile = None,
    no_console: Switch = False,
) -> int:
    """Play a take as if it were live: to the same outputs, at the same rates, with its own timecode.

    Args:
        take: The take, or a track of it: a file, or its name in the folder where takes go.
        config: A stage.toml: send to its outputs, with its page and controls, instead of those of the take's own stage.
        track: Another solve of the take.
        resolve: Solve again while playing: from the recorded landmarks, or from the recorded frames.
        speed: Above 0, up to 16.
        loop: Begin anew when it is over.
        begin: In point: seconds since the take's begin, or a timecode of it.
        to: Out point, likewise.
        paused: Show the first picture, and wait for play.
        record: Be ready to record the replay; where takes go.
        send: Send to other machines too, where the take says; without it to this machine alone, or as --config says.
        seconds: Stop after this long; otherwise when the take has ended and nobody has moved it, or on Ctrl-C.
        json: Write the counts and latencies there at the end.
        no_console: Leave the page in the browser out.
    """
    check_seconds(seconds)
    if json is not None:
        check_writable(json, "--json")
    from stage.config import load
    from stage.replay.run import Wishes, run_replay
    from stage.takes.find import find_take

    other = None if config is None else load(config)
    wishes = Wishes(track, resolve, speed, loop, begin, to, paused, record, send)
    path = find_take(take, other)
    return run_replay(path, wishes, other, seconds=seconds, json_path=json, console=not no_console) or 0
