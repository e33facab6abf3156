from __future__ import annotations

import numpy as np
import pytest

from stage.bodies.body import body_cache_path, load_body
from stage.bodies.regions import MASKS, PARTS, BodyRegions, load_regions


@pytest.fixture(scope="module")
def regions() -> BodyRegions:
    if not body_cache_path().exists():
        pytest.skip("the body model is not prepared; run `stage models`")
    return load_regions()


def test_every_triangle_has_a_part_and_a_place_in_the_texture(regions: BodyRegions) -> None:
    assert regions.texture_coordinates.shape == (len(load_body().faces), 3, 2)
    assert 0.0 <= regions.texture_coordinates.min() and regions.texture_coordinates.max() <= 1.0
    assert set(np.unique(regions.parts)) == set(range(len(PARTS)))


def test_parts_lie_where_the_body_has_them(regions: BodyRegions) -> None:
    body = load_body()
    middles = body.mean_vertices[body.faces].mean(axis=1)
    for part, bone in (("hand.L", "middle_01_l"), ("foot.R", "ball_r"), ("eye_front.L", "head"), ("tongue", "head")):
        found = middles[regions.parts == PARTS.index(part)].mean(axis=0)
        assert np.linalg.norm(found - body.mean_joints[body.bones.index(bone)]) < 0.15
    front, back = (middles[regions.parts == PARTS.index(f"eye_{side}.R")][:, 1].mean() for side in ("front", "back"))
    assert front < back


def test_soft_regions_are_small_patches(regions: BodyRegions) -> None:
    for name, mask in zip(MASKS, regions.masks, strict=True):
        assert mask.max() > 200, name
        assert 0.0 < mask.mean() / 255.0 < 0.1, name
