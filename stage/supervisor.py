"""`stage live`: run a stage until Ctrl-C, the end of its recordings or of its time.

The parts lie in `stage.supervision`: the plan of processes, the keepers that keep each of them alive,
the supervisor that starts and ends them all, and the display. The numbers are put together in
`stage.latency`.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from stage.config import Config, VmcSection
from stage.errors import SupervisionError
from stage.supervision.display import open_display
from stage.supervision.plan import plan_stage
from stage.supervision.report import Report
from stage.supervision.supervisor import Supervisor


def run_live(
    config: Config,
    *,
    seconds: float | None = None,
    json_path: Path | None = None,
    console: bool = True,
    fast: bool = False,
) -> int:
    """Run a stage until it is over; to be called in the main thread.

    Args:
        config: The resolved config, with absolute paths.
        seconds: Stop this long after the sources have been started; None runs until Ctrl-C or the end.
        json_path: Write the final report there.
        console: Serve the page in the browser, if the config has one.
        fast: Recordings play as fast as they are solved.

    Returns:
        Exit status: 0, or 2 when the stage was impossible and the reason has been shown.

    Raises:
        AvatarError: An output's avatar cannot be used.
        SupervisionError: No run dir can be made, or the report cannot be written.
    """
    check_avatars(config)
    supervisor = Supervisor(config, plan_stage(config, console=console), open_display(config.latency), fast=fast)
    status = asyncio.run(supervisor.run(seconds))
    if json_path is not None:
        write_report(json_path, supervisor.board.report())
    return status


def check_avatars(config: Config) -> None:
    """Refuse a stage before it starts that would lose all its outputs to one broken file.

    Raises:
        AvatarError: An output's avatar cannot be used.
    """
    avatars = {output.avatar for output in config.outputs if isinstance(output, VmcSection) and output.avatar}
    if avatars:
        from stage.avatars import read_avatar

        for avatar in sorted(avatars):
            read_avatar(Path(avatar))


def write_report(path: Path, report: Report) -> None:
    """Write a report as readable JSON.

    Raises:
        SupervisionError: The file cannot be written.
    """
    try:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    except OSError as error:
        raise SupervisionError(f"{path}: the report cannot be written ({error.strerror})") from error
