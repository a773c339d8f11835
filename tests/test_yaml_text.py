"""The YAML loader: values, places, and what it refuses of YAML."""

import json
import string

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mixer.errors import RecipeError
from mixer.recipe.yaml_scalars import Number
from mixer.recipe.yaml_text import load_yaml, parse_yaml


def parsed(text):
    """Give the tree of a text that has no mistakes."""
    tree = parse_yaml(text.encode(), "a.yaml")
    assert tree.problems == []
    return tree


def refused(text):
    """Give the problems of a text, whether or not its rest can be read."""
    try:
        return [str(problem) for problem in parse_yaml(text.encode("utf-8", "surrogatepass"), "a.yaml").problems]
    except RecipeError as error:
        return [str(problem) for problem in error.problems]


def test_values_are_text_numbers_booleans_and_nothing():
    """Only null, ~, an empty value, true, false and decimal numbers are not text."""
    tree = parsed("text: x\nnumber: 12.50\nyes_: true\nno_: false\nempty:\ntilde: ~\nnull_: null\nlist: [1, -2, 0]\n")

    assert tree.value == {
        "text": "x",
        "number": "12.50",
        "yes_": True,
        "no_": False,
        "empty": None,
        "tilde": None,
        "null_": None,
        "list": ["1", "-2", "0"],
    }
    assert type(tree.value["number"]) is Number


def test_quoted_and_block_scalars_are_text():
    """What is quoted, or stands in a block, is text and nothing else."""
    tree = parsed("a: '3'\nb: \"true\"\nc: |\n  5\nd: ''\n")

    assert tree.value == {"a": "3", "b": "true", "c": "5\n", "d": ""}
    assert {type(value) for value in tree.value.values()} == {str}


@pytest.mark.parametrize("text", ["80k", "12.5%", "1/8", "1,000", "1.2.3", "-x", "1 000", "=", "0.1.0", "v1", "none"])
def test_other_plain_text_stays_text(text):
    """What no YAML reader takes for something else is text, however much it looks like a number."""
    assert parsed(f"a: {text}\n").value == {"a": text}
    assert type(parsed(f"a: {text}\n").value["a"]) is str


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        *((word, "write true or false") for word in ("yes", "No", "ON", "off", "y", "N", "True", "TRUE", "False")),
        *((word, "write null") for word in ("Null", "NULL")),
        *(
            (number, "write decimal digits")
            for number in ("010", "-010", "0o17", "0b101", "0x1F", "12:30", "190:20:30.15")
        ),
        *(("1_000", "write 1000"), ("1e6", "write 1000000"), ("1.5E-3", "write 0.0015"), ("-1_0.5", "write -10.5")),
        *(
            (".5", "write 0.5"),
            ("-.5", "write -0.5"),
            ("5.", "write 5"),
            ("+5", "write 5"),
            ("1e400", "decimal digits"),
        ),
        *(
            (f"1e{'9' * 30}", "decimal digits"),
            (".inf", "decimal number"),
            ("-.Inf", "decimal number"),
            (".NaN", "decimal"),
        ),
        *((date, "quote it") for date in ("2024-01-31", "2001-12-14t21:59:43.10-05:00", "2001-12-14 21:59:43")),
    ],
)
def test_surprising_scalars_are_refused_with_a_hint(text, hint):
    """What YAML readers disagree about is a mistake that says what to write, and to quote it if text is meant."""
    (problem,) = refused(f"a: {text}\n")

    assert problem.startswith("a.yaml:1:4: ")
    assert hint in problem
    assert "quote it" in problem


@given(st.text(string.ascii_letters + string.digits + "+-._:/% ", min_size=1, max_size=12))
def test_a_plain_scalar_is_text_only_if_pyyaml_thinks_so(text):
    """Whatever PyYAML's own loader turns into something else is either read alike or refused."""
    try:
        theirs = yaml.safe_load(f"a: {text}\n")["a"]
    except (yaml.YAMLError, ValueError, TypeError):
        return
    if refused(f"a: {text}\n"):
        return

    ours = parsed(f"a: {text}\n").value["a"]
    if isinstance(ours, Number):
        assert float(ours) == theirs
    else:
        assert ours == theirs


printable = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"]), max_size=9)
values = st.recursive(
    st.none() | st.booleans() | printable,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(printable.filter(bool), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(printable.filter(bool), values, max_size=4))
def test_json_is_read_as_json(value):
    """JSON is YAML: texts, maps, lists, Booleans and nulls come back as they were."""
    assert parsed(json.dumps(value, ensure_ascii=False)).value == value


def test_places_of_keys_and_values():
    """Every key and value is found by its path, counted from 1, also inside flow maps and lists."""
    tree = parsed('a: 1\nsources:\n  b: {weight: 3, "c": [x, "y"]}\n한국: 값\n')

    assert {path: (place.line, place.column) for path, place in tree.keys.items()} == {
        ("a",): (1, 1),
        ("sources",): (2, 1),
        ("sources", "b"): (3, 3),
        ("sources", "b", "weight"): (3, 7),
        ("sources", "b", "c"): (3, 18),
        ("한국",): (4, 1),
    }
    places = {path: (place.line, place.column) for path, place in tree.places.items() if "" not in path}
    assert places[()] == (1, 1)
    assert places["sources", "b", "weight"] == (3, 15)
    assert places["sources", "b", "c", 1] == (3, 27)
    assert places["한국",] == (4, 5)


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("a: turns > x", 12),
        ("a: 'turns > x'", 13),
        ('a: "turns > x"', 13),
        ('a: "turns \\x3e x"', 4),
        ("a: 'it''s > x'", 4),
        ("a: >-\n  turns > x", 4),
        ("a: 'turns\n  > x'", 4),
    ],
)
def test_a_place_inside_a_text(text, column):
    """A character of a text is pointed at where the file has the text as it is, else the text's start."""
    problem = parsed(text).places["a",].problem_inside("x", 8)

    assert (problem.line, problem.column) == (1, column)


def test_all_mistakes_of_a_text_are_found():
    """A refused value does not hide the next one, not even below a key given twice."""
    problems = refused("a: &x yes\na: {b: no, b: 1}\n? [c]\n: *x\nd: !t 1_0\n")

    assert [problem.split(": ")[0] for problem in problems] == [
        *["a.yaml:1:4", "a.yaml:1:4"],
        *["a.yaml:2:1", "a.yaml:2:8", "a.yaml:2:12"],
        *["a.yaml:3:3", "a.yaml:4:3"],
        *["a.yaml:5:4", "a.yaml:5:4"],
    ]


def test_the_first_of_two_equal_keys_stays():
    """The rest is judged by the first of two equal keys."""
    tree = parse_yaml(b"a: 1\na: 2\n", "a.yaml")

    assert tree.value == {"a": "1"}
    assert tree.places["a",].line == 1


@pytest.mark.parametrize("bomb", ["[" * 200_000, "{a: " * 100_000, "- " * 100_000, "? " * 100_000])
def test_nesting_bombs_are_refused(bomb):
    """Text nested without end is one located line, at once, not a crash."""
    (problem,) = refused(f"a:\n {bomb}")

    assert "nested more than 32 deep" in problem


def test_alias_bombs_never_unfold():
    """Aliases are refused, not followed."""
    bomb = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30))

    assert len(refused(bomb)) == 30 + 29 * 9


@given(st.binary(max_size=60))
def test_no_bytes_crash_the_loader(data):
    """Whatever the bytes, there is a tree or a located mistake."""
    try:
        problems = parse_yaml(data, "a.yaml").problems
    except RecipeError as error:
        problems = error.problems

    assert all(problem.line > 0 and problem.column > 0 for problem in problems)


@given(st.text("ab:-[]{}&*!|>'\"%@`#?, \n\t\u2028\ufeff\x00é\ud800", max_size=30))
def test_no_text_crashes_the_loader(text):
    """Whatever the characters, there is a tree or a located mistake."""
    assert all(problem.startswith("a.yaml:") and "\n" not in problem for problem in refused(text))


def test_windows_line_ends_are_fine():
    """CRLF ends lines as LF does."""
    tree = parsed("a: 1\r\nb: x\r\n")

    assert tree.value == {"a": "1", "b": "x"}
    assert tree.places["b",].line == 2


def test_control_characters_in_quotes_do_not_reach_the_value():
    """A NUL that an escape makes is refused, and the value kept for further judging has none."""
    tree = parse_yaml(b'a: "x\\0y"\n', "a.yaml")

    assert tree.value == {"a": "x?y"}
    assert "U+0000" in tree.problems[0].message


def test_a_file_is_read_once(tmp_path):
    """Files are read by the path as given, which is what messages show."""
    (tmp_path / "a.yaml").write_text("a: 1\n")

    tree = load_yaml(f"{tmp_path}/a.yaml")

    assert tree.value == {"a": "1"}
    assert tree.file == f"{tmp_path}/a.yaml"
