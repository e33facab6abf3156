"""Laws about the project's own files."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def requirement_names() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    requirements = project["dependencies"] + project["optional-dependencies"]["dev"]
    return [re.split(r"[\[<>=]", requirement)[0].lower() for requirement in requirements]


def pins() -> dict[str, str]:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    return {name.lower().replace("_", "-"): version for name, version in (line.split("==") for line in lines)}


def test_every_dependency_is_pinned() -> None:
    assert set(requirement_names()) <= set(pins())


def test_torch_is_pinned_to_the_version_whose_cpu_build_pip_finds() -> None:
    assert pins()["torch"] == "2.13.0"


@pytest.mark.parametrize("worker", ["capture", "landmarks", "broadcast", "mqtt", "record", "receive", "console"])
def test_a_light_worker_starts_without_torch(worker: str) -> None:
    code = f"import sys, workers.{worker}; sys.exit('torch' in sys.modules or 'anny' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_make_target_is_described() -> None:
    text = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert phony is not None
    described = set(re.findall(r"^([a-z]+):.*## ", text, re.MULTILINE))
    assert described | {"clean"} >= set(phony.group(1).split())
