from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from stage.inputs.parts import CHAINS
from stage.outputs.quaternions import IDENTITY
from stage.solving.chains import Chain
from stage.solving.presence import BACK_NS

ARM = CHAINS["arms"][0]
MS = 1_000_000


def filled(chain: Chain, capture_ns: int, degrees: float, bones: tuple[str, ...] | None = None) -> bool:
    """Adds a frame in which every bone is turned by so much about X."""
    bones = chain.bones if bones is None else bones
    turned = np.tile(Rotation.from_euler("x", degrees, degrees=True).as_quat(), (len(bones), 1))
    return chain.add(capture_ns, {bone: row for row, bone in enumerate(bones)}, turned, None)


def angle(chain: Chain, capture_ns: int) -> float:
    sample = chain.at(capture_ns)
    assert sample is not None
    return float(Rotation.from_quat(sample.rotations[0]).as_euler("xyz", degrees=True)[0])


def test_between_samples_it_turns_evenly_and_then_it_holds() -> None:
    chain = Chain(ARM, 500 * MS)
    assert filled(chain, 0, 0.0) and filled(chain, 100 * MS, 80.0)
    assert chain.at(-1) is None
    found = [angle(chain, ms * MS) for ms in (0, 25, 50, 100, 900)]
    np.testing.assert_allclose(found, [0.0, 20.0, 40.0, 80.0, 80.0], atol=1e-6)


def test_late_samples_are_left_out_and_a_clock_that_is_set_back_starts_anew() -> None:
    chain = Chain(ARM, 500 * MS)
    assert filled(chain, 2 * BACK_NS, 10.0)
    assert not filled(chain, 2 * BACK_NS, 20.0) and not filled(chain, BACK_NS + 1, 20.0) and len(chain) == 1
    assert filled(chain, BACK_NS, 30.0)
    assert len(chain) == 1 and angle(chain, BACK_NS) > 29.0 and not chain.presence.fresh(2 * BACK_NS)


def test_a_frame_without_the_chain_says_nothing_and_bones_that_did_not_come_are_at_rest() -> None:
    chain = Chain(ARM, 500 * MS)
    assert filled(chain, 0, 30.0, ("LeftUpperLeg",)) and len(chain) == 0
    assert filled(chain, 0, 30.0, (chain.bones[-1],))
    sample = chain.at(0)
    assert sample is not None and sample.given[-1] and not all(sample.given)
    np.testing.assert_array_equal(sample.rotations[0], IDENTITY)
    assert filled(chain, 100 * MS, 60.0)  # of other bones: there is nothing between the two
    assert chain.at(50 * MS) is sample
