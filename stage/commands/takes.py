"""`stage takes ...`: a group of commands, dispatched by `stage.cli`."""

from __future__ import annotations

import tyro

app = tyro.extras.SubcommandApp()


def takes() -> int:
    """List, show, check, mend, cut and annotate takes: `stage takes --help` shows how."""
    return run([])


def run(arguments: list[str]) -> int:
    """Run a command of the group and return its status."""
    return app.cli(
        prog="stage takes",
        description="What became of the takes of a stage, and what can be done with them.",
        args=arguments or ["--help"],
    )
