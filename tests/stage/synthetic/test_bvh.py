from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stage.errors import SourceError
from stage.synthetic.bvh import load_bvh, parse_bvh

SMALL = """HIERARCHY
ROOT Hips
{
  OFFSET 0 1 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT Arm
  {
    OFFSET 2 0 0
    CHANNELS 3 Yrotation Xrotation Zrotation
    End Site
    {
      OFFSET 1 0 0
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.05
0 0 0 0 0 0 0 0 0
1 2 3 90 0 0 0 90 0
"""


def test_reads_skeleton_and_motion() -> None:
    clip = parse_bvh(SMALL)
    assert clip.names == ("Hips", "Arm")
    assert clip.parents == (-1, 0)
    assert clip.frame_s == 0.05
    np.testing.assert_array_equal(clip.ends[1], [1, 0, 0])
    R, places = clip.forward()
    np.testing.assert_array_equal(places[0], [[0, 0, 0], [2, 0, 0]])
    np.testing.assert_allclose(places[1], [[1, 2, 3], [1, 4, 3]], atol=1e-12)  # turned about z by 90 degrees
    np.testing.assert_allclose(R[1, 1] @ [0, 1, 0], [0, 0, 1], atol=1e-12)  # then x about the arm: y -> z


def test_rotation_channels_are_applied_in_the_order_of_the_file() -> None:
    both = SMALL.replace("1 2 3 90 0 0 0 90 0", "0 0 0 90 90 0 0 0 0")
    R, _ = parse_bvh(both).forward()
    np.testing.assert_allclose(R[1, 0] @ [0, 0, 1], [1, 0, 0], atol=1e-12)  # X first takes z to -y, then Z to +x


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        (SMALL.replace("HIERARCHY", "HIER"), "HIERARCHY"),
        (SMALL.replace("Frames: 2", "Frames: 3"), "need 27"),
        (SMALL.replace("1 2 3 90", "1 2 x 90"), "no number"),
        (SMALL.replace("1 2 3 90", "1 2 nan 90"), "finite"),
        (SMALL.replace("Xposition", "Wposition"), "unknown BVH channel"),
        (SMALL.replace("0.05", "0"), "cannot be used"),
        (SMALL.replace("  OFFSET 0 1 0", "  OFFSET 0 1"), "BVH"),
        (SMALL.split("MOTION", maxsplit=1)[0], "MOTION"),
    ],
)
def test_broken_files_are_refused_in_one_line(broken: str, complaint: str) -> None:
    with pytest.raises(SourceError, match=complaint) as caught:
        parse_bvh(broken)
    assert "\n" not in str(caught.value)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(SMALL)), st.integers(0, len(SMALL)), st.text(max_size=20))
def test_any_damage_is_a_source_error_or_a_readable_clip(begin: int, end: int, inserted: str) -> None:
    damaged = SMALL[:begin] + inserted + SMALL[end:]
    try:
        clip = parse_bvh(damaged)
    except SourceError:
        return
    assert np.isfinite(clip.rotations).all()


def test_files_that_are_missing_or_not_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such BVH file"):
        load_bvh(tmp_path / "none.bvh")
    (tmp_path / "binary.bvh").write_bytes(b"\xff\xfe\x00\x80" * 10)
    with pytest.raises(SourceError, match=r"binary\.bvh"):
        load_bvh(tmp_path / "binary.bvh")
