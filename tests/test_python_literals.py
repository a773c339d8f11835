"""Python literals in cells are read as data, whatever they hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixer.shared.python_literals import DEEPEST, LONGEST, parse

PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@given(
    st.recursive(
        PLAIN,
        lambda inner: (
            st.lists(inner)
            | st.tuples(inner, inner)
            | st.dictionaries(st.text(), inner)
            | st.sets(st.integers(), min_size=1)
        ),
        max_leaves=20,
    )
)
def test_what_python_prints_is_read_back(value):
    """Texts, numbers, None, booleans and containers of them come back as they were."""
    assert parse(f" {value!r}\n") == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nan",
        "1+1",
        "--1",
        "1__0",
        "print",
        "b'x'",
        "f'{1}'",
        "'a'.upper()",
        "{{}: 1}",
        "'open",
        "[1",
        "1]",
        "'\\d'",
        "'a' ('b')",
        "['a' 'b']",
        "__import__('os')",
        '{"global_caption": null}',
    ],
)
def test_all_else_is_refused(text):
    """Names, calls, operators, prefixes and what is not closed are no data."""
    with pytest.raises(ValueError, match="no Python literal"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), "nested too deep"),
        ("[" * 100_000, "nested too deep"),
        (f"'{'x' * LONGEST}'", "too long"),
    ],
)
def test_size_and_depth_are_bounded(text, reason):
    """Python's own parser never sees what could exhaust it."""
    with pytest.raises(ValueError, match=reason):
        parse(text)


def test_bounds_leave_room():
    """What is just inside the bounds is read."""
    assert parse(f"'{'x' * (LONGEST - 2)}'") == "x" * (LONGEST - 2)
    assert parse("[" * DEEPEST + "]" * DEEPEST)
