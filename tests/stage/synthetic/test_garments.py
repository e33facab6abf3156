from __future__ import annotations

import numpy as np
import pytest

from stage.bodies.body import RestBody, load_body
from stage.synthetic import garments
from stage.synthetic.appearance import Appearance, random_appearance
from stage.synthetic.atlas import load_atlas
from stage.synthetic.paint import paint


@pytest.mark.parametrize("seed", range(4))
def test_any_look_gives_a_texture_of_light_and_a_thin_coat(seed: int, rest: RestBody) -> None:
    look = random_appearance(np.random.default_rng(seed))
    texture = paint(look)
    assert texture.shape == (1024, 1024, 3)
    assert texture.dtype == np.float32
    assert 0.0 <= texture.min() and texture.max() <= 1.0
    thickness = np.linalg.norm(garments.dress(rest, look) - rest.vertices, axis=1)
    assert thickness.max() < 0.06
    assert np.median(thickness) < 0.02


def test_hands_and_face_stay_as_they_are(rest: RestBody) -> None:
    look = Appearance()
    moved = np.linalg.norm(garments.dress(rest, look) - rest.vertices, axis=1)
    surface = load_atlas().vertex_surface
    hands = surface.is_part("hand.L", "hand.R") & (surface.along_arm > 2.1)
    face = surface.is_part("head") & (surface.points[:, 1] < -0.15) & (surface.points[:, 2] < 1.7)
    assert moved[hands].max() < 1e-6
    assert moved[face].max() < 1e-6


def test_a_suit_without_thickness_is_the_body(rest: RestBody) -> None:
    look = Appearance(hair_volume_m=0.0, looseness=0.0, barefoot=True)
    assert np.abs(garments.dress(rest, look) - rest.vertices).max() < 1e-6


def test_garments_lie_where_people_wear_them(rest: RestBody) -> None:
    look, surface = Appearance(sleeve=0.6), load_atlas().vertex_surface
    z, head = surface.points[:, 2], surface.is_part("head")
    assert garments.shirt(look, surface)[(np.abs(z - 1.25) < 0.05) & (surface.arm < 0.1)].min() > 0.9
    assert garments.shirt(look, surface)[(surface.arm > 0.6) & (surface.along_arm > 1.0)].max() == 0.0
    assert garments.trousers(look, surface)[(np.abs(z - 0.5) < 0.2) & (surface.leg > 0.9)].min() > 0.9
    assert garments.hair(look, surface)[z > 1.78].min() > 0.9
    for worn in (garments.shirt, garments.trousers, garments.shoes):
        assert worn(look, surface)[head].max() == 0.0


def test_normals_point_out_of_a_closed_body(rest: RestBody) -> None:
    faces = load_body().faces
    normals = garments.vertex_normals(rest.vertices, faces)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1.0, atol=1e-4)
    a, b, c = (rest.vertices[faces[:, i]].astype(float) for i in range(3))
    volume = np.einsum("fi,fi->", a, np.cross(b, c)) / 6.0
    assert 0.04 < volume < 0.12  # m^3: counter-clockwise from outside
