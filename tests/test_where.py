"""The condition of `where`: its grammar, its three-valued logic, its refusals."""

import operator
import re

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixer.where import COLUMNS, Where, WhereError, parse

ROWS = {
    "turns": [1, 2, 20, 4_000_000_000, 0],
    "images": [0, 1, 2, 0, 1],
    "rating": [None, 4.5, -1.0, 0.1, 5.0],
    "subset": ["a.b", None, "axb", "x\ny", "it's"],
    "language": [None, None, "en", "ko", "한국"],
    "literal_tokens": [True, False, None, True, False],
}
TYPES = {"turns": pl.UInt32, "images": pl.UInt32, "rating": pl.Float64, "literal_tokens": pl.Boolean}
FRAME = pl.DataFrame(ROWS, schema_overrides=TYPES)


def answers(text):
    """Give what a condition says of each row: true, false or null."""
    return FRAME.select(parse(text).expr()).to_series().to_list()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("turns <= 20", [True, True, True, False, True]),
        ("turns > -1", [True] * 5),
        ("turns = 2.5", [False] * 5),
        ("turns = 4000000000", [False, False, False, True, False]),
        ("turns <> 1", [False, True, True, True, True]),
        ("20 >= turns", [True, True, True, False, True]),
        ("turns < images", [False, False, False, False, True]),
        ("rating = 0.1", [None, False, False, True, False]),
        ("rating = -1", [None, False, True, False, False]),
        ("rating >= turns", [None, True, False, False, True]),
        ("turns IN (1, 2.5, 20)", [True, False, True, False, False]),
        ("turns NOT IN (1)", [False, True, True, True, True]),
        ("rating IN (5)", [None, False, False, False, True]),
        ("turns BETWEEN 2 AND 20", [False, True, True, False, False]),
        ("turns NOT BETWEEN 2 AND 20", [True, False, False, True, True]),
        ("2 BETWEEN images AND turns", [False, True, True, True, False]),
        ("subset = 'a.b'", [True, None, False, False, False]),
        ("subset = 'it''s'", [False, None, False, False, True]),
        ("subset > 'a.b'", [False, None, True, True, True]),
        ("subset IN ('axb', 'it''s')", [False, None, True, False, True]),
        ("subset NOT IN ('axb')", [True, None, False, True, True]),
        ("subset BETWEEN 'a' AND 'b'", [True, None, True, False, False]),
        ("subset IS NULL", [False, True, False, False, False]),
        ("subset IS NOT NULL", [True, False, True, True, True]),
        ("literal_tokens", [True, False, None, True, False]),
        ("NOT literal_tokens", [False, True, None, False, True]),
        ("literal_tokens = FALSE", [False, True, None, False, True]),
        ("literal_tokens != TRUE", [False, True, None, False, True]),
        ("literal_tokens IN (TRUE)", [True, False, None, True, False]),
    ],
)
def test_each_kind_of_test(text, expected):
    """Comparisons say what SQL says, and nothing (null) of a missing value."""
    assert answers(text) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("a.b", [True, None, False, False, False]),
        ("a_b", [True, None, True, False, False]),
        ("a%", [True, None, True, False, False]),
        ("%b", [True, None, True, False, False]),
        ("A%", [False, None, False, False, False]),
        ("%", [True, None, True, True, True]),
        ("", [False, None, False, False, False]),
        ("x_y", [False, None, False, True, False]),
        ("x%y", [False, None, False, True, False]),
        ("x", [False, None, False, False, False]),
        (".*", [False, None, False, False, False]),
        ("a\\.b", [False, None, False, False, False]),
        ("it''s", [False, None, False, False, True]),
    ],
)
def test_like(pattern, expected):
    """% is any run of characters, _ is any one, all else is itself; the whole text must fit."""
    assert answers(f"subset LIKE '{pattern}'") == expected
    assert answers(f"subset NOT LIKE '{pattern}'") == [None if found is None else not found for found in expected]


def test_one_character_is_one_code_point():
    """_ stands for a Korean letter as for a Latin one."""
    assert answers("language LIKE '__'") == [None, None, True, True, True]


def test_not_binds_before_and_before_or():
    """NOT, then AND, then OR, as in SQL."""
    assert parse("NOT turns = 1 AND images = 1 OR rating = 1") == parse(
        "((NOT (turns = 1)) AND images = 1) OR rating = 1"
    )


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("turns<=20", "turns <= 20"),
        ("  turns\n\t<= 020.500 ", "turns <= 20.5"),
        ("turns <> -0", "turns != 0"),
        ("not(turns in(1,1,2))", "turns NOT IN (1, 2)"),
        ("turns between 1 and 2", "turns >= 1 AND turns <= 2"),
        ("((turns = 1 and images = 1) and (rating = 1))", "turns = 1 AND images = 1 AND rating = 1"),
        ("turns = 1 and (images = 1 or rating = 1)", "turns = 1 AND (images = 1 OR rating = 1)"),
        ("(turns = 1 and images = 1) or rating = 1", "turns = 1 AND images = 1 OR rating = 1"),
        ("not (turns = 1 or images = 1)", "NOT (turns = 1 OR images = 1)"),
        ("not not literal_tokens = true", "NOT NOT literal_tokens = TRUE"),
        ("subset is not null", "subset IS NOT NULL"),
        ("subset like 'it''s%'", "subset LIKE 'it''s%'"),
        ("turns = 100", "turns = 100"),
        ("turns = 999999999999999999", "turns = 999999999999999999"),
    ],
)
def test_conditions_are_equal_by_their_normal_form(text, normal):
    """Blanks, case of keywords and needless parentheses make no difference."""
    where = parse(text)

    assert where.text == normal
    assert where == parse(normal)
    assert hash(where) == hash(parse(normal))


def test_the_columns_that_a_condition_names():
    """The reader of the index learns which columns it needs."""
    assert parse("turns > 1 OR image IS NULL AND NOT turns = images").columns == ("image", "images", "turns")


def test_every_column_can_be_asked_for():
    """Each column of the table can be compared with a constant of its kind."""
    constants = {"text": "'x'", "number": "1", "boolean": "TRUE"}

    assert [parse(f"{name} = {constants[kind]}").columns for name, kind in COLUMNS.items()] == [
        (name,) for name in COLUMNS
    ]


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("", 0, "expected a column or a constant, got the end"),
        ("turns", 5, "expected a comparison after turns, such as = or IN, got the end"),
        ("turns = 'x'", 8, "turns is a number, 'x' is a text"),
        ("subset > 3", 9, "texts stand in single quotes"),
        ("literal_tokens = 1", 17, "literal_tokens is a boolean, 1 is a number"),
        ("literal_tokens > FALSE", 15, "expected = or != between Booleans"),
        ("literal_tokens BETWEEN FALSE AND TRUE", 0, "BETWEEN needs numbers or texts"),
        ("turns BETWEEN 1 AND 'x'", 20, "'x' is a text"),
        ("1 BETWEEN 0 AND 2", 0, "three constants are compared"),
        ("tunrs = 3", 0, "unknown column 'tunrs' (did you mean 'turns'?)"),
        ("Turns = 3", 0, "did you mean 'turns'?"),
        ("subset = vqav2", 9, "unknown column 'vqav2'"),
        ("lower(subset) = 'a'", 0, "lower(...) is a function, and there are none here"),
        ('subset = "a"', 9, "texts stand in single quotes"),
        ("turns == 3", 6, "write = for equality"),
        ("turns = 3 && images = 1", 10, "write AND"),
        ("turns = 3 || images = 1", 10, "write OR"),
        ("! literal_tokens", 0, "write NOT"),
        ("turns = NULL", 8, "write `column IS NULL`"),
        ("subset IN ('a', NULL)", 16, "write `column IS NULL`"),
        ("1 = 1", 0, "one side must be a column"),
        ("turns IN ()", 10, "expected a column or a constant, got )"),
        ("turns IN (1, 'a')", 13, "'a' is a text"),
        ("turns IN 1", 9, "expected (, got 1"),
        ("turns IN (images)", 10, "expected a column or a constant, got images"),
        ("subset IN (SELECT 1)", 11, "got SELECT"),
        ("1 IN (1)", 0, "expected a column here, got 1"),
        ("turns + 1 = 2", 6, "unexpected '+'"),
        ("turns = 80k", 8, "decimal digits"),
        ("turns = 1e6", 8, "decimal digits"),
        ("turns = 1_000", 8, "decimal digits"),
        ("turns = 1.", 8, "decimal digits"),
        ("turns = 1234567890123456789", 8, "at most 18 digits"),
        ("subset = 'a", 9, "without its closing quote"),
        ("turns LIKE '1'", 0, "LIKE needs a text column"),
        ("subset LIKE 1", 12, "expected a pattern in single quotes"),
        ("subset LIKE subset", 12, "expected a column or a constant, got subset"),
        (f"subset LIKE '{'_' * 1001}'", 12, "at most 1000 characters"),
        ("'a' IS NULL", 0, "expected a column here, got 'a'"),
        ("turns IS 3", 9, "expected NULL, got 3"),
        ("turns NOT 3", 10, "expected a comparison after turns"),
        ("literal_tokens NOT", 18, "expected a comparison after literal_tokens"),
        ("turns = 3; DROP", 9, "unexpected ';'"),
        ("turns = 3 -- x", 10, "unexpected '-'"),
        ("turns = 3 OR", 12, "got the end"),
        ("(turns = 3", 10, "expected ), got the end"),
        ("turns = 3)", 9, "expected AND, OR or the end, got )"),
        ("turns = 3 images = 1", 10, "expected AND, OR or the end, got images"),
        ("subset = 한글", 9, "unknown column '한글'"),
        ("(" * 200 + "turns = 1", 100, "nested more than 100 deep"),
        ("NOT " * 200 + "literal_tokens", 400, "nested more than 100 deep"),
    ],
)
def test_refusals_say_where(text, position, words):
    """What is not in the grammar is refused at its position, with what was expected."""
    with pytest.raises(WhereError) as caught:
        parse(text)

    assert words in caught.value.message
    assert caught.value.position == position


def test_long_conditions_do_not_overflow():
    """A condition of many thousand terms is evaluated without deep recursion."""
    text = (
        " OR ".join(f"turns = {number}" for number in range(20_000))
        + f" OR turns IN ({', '.join(map(str, range(9999)))})"
    )

    assert answers(text) == [True, True, True, False, True]


def test_the_longest_pattern_compiles():
    """The bound on patterns is within what the engine can hold."""
    assert answers("subset LIKE '" + "_%" * 500 + "'") == [False, None, False, False, False]


# --- against a small evaluator in Python -----------------------------------------------------------------------------

SIGNS = {"=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
NUMBERS = st.sampled_from(["0", "1", "2", "20", "4.5", "-1", "0.1", "4000000000"])
TEXTS = st.sampled_from(["a.b", "axb", "x\ny", "it's", "en", ""])
PATTERNS = st.text("ax.b%_\n's", max_size=4)


def quoted(text):
    """Write a text as a constant."""
    return "'" + text.replace("'", "''") + "'"


def known(function):
    """Make a function of values unknown where one of them is."""
    return lambda *values: None if None in values else function(*values)


def number(text):
    """Read a number as Python does."""
    return float(text) if "." in text else int(text)


def fits(pattern):
    """Make the test of a LIKE pattern."""
    regex = "".join({"%": ".*", "_": "."}.get(character, re.escape(character)) for character in pattern)
    return known(lambda text: re.fullmatch(regex, text, re.DOTALL) is not None)


@st.composite
def comparisons(draw):
    """Draw a simple condition: its text, and its truth for a row."""
    column = draw(st.sampled_from(["turns", "images", "rating", "subset", "language", "literal_tokens"]))
    if column == "literal_tokens":
        return column, lambda row: row["literal_tokens"]
    is_text = column in ("subset", "language")
    constants = draw(st.lists(TEXTS if is_text else NUMBERS, min_size=2, max_size=3))
    shown = [quoted(constant) if is_text else constant for constant in constants]
    values = constants if is_text else list(map(number, constants))
    kind = draw(st.sampled_from(["sign", "in", "between", "null", *(["like"] if is_text else [])]))
    no, flip = draw(st.sampled_from([("", lambda value: value), ("NOT ", known(operator.not_))]))
    if kind == "sign":
        sign = draw(st.sampled_from(sorted(SIGNS)))
        return f"{column} {sign} {shown[0]}", lambda row: known(SIGNS[sign])(row[column], values[0])
    if kind == "in":
        return f"{column} {no}IN ({', '.join(shown)})", lambda row: flip(known(values.__contains__)(row[column]))
    if kind == "between":
        inside = known(lambda value: values[0] <= value <= values[1])
        return f"{column} {no}BETWEEN {shown[0]} AND {shown[1]}", lambda row: flip(inside(row[column]))
    if kind == "null":
        return f"{column} IS {no}NULL", lambda row: flip(row[column] is None)
    pattern = draw(PATTERNS)
    return f"{column} {no}LIKE {quoted(pattern)}", lambda row: flip(fits(pattern)(row[column]))


def joined(parts, word):
    """Join conditions as Kleene does: AND is the least, OR the greatest of false < unknown < true."""
    rank = {False: 0, None: 1, True: 2}
    choose = min if word == "AND" else max
    text = f" {word} ".join(f"({part})" for part, _ in parts)
    return text, lambda row: choose((truth(row) for _, truth in parts), key=rank.get)


conditions = st.recursive(
    comparisons(),
    lambda inner: (
        st.builds(joined, st.lists(inner, min_size=2, max_size=3), st.sampled_from(["AND", "OR"]))
        | inner.map(lambda part: (f"NOT ({part[0]})", lambda row: known(operator.not_)(part[1](row))))
    ),
    max_leaves=6,
)


@given(conditions)
def test_conditions_say_what_three_valued_logic_says(condition):
    """Parsed, printed, parsed again and evaluated, a condition agrees with a plain evaluator on every row."""
    text, truth = condition
    where = parse(text)
    rows = [dict(zip(ROWS, values, strict=True)) for values in zip(*ROWS.values(), strict=True)]

    assert answers(text) == [truth(row) for row in rows]
    assert parse(where.text) == where
    assert answers(where.text) == answers(text)


@given(st.text("()',.=<>!-0129 abnotINturnsLIKE%_", max_size=40) | st.text(max_size=20))
def test_no_text_crashes_the_parser(text):
    """Whatever the characters, there is a condition or a located refusal."""
    try:
        where = parse(text)
    except WhereError as error:
        position = error.position
    else:
        position = 0
        assert isinstance(where, Where)

    assert 0 <= position <= len(text)
