from __future__ import annotations

import numpy as np

from stage.solving.contact import SINK_SIGMA_M, Contacts, sole_vertices
from tests.body_model import body_model

DT = 1.0 / 30.0
STANDING = np.array([[0.1, 0.1, 0.005], [0.1, -0.1, 0.004], [-0.1, 0.1, 0.006], [-0.1, -0.1, 0.003]])


def stood(contacts: Contacts, points: np.ndarray, frames: int) -> None:
    for _ in range(frames):
        contacts.update(points, DT)


def test_soles_are_the_lowest_points_of_heels_and_toes():
    body = body_model()
    heel_l, toe_l, heel_r, toe_r = body.mean_vertices[sole_vertices(body)]
    assert np.all(np.abs([heel_l[2], toe_l[2], heel_r[2], toe_r[2]]) < 0.015)
    assert heel_l[1] > toe_l[1] + 0.1
    assert heel_l[0] > 0 > heel_r[0]
    assert np.allclose(heel_l * [-1, 1, 1], heel_r, atol=0.01)
    assert np.allclose(toe_l * [-1, 1, 1], toe_r, atol=0.02)


def test_a_standing_foot_is_held_where_it_stands():
    contacts = Contacts(4, floor=True)
    stood(contacts, STANDING, 10)
    assert contacts.held.all()
    anchor, scale = contacts.anchors(STANDING + np.array([0.01, 0.0, 0.0]))
    assert np.allclose(anchor.T, STANDING, atol=1e-3)
    assert np.all(scale > 0)


def test_a_moving_foot_is_free():
    contacts = Contacts(4, floor=True)
    stood(contacts, STANDING, 10)
    for step in range(1, 10):
        contacts.update(STANDING + np.array([0.0, -0.04 * step, 0.02 * step]), DT)
    assert not contacts.held.any()
    assert np.all(contacts.anchors(STANDING + 0.5)[1] == 0)


def test_a_foot_that_is_dragged_is_let_go():
    contacts = Contacts(4, floor=True)
    stood(contacts, STANDING, 10)
    contacts.update(STANDING + np.array([0.05, 0.0, 0.0]), DT)
    assert not contacts.held.any()


def test_a_foot_at_rest_above_the_floor_is_held_too():
    contacts = Contacts(4, floor=True)
    stood(contacts, STANDING + np.array([0.0, 0.0, 0.3]), 10)
    assert contacts.held.all()


def test_nothing_sinks_into_the_floor_unless_there_is_none():
    below = STANDING - np.array([0.0, 0.0, 0.05])
    anchor, scale = Contacts(4, floor=True).anchors(below)
    assert np.all(anchor[2] == 0.0)
    assert np.allclose(scale[2], 1.0 / SINK_SIGMA_M)
    assert np.all(scale[:2] == 0.0)
    assert np.all(Contacts(4, floor=False).anchors(below)[1] == 0.0)
