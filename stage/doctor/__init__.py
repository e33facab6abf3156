"""`stage doctor`: what this machine and this stage.toml lack, and what to do about it.

Every check gives one line: what was looked at, what was found and, unless all is well, what to do.
"fail" means that `stage live` will not work, "warn" that it will work less well.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from stage.config import Config, load
from stage.doctor._finding import Finding as Finding
from stage.doctor._machine import check_machine
from stage.doctor._parts import check_parts
from stage.doctor._stage import check_stage
from stage.errors import ConfigError


def examine(config_path: Path | None) -> Iterator[Finding]:
    """All findings, each as soon as it is known.

    Args:
        config_path: The stage.toml; None examines a stage of default settings without cameras.
    """
    config: Config | None = None
    if config_path is not None:
        try:
            config = load(config_path)
        except ConfigError as error:
            yield Finding("fail", "config", str(error), "mend the file; the checks below use default settings")
        else:
            yield Finding(
                "ok", "config", f"{config_path}: {len(config.cameras)} cameras, {len(config.outputs)} outputs"
            )
    yield from check_machine(1 if config is None else len(config.cameras))
    yield from check_parts(config)
    yield from check_stage(Config() if config is None else config)


def run_doctor(config_path: Path | None) -> int:
    """Print all findings; the exit status is 1 when anything fails, else 0."""
    counts = {"ok": 0, "warn": 0, "fail": 0}
    for finding in examine(config_path):
        counts[finding.level] += 1
        print(finding.line(), flush=True)
    print(f"{counts['ok']} ok, {counts['warn']} warnings, {counts['fail']} failures")
    return 1 if counts["fail"] > 0 else 0
