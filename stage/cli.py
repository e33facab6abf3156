"""The command line: `stage live`, `solve`, `enroll`, `overlay`, `probe`, `ltc`, `models` and `doctor`.

Each command is a function: its parameters are the options, its docstring is the help. What a command
needs is imported when it runs, so that `stage --help` answers at once. An error that a user can mend
is printed as one line, `stage: error: ...`, with exit status 2; `--debug`, anywhere on the line, shows
its traceback. Any other exception is a defect of Stage and ends with status 1.
"""

from __future__ import annotations

import math
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import tyro

from protocols.errors import ProtocolError
from stage.errors import StageError

DEMO_CONFIG = Path(__file__).resolve().parents[1] / "recordings" / "demo" / "stage.toml"

ConfigPath = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="CONFIG")]
OptionalConfigPath = Annotated[
    Path,
    tyro.conf.Positional,
    tyro.conf.arg(metavar="[CONFIG]", help_behavior_hint="(default: the demo recording)"),
]
OptionalFile = Annotated[Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="")]
OptionalSeconds = Annotated[float | None, tyro.conf.arg(metavar="N", help_behavior_hint="")]
Switch = Annotated[bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(help_behavior_hint="")]

app = tyro.extras.SubcommandApp()


@app.command
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
    _check_seconds(seconds)
    if json is not None:
        _check_writable(json, "--json")
    from stage.config import load

    stage_config = load(_or_demo(config))
    from stage.supervisor import run_live

    return run_live(stage_config, seconds=seconds, json_path=json, console=not no_console, fast=fast) or 0


@app.command
def solve(config: ConfigPath, *, out: Annotated[Path, tyro.conf.arg(metavar="FILE.npz")]) -> int:
    """Solve all framesets of a stage's files, as fast as possible, into one result file.

    Args:
        config: The stage.toml.
        out: The result: joints, rotations, root, coco, confidence and more as arrays.
    """
    _check_writable(out, "--out")
    from stage.config import load

    stage_config = load(config)
    from stage.offline import solve as solve_offline

    solve_offline(stage_config, out)
    return 0


@app.command
def enroll(
    name: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME")],
    config: ConfigPath,
    *,
    photos: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="FILE ...", help_behavior_hint="")] = (),
    seconds: OptionalSeconds = None,
) -> int:
    """Measure an actor's body shape, face identity and face at rest, and keep them in the actor's profile.

    Args:
        name: The actor; one that is not in the stage.toml yet gets the folder actors/NAME beside it.
        config: The stage.toml, whose cameras film the clip, or whose files are it.
        photos: Measure the face alone, from pictures of it from several sides.
        seconds: Length of the clip; otherwise 12, or all of a shorter recording.
    """
    _check_seconds(seconds)
    if len(photos) > 0 and seconds is not None:
        raise StageError("--photos and --seconds exclude each other: photos have no length")
    from stage.config import load

    stage_config = load(config)
    from stage.enroll import enroll as enroll_actor

    enroll_actor(stage_config, name, config.resolve().parent, photos=photos, seconds=seconds)
    return 0


@app.command
def overlay(
    config: ConfigPath,
    result: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FILE.npz")],
    *,
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")],
    style: Literal["mesh", "skeleton"] = "mesh",
    every: int = 1,
    as_video: Switch = False,
) -> int:
    """Draw the solved body, hands and face over the video they were solved from.

    Args:
        config: The stage.toml.
        result: What `stage solve` wrote.
        out: Folder for the pictures, DIR/CAMERA/FRAME.png; a name ending in .mp4 makes one video of all cameras.
        style: What is drawn.
        every: Draw only every n-th frame.
        as_video: One MP4 per camera in the folder instead of pictures.
    """
    if every < 1:
        raise StageError(f"--every {every} draws nothing; 1 draws every frame")
    from stage.config import load

    stage_config = load(config)
    from stage.overlay import overlay as draw_overlay

    draw_overlay(stage_config, result, out, style=style, every=every, as_video=as_video)
    return 0


@app.command
def probe(
    kind: Annotated[Literal["vmc", "livelink", "osc", "mqtt"], tyro.conf.Positional] = "vmc",
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    seconds: OptionalSeconds = None,
    json: OptionalFile = None,
    transport: Literal["udp", "tcp"] = "udp",
    framing: Literal["slip", "length"] = "slip",
    prefix: str = "",
    username: str = "",
    password: str = "",
    tls: Switch = False,
    ca_file: OptionalFile = None,
) -> int:
    """Listen as an engine would, and print rate, jitter, gaps and latency of what arrives.

    Args:
        kind: What should arrive.
        host: Address to listen on; 0.0.0.0 hears other computers too. MQTT: the broker.
        port: 0 is the usual one of the kind: VMC 39539, Live Link 11111, OSC 8000, MQTT 1883 (TLS: 8883).
        seconds: Stop after this long; otherwise on Ctrl-C.
        json: Write the summary there.
        transport: How OSC comes.
        framing: Over TCP, how packets are told apart: SLIP (OSC 1.1) or a length before each (OSC 1.0).
        prefix: MQTT: the stage's prefix; otherwise the first that is heard below "stage".
        username: MQTT: if the broker asks.
        password: MQTT: if the broker asks.
        tls: MQTT: speak TLS.
        ca_file: MQTT: whom to trust; otherwise the system's authorities.
    """
    _check_seconds(seconds)
    if not 0 <= port <= 65535:
        raise StageError(f"--port {port} is no port; ports are 1 to 65535")
    if json is not None:
        _check_writable(json, "--json")
    if kind == "mqtt":
        from stage.probing.mqtt_probe import run_mqtt_probe

        return run_mqtt_probe(
            host=host,
            port=port,
            prefix=prefix,
            username=username,
            password=password,
            tls=tls,
            ca_file=ca_file,
            seconds=seconds,
            json_path=json,
        )
    from stage.probe import run_probe

    return run_probe(kind, host=host, port=port, seconds=seconds, json_path=json, transport=transport, framing=framing)


@app.command
def ltc(*, rate: str, host: str = "127.0.0.1", port: int = 8200, samples: int = 48000) -> int:
    """Read linear timecode from audio on standard input (raw, 16 bit, one channel) and tell it to a stage.

    Args:
        rate: Frames per second of the signal, such as 25 or 29.97df.
        host: Where the stage runs.
        port: Where it hears timecode, `port` of [timecode] in its stage.toml.
        samples: Samples per second.
    """
    from stage.ltc import run_ltc

    return run_ltc(host, port, rate, samples)


@app.command
def models(*, from_wheel: OptionalFile = None) -> int:
    """Fetch and verify the landmark networks, and build the body model's cache; once, then it only checks.

    Args:
        from_wheel: Take the networks from this wheel instead of downloading it, for machines without a network.
    """
    from stage.bodies.anny_model import build_cache
    from stage.networks.store import run_models

    status = run_models(from_wheel)
    print(f"body model: {build_cache()}")
    return status


@app.command
def doctor(config: OptionalConfigPath = DEMO_CONFIG) -> int:
    """Check this machine, and the ports and files of a stage; say what to do about each finding.

    Args:
        config: The stage.toml.
    """
    from stage.doctor import run_doctor

    return run_doctor(config if config != DEMO_CONFIG or config.exists() else None)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its status.

    Args:
        arguments: Without the program's name; by default those of this process.
    """
    sys.exit(run(list(sys.argv[1:] if arguments is None else arguments)))


def run(arguments: list[str]) -> int:
    """Run the command line and return its status."""
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    try:
        return app.cli(
            prog="stage",
            description="Live motion capture: from calibrated cameras to full-body performances in the engine. "
            "Any command takes --debug, which shows where an error came from.",
            args=arguments or ["--help"],
        )
    except (StageError, ProtocolError) as error:
        return _complain(str(error), 2, debug)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output has gone, which is its right; flushing at exit must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        return _complain(what if debug else f"{what} (a defect of Stage; --debug shows where)", 1, debug)


def _complain(message: str, status: int, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    print(f"stage: error: {' '.join(message.split())}", file=sys.stderr)
    return status


def _or_demo(config: Path) -> Path:
    if config == DEMO_CONFIG and not config.exists():
        raise StageError("the demo recording is not part of this installation; name a stage.toml")
    return config


def _check_seconds(seconds: float | None) -> None:
    if seconds is not None and not 0 < seconds < math.inf:
        raise StageError(f"--seconds {seconds} is no length of time; leave it out to run until Ctrl-C")


def _check_writable(path: Path, option: str) -> None:
    """A result that cannot be written is refused before the work, not after it."""
    folder = path.absolute().parent
    if path.is_dir():
        raise StageError(f"{option}: {path} is a folder; name a file")
    if not folder.is_dir() or not os.access(path if path.exists() else folder, os.W_OK):
        raise StageError(f"{option}: {path} cannot be written; is {folder} there, and yours?")


if __name__ == "__main__":
    main()
