from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from protocols.errors import ProtocolError
from stage import cli
from stage.errors import StageError


def error_line(capsys: pytest.CaptureFixture[str]) -> str:
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    return lines[0]


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    for command in ("live", "solve", "enroll", "overlay", "probe", "models", "doctor"):
        assert f" {command} " in text


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from stage import cli\n"
        "try: cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'cv2', 'openvino', 'av', 'anny', 'viser', 'zmq', 'scipy'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_help_answers_within_half_a_second() -> None:
    def seconds() -> float:
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-m", "stage.cli", "--help"], capture_output=True, check=True)
        return time.perf_counter() - begin

    # The best of a few: the machine may be busy with something else.
    assert min(seconds() for _ in range(5)) < 0.5


@pytest.mark.parametrize("command", ["live", "doctor", "solve"])
def test_a_user_error_is_one_line_with_status_2(command: str, tmp_path: Path) -> None:
    missing = str(tmp_path / "gone.toml")
    arguments = [command, missing, *(["--out", str(tmp_path / "x.npz")] if command == "solve" else [])]
    done = subprocess.run([sys.executable, "-m", "stage.cli", *arguments], capture_output=True, text=True, check=False)
    if command == "doctor":
        assert done.returncode == 1
        assert "fail  config" in done.stdout
    else:
        assert done.returncode == 2
        assert (
            done.stderr
            == f"stage: error: {missing}: no such file; `stage live` without a file plays the demo recording\n"
        )
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("seconds", ["0", "-3", "nan", "inf"])
def test_a_stage_runs_for_a_positive_time(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("live", "probe"):
        assert cli.run([command, "--seconds", seconds]) == 2
        assert error_line(capsys).startswith("stage: error: --seconds")


def test_numbers_out_of_range_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["probe", "--port", "70000"]) == 2
    assert error_line(capsys).startswith("stage: error: --port 70000")
    assert cli.run(["overlay", "stage.toml", "x.npz", "--out", "x", "--every", "0"]) == 2
    assert error_line(capsys).startswith("stage: error: --every 0")


def test_the_probe_tells_by_its_status_that_nothing_came(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert cli.run(["probe", "osc", "--port", str(port), "--seconds", "0.1"]) == 1
    assert "nothing has arrived" in capsys.readouterr().out


def test_a_result_that_cannot_be_written_is_refused_before_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["live", "--json", str(tmp_path / "no" / "such.json")]) == 2
    assert "--json" in error_line(capsys)
    assert cli.run(["solve", "stage.toml", "--out", str(tmp_path)]) == 2
    assert "is a folder" in error_line(capsys)


def test_debug_shows_the_traceback_wherever_it_stands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = str(tmp_path / "gone.toml")
    for arguments in (["--debug", "live", missing], ["live", missing, "--debug"]):
        assert cli.run(arguments) == 2
        text = capsys.readouterr().err
        assert "Traceback" in text
        assert text.splitlines()[-1].startswith("stage: error: ")


@pytest.mark.parametrize(
    ("raised", "status", "start"),
    [
        (StageError("two\nlines"), 2, "stage: error: two lines"),
        (ProtocolError("port 5 is taken"), 2, "stage: error: port 5 is taken"),
        (ZeroDivisionError("division by zero"), 1, "stage: error: ZeroDivisionError: division by zero"),
    ],
)
def test_an_error_of_a_command_is_one_line(
    raised: Exception, status: int, start: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> int:
        raise raised

    monkeypatch.setattr("stage.doctor.run_doctor", fail)
    assert cli.run(["doctor"]) == status
    assert error_line(capsys).startswith(start)


def test_ctrl_c_is_no_error(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("stage.doctor.run_doctor", interrupt)
    assert cli.run(["doctor"]) == 130
    assert capsys.readouterr().err == ""


def test_a_reader_that_leaves_is_no_error() -> None:
    command = f"{sys.executable} -m stage.cli doctor | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert len(done.stdout.splitlines()) == 1


def test_a_command_line_that_is_not_understood_names_what_is_near(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["live", "--second", "3"])
    assert caught.value.code == 2
    assert "--seconds" in capsys.readouterr().err
