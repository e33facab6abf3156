"""`stage live`."""

from __future__ import annotations

from stage.commands.options import (
    DEMO_CONFIG,
    OptionalConfigPath,
    OptionalFile,
    OptionalSeconds,
    Switch,
    check_seconds,
    check_writable,
    or_demo,
)


def live(
    config: OptionalConfigPath = DEMO_CONFIG,
    *,
    seconds: OptionalSeconds = None,
    json: OptionalFile = None,
    no_console: Switch = False,
    fast: Switch = False,
) -> int:
    """Run a stage: capture, solve and send until Ctrl-C, with the latency of every leg on screen.

    Args:
        config: The stage.toml.
        seconds: Stop after this long; otherwise when every file has ended, or on Ctrl-C.
        json: Write the counts and latencies there at the end.
        no_console: Leave the page in the browser out.
        fast: Play files as fast as they are solved, not at their own frame times.
    """
    check_seconds(seconds)
    if json is not None:
        check_writable(json, "--json")
    from stage.config import load

    stage_config = load(or_demo(config))
    from stage.supervisor import run_live

    return run_live(stage_config, seconds=seconds, json_path=json, console=not no_console, fast=fast) or 0
