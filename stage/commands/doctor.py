"""`stage doctor`."""

from __future__ import annotations

from stage.commands.options import DEMO_CONFIG, OptionalConfigPath


def doctor(config: OptionalConfigPath = DEMO_CONFIG) -> int:
    """Check this machine, and the ports and files of a stage; say what to do about each finding.

    Args:
        config: The stage.toml.
    """
    from stage.doctor import run_doctor

    return run_doctor(config if config != DEMO_CONFIG or config.exists() else None)
