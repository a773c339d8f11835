"""Boxes as texts and in the padded square."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixer.boxes import (
    clamp,
    from_pixels,
    in_square,
    inside,
    pad_to_square,
    parse,
    parse_whole,
    percent,
    show,
    show_all,
    show_joined,
    text_in_square,
)

FRACTION = st.floats(0, 1)
SIDE = st.integers(1, 10_000)


@pytest.mark.parametrize(
    ("text", "box"),
    [
        ("0.1, 0.2, 0.3, 0.4", (0.1, 0.2, 0.3, 0.4)),
        ("0,0,1,1", (0.0, 0.0, 1.0, 1.0)),
        ("0.1, 0.2, 0.3", None),
        ("0.1, 0.2, 0.3, 0.4, 0.5", None),
        ("0.1, 0.2.1, 0.3, 0.4", None),
        ("0.1, 0.2, 0.3, 1.4", None),
        ("-0.1, 0.2, 0.3, 0.4", None),
        ("nan, 0.2, 0.3, 0.4", None),
        ("on the left", None),
        ("", None),
    ],
)
def test_parse_takes_four_fractions(text, box):
    """Only four numbers of 0 to 1 are a box."""
    assert parse(text) == box


def test_landscape_box_moves_along_y():
    """In a landscape image the short side is y: half the missing rows come before it."""
    assert show(pad_to_square((0.13, 0.207, 0.17, 1.0), 800, 600), 3) == "[0.13, 0.28, 0.17, 0.875]"


def test_portrait_box_moves_along_x():
    """In a portrait image the short side is x."""
    assert show(pad_to_square((0.2, 0.5, 0.7, 0.8), 480, 640), 3) == "[0.275, 0.5, 0.65, 0.8]"


@given(st.tuples(FRACTION, FRACTION, FRACTION, FRACTION), SIDE, SIDE)
def test_padded_box_stays_inside_and_keeps_the_long_side(box, width, height):
    """A padded box lies in the square, and coordinates along the long side do not change at all."""
    padded = pad_to_square(box, width, height)

    assert all(-1e-12 <= number <= 1 + 1e-12 for number in padded)
    assert width < height or padded[::2] == box[::2]
    assert height < width or padded[1::2] == box[1::2]


def test_boxes_print_as_python_floats():
    """At most so many decimals, none padded with zeros, whole numbers with one."""
    assert show((0.1724, 0.61, 0.0, 1.0), 3) == "[0.172, 0.61, 0.0, 1.0]"
    assert show((0.1724, 0.6, 0.0, 1.0), 2) == "[0.17, 0.6, 0.0, 1.0]"


def test_every_box_of_a_text_moves_and_nothing_else():
    """Groups that are no boxes keep every byte."""
    text = "Two jars [0.5, 0, 1, 1], [0,0,0.5,1] on a shelf [see 1, 2, 3, 4] [0.1, 0.2.1, 0.3, 0.4] []."

    assert text_in_square(text, 100, 50, 2) == (
        "Two jars [0.5, 0.25, 1.0, 0.75], [0.0, 0.25, 0.5, 0.75] on a shelf [see 1, 2, 3, 4] [0.1, 0.2.1, 0.3, 0.4] []."
    )


@pytest.mark.parametrize(
    ("box", "left"),
    [
        ((10, 20, 30, 40), (10, 20, 30, 40)),
        ((-5, -6, 30, 40), (0, 0, 30, 40)),
        ((700, 500, 900, 700), (700, 500, 800, 600)),
        ((800, 0, 900, 600), None),
        ((0, -9, 800, 0), None),
        ((30, 20, 30, 40), None),
        ((30, 40, 10, 20), None),
    ],
)
def test_boxes_are_cut_to_their_image(box, left):
    """What lies outside goes; a box without area is none."""
    assert clamp(box, 800, 600) == left


def test_pixels_move_to_the_square_by_whole_pixels():
    """LLaVA-1.5 pads by half the difference, rounded down."""
    assert in_square((80, 60, 240, 180), 800, 600) == (0.1, 0.2, 0.3, 0.35)
    assert in_square((0, 0, 599, 1000), 599, 1000) == (0.2, 0.0, 0.799, 1.0)
    assert in_square((3, 4, 5, 6), 10, 10) == (0.3, 0.4, 0.5, 0.6)


def test_pixels_print_as_hundredths_cut_off():
    """MiniGPT-v2 divides by width and height separately and does not round."""
    assert percent(from_pixels(100, 100, 699, 499), 800, 600) == "{<12><16><99><99>}"
    assert percent((0, 0, 800, 600), 800, 600) == "{<0><0><100><100>}"


@pytest.mark.parametrize(
    ("text", "boxes"),
    [
        ("[[0, 333, 666, 999]]", [(0.0, 1 / 3, 2 / 3, 1.0)]),
        ("[[0,0,999,999],[ 1, 2, 3, 4 ]]", [(0.0, 0.0, 1.0, 1.0), (1 / 999, 2 / 999, 3 / 999, 4 / 999)]),
        ("[]", []),
        ("", []),
        ("[[0, 0, 9]]", None),
        ("[[0, 0, 9, 1000]]", None),
        ("[[0, 0, 9, 9]] or so", None),
        ("[[0.1, 0.2, 0.3, 0.4]]", None),
    ],
)
def test_whole_numbers_are_fractions_of_999(text, boxes):
    """Lists of four whole numbers are boxes, an empty list is none, and anything else is no list of boxes."""
    assert parse_whole(text) == boxes


@given(st.tuples(*[st.integers(0, 999)] * 4))
def test_whole_numbers_come_back(numbers):
    """What is read is what was written."""
    [box] = parse_whole(f"[{list(numbers)}]")

    assert tuple(round(number * 999) for number in box) == numbers


def test_several_boxes_of_one_thing():
    """LLaVA's stand one behind the other, Shikra's in one bracket with three decimals each and no blanks."""
    boxes = [(0.0, 0.2504, 0.5, 1.0), (0.25, 0.1, 0.3, 0.4)]

    assert show_all(boxes, 2) == "[0.0, 0.25, 0.5, 1.0] [0.25, 0.1, 0.3, 0.4]"
    assert show_joined(boxes) == "[0.000,0.250,0.500,1.000;0.250,0.100,0.300,0.400]"
    assert (show_all([], 2), show_joined([(0.5, 0.25)])) == ("", "[0.500,0.250]")


def test_a_box_is_cut_to_its_image():
    """Fractions below 0 and above 1 become these."""
    assert inside((-0.01, 0.5, 0.75, 1.2)) == (0.0, 0.5, 0.75, 1.0)
