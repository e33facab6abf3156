"""Known VMC receivers: every name has its wishes, and a stage.toml goes before them."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from stage.config import VmcSection, wishes_of
from stage.config._outputs import Receiver
from stage.config._receivers import RECEIVERS
from tests.sections import output_section


def test_every_receiver_has_wishes() -> None:
    assert set(RECEIVERS) == set(get_args(Receiver))


@pytest.mark.parametrize("receiver", get_args(Receiver))
def test_all_listen_where_marionettes_do(receiver: str) -> None:
    assert output_section("vmc", receiver=receiver).port == 39539


def test_wishes_are_defaults() -> None:
    assert wishes_of(VmcSection(receiver="vrm4u")).positions == "hips"
    assert wishes_of(VmcSection(receiver="godot")).blends == ("arkit",)
    own = VmcSection(receiver="vrm4u", port=9, positions="all", blends=(), blend_case="camel", bundle=False)
    assert tuple(wishes_of(own)) == (9, "all", (), "camel", False)


def test_every_receiver_is_documented() -> None:
    table = (Path(__file__).parents[2] / "docs" / "vmc.md").read_text()
    for receiver, wishes in RECEIVERS.items():
        if receiver:
            (row,) = [line for line in table.splitlines() if line.startswith(f"| `{receiver}` |")]
            assert [cell.strip() for cell in row.split("|")][2:4] == [str(wishes.port), wishes.positions]
