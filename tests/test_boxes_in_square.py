"""Boxes of pixels, printed on the padded square."""

from hypothesis import given
from hypothesis import strategies as st

from mixer.boxes import in_square, show, show_in_square

SIDE = st.integers(1, 3_000)
PIXEL = st.one_of(st.integers(0, 3_000), st.floats(0, 3_000))


@given(st.tuples(PIXEL, PIXEL, PIXEL, PIXEL), SIDE, SIDE)
def test_a_box_prints_as_it_is_moved_and_rounded(box, width, height):
    """Whole pixels and others give the very text of the fractions; so do those that are half a hundredth."""
    assert show_in_square(box, width, height) == show(in_square(box, width, height), 2)


def test_half_a_hundredth_goes_where_python_rounds_it():
    """0.125 and 0.375 are exact and go to the even digit, 0.005 and 0.015 lie just above it."""
    assert show_in_square((100, 300, 4, 12), 800, 800) == "[0.12, 0.38, 0.01, 0.01]"
    assert show_in_square((100.0, 300.0, 4.0, 12.0), 800, 800) == "[0.12, 0.38, 0.01, 0.01]"
