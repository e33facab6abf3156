from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from protocols.arrays import from_bytes, stacked, to_bytes
from protocols.errors import DecodeError

DTYPES = st.sampled_from([np.float32, np.float64, np.int32, np.int64, np.uint8])


@given(st.data(), DTYPES)
def test_round_trip_of_any_shape_and_order(data: st.DataObject, dtype: type[np.generic]) -> None:
    array = data.draw(hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5)))
    assert from_bytes(to_bytes(array, dtype), array.shape, dtype).tobytes() == array.tobytes()
    assert to_bytes(array.T, dtype) == to_bytes(np.ascontiguousarray(array.T), dtype)


def test_bytes_are_little_endian_float32() -> None:
    big_endian = np.array([1.0, -2.0], ">f8")
    assert to_bytes(big_endian) == bytes.fromhex("0000803f 000000c0")


@given(st.binary(max_size=100), st.tuples(st.integers(0, 4), st.integers(0, 4)))
def test_another_size_is_refused(data: bytes, shape: tuple[int, int]) -> None:
    if len(data) == shape[0] * shape[1] * 4:
        assert from_bytes(data, shape).shape == shape
    else:
        with pytest.raises(DecodeError):
            from_bytes(data, shape)


@given(st.binary(max_size=100), st.integers(0, 4))
def test_a_free_axis_takes_whole_rows_only(data: bytes, columns: int) -> None:
    if columns > 0 and len(data) % (4 * columns) == 0:
        assert from_bytes(data, (-1, columns)).shape == (len(data) // 4 // columns, columns)
    else:
        with pytest.raises(DecodeError):
            from_bytes(data, (-1, columns))


def test_the_view_is_read_only() -> None:
    view = from_bytes(to_bytes(np.ones(3)), (3,))
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 2


def test_several_of_one_shape_are_one_array() -> None:
    rows = np.arange(12, dtype=np.float32).reshape(3, 2, 2)
    np.testing.assert_array_equal(stacked([to_bytes(row) for row in rows], (2, 2)), rows)
    assert not stacked([to_bytes(rows[0])], (2, 2)).flags.writeable
    assert stacked([], (2, 2)).shape == (0, 2, 2)


def test_sizes_that_make_up_for_each_other_are_refused() -> None:
    with pytest.raises(DecodeError, match="12 bytes"):
        stacked([bytes(12), bytes(20)], (4,))
