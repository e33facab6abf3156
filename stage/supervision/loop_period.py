"""How long one lap of all looping recordings is: as long as the longest of them.

Looking into videos needs their decoders, which the supervisor shall not carry along all evening;
so it asks a short-lived process: `python -m stage.supervision.loop_period RUN_DIR` prints nanoseconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path

import msgspec

from stage.config import Config
from stage.errors import StageError
from stage.supervision.process import worker_environment
from stage.supervision.run_dir import CONFIG_FILE

_LIMIT_S = 60.0


async def ask_loop_period_ns(config: Config, run_dir: Path) -> int:
    """Return the common loop period; 0 when nothing loops or no looping recording can be opened.

    A recording that cannot be opened is left to its capture worker to complain about.
    """
    if not any(camera.loop for camera in config.cameras):
        return 0
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", __name__, str(run_dir)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=worker_environment({}),
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), _LIMIT_S)
    except TimeoutError:
        return 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return int(output) if output.strip().isdigit() else 0


def loop_period_ns(config: Config) -> int:
    """Open every looping recording and return the longest duration, 0 when there is none."""
    from stage.cameras.sources import open_source

    durations_ns = [0]
    for camera in config.cameras:
        if camera.loop:
            with contextlib.suppress(StageError):
                source = open_source(camera, config.stage.rate)
                try:
                    durations_ns.append(source.open().duration_ns or 0)
                finally:
                    source.close()
    return max(durations_ns)


if __name__ == "__main__":
    print(loop_period_ns(msgspec.json.decode((Path(sys.argv[1]) / CONFIG_FILE).read_bytes(), type=Config)))
