"""Laws about what the project tells its readers: what is written there loads, compiles, and leads somewhere."""

from __future__ import annotations

import ast
import re
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from protocols import osc
from stage.config import TimecodeSection, load
from stage.outputs.open_stream import open_stream
from stage.timecode import TimecodeClock
from tests.sections import output_section
from tests.stage.outputs.performers import random_pose

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

FENCED = re.compile(r"^([ ]*)```(\w*)\n(.*?)^\1```[ ]*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^()\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)

FILES = ("calibration", "avatar", "password_file", "ca_file", "cert_file", "key_file", "curve_secret_key_file")
"""Keys whose value is a file that must be there."""


def blocks(language: str) -> list[Any]:
    """Every fenced block of this language in every page."""
    found: list[Any] = []
    for page in PAGES:
        text = page.read_text()
        for block in FENCED.finditer(text):
            if block.group(2) == language:
                line = text.count("\n", 0, block.start()) + 1
                found.append(pytest.param(textwrap.dedent(block.group(3)), id=f"{page.relative_to(ROOT)}:{line}"))
    return found


def tables(value: object) -> Iterator[dict[str, Any]]:
    """A parsed TOML and every table in it."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from tables(item)


def make_placeholders(text: str, folder: Path) -> None:
    """Makes the files that a stage.toml of a page names; only that they are there is checked when it is loaded."""
    for table in tables(tomllib.loads(text)):
        names = [table[key] for key in FILES if table.get(key)]
        kind, _, place = str(table.get("source", "")).partition(":")
        if kind == "images":
            (folder / place).mkdir(parents=True)
        place = place.rpartition("#")[0] if kind == "take" else place
        for name in [*names, *([place] if kind in ("file", "take") else [])]:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).touch()


def completed(text: str) -> str:
    """A stage.toml of what a page shows of one: a camera and the actors it speaks of, where it has none."""
    parsed = tomllib.loads(text)
    if "cameras" not in parsed:
        text += '\n[[cameras]]\nid = "camera"\nsource = "synthetic:test"\n'
    if "actors" not in parsed:
        named = [table["actor"] for table in tables(parsed) if table.get("actor")]
        text += "".join(f'\n[[actors]]\nid = "{actor}"\n' for actor in dict.fromkeys(named))
    return text


@pytest.mark.parametrize("text", blocks("toml"))
def test_what_a_page_shows_of_a_stage_toml_loads(text: str, tmp_path: Path) -> None:
    make_placeholders(text, tmp_path)
    path = tmp_path / "stage.toml"
    path.write_text(completed(text))
    load(path)


@pytest.mark.parametrize("text", blocks("python"))
def test_python_of_a_page_compiles(text: str) -> None:
    compile(text, "page", "exec")


def anchors(page: Path) -> set[str]:
    """The names under which a page's headings can be reached, as GitHub makes them."""
    seen: dict[str, int] = {}
    names = set[str]()
    for heading in HEADING.findall(FENCED.sub("", page.read_text())):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        name = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        count = seen.get(name, 0)
        seen[name] = count + 1
        names.add(f"{name}-{count}" if count else name)
    return names


def links(page: Path) -> list[str]:
    """Links to other files and places of the project, images too; what stands in code is none."""
    prose = re.sub(r"`[^`\n]*`", "", FENCED.sub("", page.read_text()))
    return [target for target in LINK.findall(prose) if not re.match(r"[a-z]+:", target)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    astray: list[str] = []
    for target in links(page):
        name, _, anchor = target.partition("#")
        other = (page.parent / name).resolve() if name else page
        if not other.exists() or (anchor and anchor not in anchors(other)):
            astray.append(target)
    assert astray == []


def test_links_are_found_and_anchors_are_those_of_github() -> None:
    assert any(links(page) for page in PAGES)
    assert {"the-page", "our-own-words", "the-words-of-the-live-link-face-app"} <= anchors(ROOT / "docs/control.md")


def test_the_page_of_engines_leads_to_every_engine() -> None:
    folder = ROOT / "docs" / "engines"
    pages = {page.name for page in folder.glob("*.md")} - {"README.md"}
    assert pages <= set(links(folder / "README.md"))


def test_the_script_for_blender_reads_what_a_stage_sends() -> None:
    (code,) = [str(block.values[0]) for block in blocks("python") if "engines/blender.md" in str(block.id)]
    functions = [node for node in ast.parse(code).body if isinstance(node, ast.FunctionDef)]
    scope: dict[str, Any] = {}
    exec("import struct\n" + "".join(ast.unparse(node) for node in functions if node.name == "messages"), scope)

    stream = open_stream(output_section("osc", rest="t-pose"), "anna", TimecodeClock(TimecodeSection(rate="25"), 0))
    datagrams = [bytes(datagram) for datagram in stream.frame(random_pose(3).performance, 1_700_000_000_000_000_000)]
    ours = [tuple(found)[::2] for datagram in datagrams for found in osc.messages(osc.parse(datagram))]
    theirs = [found for datagram in datagrams for found in scope["messages"](datagram)]
    assert theirs == ours
    assert len(theirs) > 50
