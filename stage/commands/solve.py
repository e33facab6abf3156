"""`stage solve`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import tyro

from stage.commands.options import From, OptionalFile, Switch, To, check_writable
from stage.errors import StageError

_What = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="CONFIG|TAKE")]
_Out = Annotated[str, tyro.conf.arg(metavar="FILE.npz|TRACK", help_behavior_hint="")]
_Smooth = Annotated[float, tyro.conf.arg(metavar="STRENGTH", help_behavior_hint="")]
_Settings = Annotated[
    tuple[str, ...],
    tyro.conf.UseAppendAction,
    tyro.conf.arg(name="set", metavar="SECTION.KEY=VALUE", help_behavior_hint=""),
]
_Source = Annotated[
    Literal["landmarks", "frames", "performances"] | None,
    tyro.conf.arg(metavar="landmarks|frames|performances", help_behavior_hint=""),
]
_Device = Annotated[Literal["cpu", "cuda"] | None, tyro.conf.arg(metavar="cpu|cuda", help_behavior_hint="")]


def solve(
    what: _What,
    *,
    out: _Out = "",
    smooth: _Smooth = 0.0,
    source: _Source = None,
    set_: _Settings = (),
    config: OptionalFile = None,
    device: _Device = None,
    as_live: Switch = False,
    check: Switch = False,
    begin: From = "",
    to: To = "",
) -> int:
    """Solve recordings of a stage as fast as possible into a result file; or a take again, into a new track of it.

    Args:
        what: The stage.toml; or a take: a file, or its name in the folder where takes go.
        out: Of a stage the result file, with its arrays (docs/solve_file.md). Of a take the name of the new track.
        smooth: Take: solve forwards and backwards and smooth, without lag; 1 is tuned for people, 2 is twice as calm.
        source: Take: what is solved again, landmarks (the usual) or frames; performances are smoothed alone.
        set_: Take: a setting that should be different, such as body.smoothing=0.5; may be given again.
        config: Take: a stage.toml whose settings, calibrations and profiles count instead; cameras are matched by id.
        device: Take: where landmarks are read from frames.
        as_live: Take: follow the steps of the live solver; gives the performances that were live, byte for byte.
        check: Take: solve it as it was live and compare, byte for byte; writes nothing; status 2 if anything differs.
        begin: Take: first moment: seconds since the take's begin, or a timecode of it.
        to: Take: last moment, likewise.
    """
    if not 0.0 <= smooth <= 100.0:
        raise StageError(f"--smooth {smooth:g} is no strength; 1 is tuned for people, 0 is none")
    if check:
        if out or smooth or source or set_ or config or device or as_live or begin or to:
            raise StageError("--check compares a whole take with itself; leave out the other options")
        from stage.resolve.check import run_check
        from stage.takes.find import find_take

        return run_check(find_take(what))
    if not out:
        raise StageError(f"where to? --out FILE.npz for a stage, --out TRACK for a take ({what} is what is solved)")
    if what.suffix == ".toml" or (what.is_file() and what.suffix != ".mcap"):
        if smooth or source or set_ or config or device or as_live or begin or to:
            raise StageError("of a stage's recordings only --out can be chosen; the other options are for takes")
        result = Path(out)
        check_writable(result, "--out")
        from stage.config import load

        stage_config = load(what)
        from stage.offline import solve as solve_offline

        solve_offline(stage_config, result)
        return 0
    from stage.resolve.run import run_resolve
    from stage.takes.find import find_take

    if out.endswith(".npz"):
        raise StageError(f"a take is solved into a track of it: --out NAME, then stage export --track NAME for {out}")
    return run_resolve(
        find_take(what),
        out,
        begin=begin,
        end=to,
        source=source or "",
        smooth=smooth,
        assignments=set_,
        config=config,
        device=device or "",
        as_live=as_live,
    )
