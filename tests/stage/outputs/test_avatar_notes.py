"""Notes on avatars: what an operator should know before the show."""

from __future__ import annotations

from pathlib import Path

from protocols.names import ARKIT_SHAPES
from stage.outputs.vmc_stream import VmcStream
from tests.sections import output_section
from tests.shared_data import shared_data
from tests.stage.outputs.performers import REST_JOINTS
from tests.vrm_files import skeleton, vrm0, vrm1, write_glb

PLACES, PARENTS = skeleton(REST_JOINTS)
CAMEL = tuple(name[0].lower() + name[1:] for name in ARKIT_SHAPES)


def real() -> Path:
    (path,) = shared_data("vrm").glob("*.vrm")
    return path


def test_an_operator_is_told_what_the_avatar_lacks() -> None:
    notes = VmcStream(output_section("vmc", avatar=str(real()), jaw="open")).notes
    assert notes == (
        f"avatar {real().name} has no bone LeftEye, RightEye, Jaw",
        f'avatar {real().name} has no expression of "arkit"; leave "arkit" out of blends',
        f'avatar {real().name} lacks of "vrm0": Surprised',
    )
    assert VmcStream(output_section("vmc", avatar=str(real()), eyes=False, blends=())).notes == ()
    assert VmcStream(output_section("vmc")).notes == ()


def test_names_that_receivers_translate_are_not_missed(tmp_path: Path) -> None:
    path = str(write_glb(tmp_path / "one.vrm", vrm1(PLACES, PARENTS)))
    (lenient,) = VmcStream(output_section("vmc", avatar=path, blends=("vrm0",))).notes
    assert "Joy" not in lenient and "lacks of" in lenient and "and 9 more" in lenient
    (strict,) = VmcStream(output_section("vmc", avatar=path, blends=("vrm0",), receiver="warudo")).notes
    assert 'no expression of "vrm0"' in strict


def test_another_case_and_twice_the_movement_are_noticed(tmp_path: Path) -> None:
    gltf = vrm0(PLACES, PARENTS)
    groups = gltf["extensions"]["VRM"]["blendShapeMaster"]["blendShapeGroups"]
    groups[:] = [{"name": name} for name in CAMEL] + [{"name": "A", "presetName": "a"}]
    path = str(write_glb(tmp_path / "camel.vrm", gltf))
    (case,) = VmcStream(output_section("vmc", avatar=path, blends=("arkit",))).notes
    assert case.endswith('in another case; set blend_case = "camel"')
    right = output_section("vmc", avatar=path, blends=("arkit",), blend_case="camel")
    assert VmcStream(right).notes == ()
    twice = VmcStream(output_section("vmc", avatar=path, blend_case="camel")).notes[-1]
    assert twice.endswith('moves twice as far; set blends = ["arkit"]')
