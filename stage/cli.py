"""The command line: `stage live`, `solve`, `takes`, `doctor` and the others of `stage.commands`.

Each command is a function in a module of its name: its parameters are the options, its docstring is the help. What
a command needs is imported when it runs, so that `stage --help` answers at once. An error that a user can mend
is printed as one line, `stage: error: ...`, with exit status 2; `--debug`, anywhere on the line, shows
its traceback. Any other exception is a defect of Stage and ends with status 1.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence

import tyro

from protocols.errors import ProtocolError
from stage.commands import takes
from stage.commands.doctor import doctor
from stage.commands.enroll import enroll
from stage.commands.export import export
from stage.commands.import_ import import_
from stage.commands.live import live
from stage.commands.ltc import ltc
from stage.commands.models import models
from stage.commands.overlay import overlay
from stage.commands.probe import probe
from stage.commands.replay import replay
from stage.commands.solve import solve
from stage.errors import StageError
from stage.harmless import say

DESCRIPTION = (
    "Live motion capture: from calibrated cameras to full-body performances in the engine. "
    "Any command takes --debug, which shows where an error came from."
)

app = tyro.extras.SubcommandApp()
app.command(name="live")(live)
app.command(name="replay")(replay)
app.command(name="solve")(solve)
app.command(name="takes")(takes.takes)
app.command(name="export")(export)
app.command(name="import")(import_)
app.command(name="enroll")(enroll)
app.command(name="overlay")(overlay)
app.command(name="probe")(probe)
app.command(name="ltc")(ltc)
app.command(name="models")(models)
app.command(name="doctor")(doctor)


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
        if arguments[:1] == ["takes"]:
            return takes.run(arguments[1:])
        return app.cli(prog="stage", description=DESCRIPTION, args=arguments or ["--help"])
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
    say(f"stage: error: {' '.join(message.split())}", sys.stderr)
    return status


if __name__ == "__main__":
    main()
