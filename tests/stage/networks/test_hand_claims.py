from __future__ import annotations

import numpy as np

from stage.networks.hand_claims import Claim, lost_claims, same_hand

PALM = 30.0


def claim(
    side: str, x: float, *, trust: float = 0.9, from_wrist: float = 0.1, held: bool = False, camera: str = "a"
) -> Claim:
    points = np.random.default_rng(0).uniform((x, 100.0), (x + PALM, 100.0 + PALM), (21, 2))
    return Claim(("ann", camera, side), camera, points.astype(np.float32), PALM, trust, from_wrist, held)


def test_hands_beside_each_other_are_two() -> None:
    assert not same_hand(claim("left", 100.0), claim("right", 100.0 + PALM))
    assert lost_claims([claim("left", 100.0), claim("right", 100.0 + PALM)]) == set()


def test_one_hand_is_claimed_once_by_the_side_that_it_looks_like() -> None:
    assert lost_claims([claim("left", 100.0, trust=0.3), claim("right", 102.0, trust=0.8)]) == {("ann", "a", "left")}


def test_the_nearer_wrist_has_it_when_the_network_does_not_know() -> None:
    claims = [claim("left", 100.0, trust=0.5, from_wrist=0.1), claim("right", 101.0, trust=0.5, from_wrist=0.6)]
    assert lost_claims(claims) == {("ann", "a", "right")}


def test_who_had_it_keeps_it_when_all_else_is_equal() -> None:
    claims = [claim("left", 100.0), claim("right", 101.0, held=True)]
    assert lost_claims(claims) == {("ann", "a", "left")}
    assert lost_claims(claims[::-1]) == {("ann", "a", "left")}


def test_hands_of_two_cameras_are_never_one() -> None:
    assert lost_claims([claim("left", 100.0, camera="a"), claim("right", 100.0, camera="b")]) == set()
