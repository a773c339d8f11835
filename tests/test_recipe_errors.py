"""Every kind of mistake in a recipe, once: the place and the words that a user sees."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixer import sources
from mixer.errors import RecipeError, UsageError
from mixer.recipe import load_recipe

HEAD = "mixer: 1\nname: mix\n"
ONE = HEAD + "sources:\n  svit_core_150k: {}\n"

# A mark shows where the mistake must be found; it is taken out before the text is read.
MARK = "»"

TEXT = [
    ("empty", "»", "the file is empty"),
    ("only a comment", "»# nothing\n", "the file is empty"),
    ("list at the top", "»- mixer\n", "expected a map at the top"),
    ("text at the top", "»hello\n", "expected a map at the top"),
    ("syntax", ONE + "order: [shuffle\n»", "this is not YAML"),
    ("tab as indentation", HEAD + "sources:\n»\tsvit: {}\n", "this is not YAML"),
    ("duplicate key", ONE + "seed: 1\n»seed: 2\n", "key 'seed' is given twice, first in line 5"),
    ("duplicate leaf", ONE + "  »svit_core_150k: {count: 3}\n", "given twice, first in line 4"),
    ("anchor", HEAD + "sources: »&all\n  svit: {}\n", "anchor &all is not allowed"),
    ("alias", ONE + "size: »*a\n", "alias *a is not allowed"),
    ("tag", ONE + "seed: »!!python/object:os.system 1\n", "tag !!python/object:os.system is not allowed"),
    ("local tag", ONE + "seed: »!env SEED\n", "tag !env is not allowed"),
    ("merge key", HEAD + "sources:\n  svit:\n    »<<: {count: 3}\n", "merge keys (<<) are not allowed"),
    ("number as key", HEAD + "sources:\n  »665: {use: svit}\n", "a key is text, got 665: quote it"),
    ("list as key", HEAD + "sources:\n  »[a]: {use: svit}\n", "a key is text, got a list"),
    ("two documents", ONE + "»---\nmixer: 1\n", "a second document"),
    ("directive", "»%YAML 1.1\n---\n" + ONE, "directives"),
    ("Boolean word", ONE + "description: »No\n", "No is a Boolean to some YAML readers"),
    ("octal", ONE + "seed: »010\n", "010 is an octal"),
    ("hexadecimal", ONE + "seed: »0x11\n", "0x11 is a hexadecimal"),
    ("base 60", ONE + "seed: »12:30\n", "to base 60"),
    ("grouped digits", ONE + "seed: »1_000\n", "write 1000,"),
    ("exponent", ONE + "seed: »1e6\n", "write 1000000,"),
    ("no digit before the point", HEAD + "sources: {svit: {epochs: ».5}}\n", "write 0.5,"),
    ("infinity", HEAD + "sources: {svit: {epochs: ».inf}}\n", "a number without end"),
    ("date", ONE + "description: »2024-01-31\n", "is a date"),
    ("plus sign", ONE + "seed: »+17\n", "write 17,"),
    ("long number", ONE + "seed: »" + "1" * 41 + "\n", "at most 40 characters"),
    ("control character", ONE + "description: a»\x07b\n", "U+0007"),
    ("escaped control character", ONE + 'description: »"a\\0b"\n', "U+0000"),
    ("byte order mark", "»\ufeff" + ONE, "byte order mark"),
    ("deep nesting", "a: " + "[" * 32 + "»" + "[" * 500 + "\n", "more than 32 deep"),
]

TOP = [
    ("no version", "»name: mix\nsources: {svit: {}}\n", "key 'mixer' is missing"),
    ("other version", "mixer: »2\nname: mix\nsources: {svit: {}}\n", "expected `mixer: 1`"),
    ("version as text", 'mixer: »"1"\nname: mix\nsources: {svit: {}}\n', "expected `mixer: 1`"),
    ("no name", "»mixer: 1\nsources: {svit: {}}\n", "key 'name' is missing"),
    ("no sources", "»mixer: 1\nname: mix\n", "key 'sources' is missing"),
    ("empty sources", HEAD + "sources: »{}\n", "expected at least one entry"),
    ("list of sources", HEAD + "sources:\n  »- svit\n", "expected a map, got a list"),
    ("unknown key", ONE + "»oder: shuffle\n", "unknown key 'oder' (did you mean 'order'?)"),
    ("name with a slash", "mixer: 1\nname: »../mix\nsources: {svit: {}}\n", "expected a name"),
    ("hidden name", "mixer: 1\nname: ».mix\nsources: {svit: {}}\n", "expected a name"),
    ("number as name", "mixer: 1\nname: »665\nsources: {svit: {}}\n", 'got the number 665: write "665"'),
    ("negative seed", ONE + "seed: »-1\n", "of at least 0, got -1"),
    ("fraction as seed", ONE + "seed: »1.5\n", "expected a whole number of at least 0, got 1.5"),
    ("thousands", ONE + "size: »80k\n", "write 80000"),
    ("millions", ONE + "size: »1.5M\n", "write 1500000"),
    ("quoted number", ONE + "size: »'600'\n", "remove the quotes"),
    ("quoted grouped digits", ONE + "size: »'80_000'\n", "write 80000"),
    ("too large", ONE + "size: »1000000000000000001\n", "expected at most 1000000000000000000"),
    ("null", ONE + "size: »null\n", "got nothing"),
    ("unknown unit", ONE + "unit: »sample\n", "did you mean 'samples'?"),
    ("tokens", ONE + "unit: »tokens\n", "unit tokens needs `tokens:"),
    ("unknown on_short", ONE + "on_short: »reapeat\n", "did you mean 'repeat'?"),
    ("unknown order", ONE + "order: »random\n", "expected 'shuffle', 'spread' or 'blocks', got the text 'random'"),
    ("unknown target", ONE + "output: {for: »lava}\n", "did you mean 'llava'?"),
    ("target as text", ONE + "output: »llava\n", "expected a list, got the text 'llava'"),
    ("target twice", ONE + "output:\n  - {for: llava}\n  - {for: »llava}\n", "output llava is given twice"),
    ("inexpressible", ONE + "output: {for: llava, inexpressible: »escape}\n", "expected 'error' or 'drop'"),
    ("unknown output key", ONE + "output: [{»fro: llava}]\n", "unknown key 'fro' (did you mean 'for'?)"),
    ("max_bad as number", ONE + "max_bad: »0.05\n", "write 5%"),
    ("size is missing", HEAD + "sources:\n  svit: {»weight: 1}\n", "a weight needs `size:`"),
    ("too many shares", HEAD + "size: 9\nsources: {svit: {share: 60%}, svit_core_150k: {share: »1/2}}\n", "110%"),
]

LEAF = [
    ("bare number", "svit: »3", "the key is the unit, write {weight: 3} or {count: 3}"),
    ("bare share", "svit: »12.5%", "write {share: 12.5%}"),
    ("bare text", "svit: »all", "expected a map, got the text 'all'"),
    ("nothing", "svit:»", "for all of svit, once, write {}"),
    ("list", "svit: »[1]", "expected a map, got a list"),
    ("leaf name", "»a/b: {use: svit}", "expected a name"),
    ("unknown source", "»svit_core_150: {}", "unknown source 'svit_core_150' (did you mean 'svit_core_150k'?)"),
    ("unknown source with rules", "»svti: {except: {source: svit}, where: turns > 1}", "unknown source 'svti'"),
    ("unknown use", "x: {use: »svti}", "unknown source 'svti' (did you mean 'svit'?)"),
    ("use as number", "x: {use: »3}", "expected text, got the number 3"),
    ("unknown key", "svit: {»wieght: 3}", "unknown key 'wieght' (did you mean 'weight'?)"),
    ("two amounts", "svit: {count: 3, »epochs: 1}", "an entry has one amount, and 'count' is given"),
    ("count of none", "svit: {count: »0}", "at least 1, got 0"),
    ("count as fraction", "svit: {count: »1/2}", "expected a whole number of at least 1, got the text '1/2'"),
    ("count as Boolean", "svit: {count: »true}", "got true"),
    ("epochs of none", "svit: {epochs: »0}", "expected a number above 0"),
    ("epochs as share", "svit: {epochs: »150%}", "a percentage is a share"),
    ("division by zero", "svit: {epochs: »1/0}", "expected a number above 0"),
    ("negative weight", "svit: {weight: »-1}", "expected a number above 0"),
    ("share as number", "svit: {share: »0.125}", "write 12.5%"),
    ("share as whole number", "svit: {share: »5}", "write 5%"),
    ("share of nothing", "svit: {share: »0%}", "above 0% and up to 100%"),
    ("share above all", "svit: {share: »101%}", "above 0% and up to 100%"),
    ("weight too large", "svit: {weight: »1000000000000000001}", "expected at most 1000000000000000000"),
    ("share as text", "svit: {share: »half}", "expected a share, such as 12.5% or 1/8, got the text 'half'"),
    ("budget as text", "svit: {budget: »2 000}", "write 2000"),
    ("max_per_image", "svit: {max_per_image: »0}", "at least 1, got 0"),
    ("unknown option", "svit: {options: {»part: [detail]}}", "unknown option 'part' (did you mean 'parts'?)"),
    ("option's value", "svit: {options: {parts: [»detial]}}", "did you mean 'detail'?"),
    ("option's type", "svit: {options: {parts: »detail}}", "expected a list, got the text 'detail'"),
    ("options of none", "svit_core_150k: {options: {»parts: 1}}", "unknown option 'parts'"),
    ("options as list", "svit: {options: »[a]}", "expected a map, got a list"),
    ("unknown file", "svit: {files: {»details.json: x.json}}", "svit has no published file 'details.json'"),
    ("file as number", "svit: {files: {conversation.json: »3}}", "expected text, got the number 3"),
    ("path of a published source", "svit: {»path: x.json}", "svit has published files"),
    ("own file without path", "»llava_json: {}", "say which with `path:`"),
    ("files of an own file", "llava_json: {path: x.json, »files: {records.json: z}}", "named by `path:`"),
    ("columns of a published source", "svit: {»columns: {id: x}}", "takes no 'columns'"),
    ("media of a published source", "svit: {»media: {strip: /x}}", "takes no 'media'"),
    ("unknown column", "llava_json: {path: x, columns: {»imag: i}}", "did you mean 'image'?"),
    ("column as number", "llava_json: {path: x, columns: {image: »3}}", "expected text, got the number 3"),
    ("columns twice", "llava_json: {path: x, »columns: {}, options: {columns: {}}}", "keep one of the two"),
    ("media without prefix", "llava_json: {path: x, media: »{}}", "key 'strip' is missing"),
    ("where: unknown column", 'svit: {where: "turns > 1 AND »turn < 9"}', "unknown column 'turn'"),
    ("where: type", "svit: {where: turns = »'x'}", "turns is a number, 'x' is a text"),
    ("where: rest", 'svit: {where: "turns = 1 »2"}', "expected AND, OR or the end"),
    ("where: folded", "svit:\n    where: »>-\n      turns\n      = x", "where: unknown column 'x'"),
    ("where: empty", 'svit: {where: »" "}', "expected text, got the text ' '"),
    ("except: unknown source", "svit: {except: {source: »svti}}", "unknown source 'svti'"),
    ("except: source as number", "svit: {except: {source: »3}}", "expected text, got the number 3"),
    ("except: neither", "svit: {except: »{by: id}}", "got neither"),
    ("except: both", "svit: {except: »{source: svit, file: x.json}}", "got both"),
    ("except: by", "svit: {except: {source: svit, by: »question}}", "expected 'content', 'prompt', 'id' or 'image'"),
    ("except: own source", "svit: {except: {source: »llava_json}}", "write `file: PATH` instead"),
    ("except: options of a file", "svit: {except: {file: x.json, »options: {}}}", "goes with `source`"),
    ("except: option", "svit: {except: {source: svit, options: {»part: 1}}}", "unknown option 'part'"),
    ("only: second of a list", "svit: {only: [{file: a.json}, {file: b.json, »exepct: 3}]}", "did you mean 'expect'?"),
    ("only: text", "svit: {only: »a.json}", "expected a list, got the text 'a.json'"),
    ("only: empty list", "svit: {only: »[]}", "expected at least one entry"),
    ("nested: recipe as number", "x: {recipe: »3}", "expected text, got the number 3"),
    ("nested: missing", "x: {recipe: »korea.yaml}", "there is no korea.yaml (did you mean 'korean.yaml'?)"),
    ("nested: missing folder", "x: {recipe: »a/b.yaml}", "there is no a/b.yaml: its folder does not exist"),
    ("nested: a folder", "x: {recipe: ».}", "cannot read .: Is a directory"),
    (
        "nested: more than an amount",
        "x: {recipe: korean.yaml, »where: turns > 1}",
        "beside `recipe` stands only an amount",
    ),
    ("nested: circle", "x: {recipe: »mix.yaml}", "in a circle: mix.yaml -> mix.yaml"),
    ("nested: another definition", "x: {recipe: korean.yaml}\n  »svit: {}", "'svit' is another thing in korean.yaml:4"),
]

TABLE = [
    *((f"text: {name}", text, words) for name, text, words in TEXT),
    *((f"top: {name}", text, words) for name, text, words in TOP),
    *((f"leaf: {name}", f"{HEAD}size: 1000\nsources:\n  {text}\n", words) for name, text, words in LEAF),
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Give a folder to work in, with a recipe to nest or extend."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "korean.yaml").write_text(HEAD + "sources:\n  svit: {options: {parts: [detail]}}\n")
    return tmp_path


def problems(path):
    """Give the problems of a recipe that must not load."""
    with pytest.raises(RecipeError) as caught:
        load_recipe(path)
    assert all("\n" not in problem.message for problem in caught.value.problems)
    return caught.value.problems


@pytest.mark.parametrize(("text", "words"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_a_mistake_is_shown_where_it_is(folder, text, words):
    """Each mistake gives one problem, at its line and column, that says what is wrong."""
    before = text[: text.index(MARK)]
    (folder / "mix.yaml").write_text(text.replace(MARK, ""), encoding="utf-8")

    (problem,) = problems("mix.yaml")

    assert words in problem.message
    assert (problem.file, problem.line) == ("mix.yaml", before.count("\n") + 1)
    assert problem.column == len(before) - before.rfind("\n")


def test_all_mistakes_are_told_at_once(folder):
    """Mistakes of the text, of its values and between its parts come together, in the order of the file."""
    (folder / "mix.yaml").write_text(
        "mixer: 1\n"
        "seed: 1_000\n"
        "size: 80k\n"
        "sources:\n"
        "  svit: {wieght: 2, where: turns > 'x', options: {parts: [x], z: 1}}\n"
        "  llava_json: {count: 1, share: 101%, except: {source: svti, expect: -1}}\n"
        "  korean: {recipe: korea.yaml, path: x}\n"
    )

    found = [(problem.line, problem.column) for problem in problems("mix.yaml")]

    assert found == [
        *[(1, 1), (2, 7), (3, 7)],
        *[(5, 10), (5, 36), (5, 59), (5, 63)],
        *[(6, 3), (6, 26), (6, 33), (6, 56), (6, 70)],
        *[(7, 20), (7, 32)],
    ]


def test_what_follows_from_a_refused_value_is_not_told(folder):
    """A value that YAML readers disagree about is one mistake, not two."""
    (folder / "mix.yaml").write_text(ONE + "seed: 0x11\nsize: *a\n")

    messages = [problem.message for problem in problems("mix.yaml")]

    assert len(messages) == 2


@pytest.mark.parametrize(
    "output", ["llava", "{for: axolotl}", "[{for: axolotl}]", "[{for: jsonl}, {for: axolotl}, llava]", "[]"]
)
def test_a_refused_target_is_taken_for_no_other(folder, output):
    """Each is one mistake: none is llava, which is meant where nothing is said, and which reads no pairs."""
    text = f"{HEAD}kind: preference\nsources: {{rlhf_v: {{}}}}\noutput: {output}\n"
    (folder / "mix.yaml").write_text(text)

    messages = [problem.message for problem in problems("mix.yaml")]

    assert all(message.startswith("expected ") for message in messages)
    assert len(messages) == output.count("axolotl") + output.endswith(("llava", "llava]", "[]"))


def test_a_mistake_in_a_parent_is_shown_in_the_parent(folder):
    """What a child inherits is located in the file that wrote it."""
    (folder / "base.yaml").write_text(HEAD + "size: 80k\nsources:\n  svti: {}\n")
    (folder / "mix.yaml").write_text("mixer: 1\nextends: base.yaml\nseed: x\n")

    assert [str(problem).split(": ")[0] for problem in problems("mix.yaml")] == [
        "mix.yaml:3:7",
        "base.yaml:3:7",
        "base.yaml:5:3",
    ]


def test_a_value_that_a_child_replaced_is_not_looked_for_in_the_parent(folder):
    """A map that takes the place of a parent's list is judged where the child wrote it."""
    (folder / "base.yaml").write_text(HEAD + "sources:\n  svit: {only: [{file: a.json}, {file: b.json}]}\n")
    (folder / "mix.yaml").write_text("mixer: 1\nextends: base.yaml\nsources: {svit: {only: {flie: c.json}}}\n")

    assert [str(problem).split(": ")[0] for problem in problems("mix.yaml")] == ["mix.yaml:3:24", "mix.yaml:3:25"]


@pytest.mark.parametrize(
    ("extends", "words"),
    [
        ("bsae.yaml", "there is no bsae.yaml (did you mean 'base.yaml'?)"),
        ("mix.yaml", "in a circle: mix.yaml -> mix.yaml"),
        ("loop.yaml", "in a circle: loop.yaml -> loop.yaml"),
        ("3", "expected the path of a recipe, got the number 3"),
        ("[a]", "expected the path of a recipe, got a list"),
        ("", "expected the path of a recipe, got nothing"),
        ("old.yaml", "key 'mixer' is missing"),
        ("broken.yaml", "this is not YAML"),
    ],
)
def test_a_parent_that_cannot_be_used(folder, extends, words):
    """A missing, circular or unreadable parent is one located line."""
    (folder / "base.yaml").write_text(ONE)
    (folder / "loop.yaml").write_text("mixer: 1\nextends: loop.yaml\n")
    (folder / "old.yaml").write_text("name: mix\nsources: {svit: {}}\n")
    (folder / "broken.yaml").write_text("mixer: [1\n")
    (folder / "mix.yaml").write_text(f"mixer: 1\nextends: {extends}\n")

    (problem,) = problems("mix.yaml")

    assert words in problem.message


def test_null_removes_only_what_the_parent_has(folder):
    """A null without a key to remove is a mistake."""
    (folder / "base.yaml").write_text(ONE)
    (folder / "mix.yaml").write_text("mixer: 1\nextends: base.yaml\nsize: null\n")

    (problem,) = problems("mix.yaml")

    assert (problem.line, problem.column) == (3, 7)
    assert "got nothing" in problem.message


def test_a_circle_through_several_files_names_them(folder):
    """The files of a circle of nested recipes are listed in order."""
    (folder / "a.yaml").write_text(HEAD + "sources:\n  b: {recipe: b.yaml}\n")
    (folder / "b.yaml").write_text(HEAD + "sources:\n  a: {recipe: a.yaml}\n")

    (problem,) = problems("a.yaml")

    assert str(problem) == "b.yaml:4:15: recipes read each other in a circle: a.yaml -> b.yaml -> a.yaml"


def test_recipes_that_double_at_every_level_are_stopped(folder):
    """The number of entries is bounded, however nested recipes multiply them."""
    for level in range(20):
        twice = "".join(f"  {side}: {{recipe: level{level + 1}.yaml}}\n" for side in "ab")
        (folder / f"level{level}.yaml").write_text(HEAD + "sources:\n" + twice)
    (folder / "level20.yaml").write_text(ONE)

    (problem,) = problems("level0.yaml")

    assert "more than 10000 entries" in problem.message


def test_a_long_chain_of_parents_is_stopped(folder):
    """The number of files that name each other is bounded."""
    for level in range(40):
        (folder / f"level{level}.yaml").write_text(f"mixer: 1\nextends: level{level + 1}.yaml\n")
    (folder / "level40.yaml").write_text(ONE)

    (problem,) = problems("level0.yaml")

    assert "more than 32 recipes" in problem.message


WHOLE = """mixer: 1
name: mix
seed: 17
unit: turns
size: 600
sources:
  svit: {weight: 0.5, where: "turns <= 20", options: {parts: [detail]}, files: {conversation.json: c.json}}
  mine:
    use: llava_jsonl
    path: a.jsonl
    columns: {image: img}
    media: {strip: /mnt}
    share: 12.5%
    only: [{file: b.json, by: image}, {source: svit, expect: 3}]
  ko: {recipe: korean.yaml, epochs: 3/2}
order: spread
output: [{for: jsonl, inexpressible: drop}]
max_bad: 2%
"""
PIECES = [
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "'",
    '"',
    "\n",
    " ",
    "-",
    "&",
    "*",
    "!",
    "|",
    "%",
    "#",
    "0",
    "é",
    "\x00",
    "null",
]
edits = st.lists(
    st.tuples(st.integers(0, len(WHOLE)), st.integers(0, 12), st.sampled_from(PIECES) | st.text(max_size=3)), max_size=3
)


@given(edits)
def test_no_edit_of_a_recipe_crashes(tmp_path_factory, changes):
    """A recipe damaged anywhere loads or gives located lines."""
    text = WHOLE
    for start, length, piece in changes:
        text = text[:start] + piece + text[start + length :]
    folder = tmp_path_factory.mktemp("edit")
    (folder / "korean.yaml").write_text(HEAD + "sources:\n  llava_pretrain: {}\n")
    (folder / "mix.yaml").write_text(text, encoding="utf-8", errors="surrogatepass")

    try:
        found = load_recipe(folder / "mix.yaml").children
    except RecipeError as error:
        found = [problem for problem in error.problems if problem.line > 0 and "\n" not in problem.message]

    assert found


def test_many_mistakes_are_counted(folder):
    """After a hundred mistakes the rest is a number."""
    (folder / "mix.yaml").write_text(ONE + "".join(f"key{n}: 1\n" for n in range(300)))

    found = problems("mix.yaml")

    assert len(found) == 101
    assert found[-1].message == "this and 199 more mistakes"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("korea.yaml", "there is no korea.yaml (did you mean 'korean.yaml'?)"),
        ("nowhere/mix.yaml", "there is no nowhere/mix.yaml: its folder does not exist"),
        (".", "cannot read .: Is a directory"),
    ],
)
def test_a_recipe_that_is_not_there(folder, path, words):
    """A missing recipe is a mistake on the command line, in one line."""
    with pytest.raises(UsageError) as caught:
        load_recipe(path)

    assert str(caught.value) == words
    assert caught.value.exit_code == 2


def test_many_names_are_not_listed(folder):
    """A missing recipe in a crowded folder does not list the folder."""
    for number in range(30):
        (folder / f"{number}.yaml").touch()

    with pytest.raises(UsageError, match=r"^there is no zzzzzzzz$"):
        load_recipe("zzzzzzzz")


@pytest.mark.parametrize(
    ("names", "words"),
    [(["svit", "gqa"], "(known: gqa, svit)"), ([f"v{n}" for n in range(20)], "; `mixer sources` lists")],
)
def test_many_sources_are_not_listed(folder, monkeypatch, names, words):
    """An unknown source lists a few names, of many it says where they are."""
    monkeypatch.setattr(sources, "names", lambda: names)
    (folder / "mix.yaml").write_text(HEAD + "sources: {mine: {use: zzzzzzzz}}\n")

    (problem,) = problems("mix.yaml")

    assert words in problem.message


@pytest.mark.parametrize("override", [{"seed": -1}, {"size": 0}, {"seed": 10**19}])
def test_overrides_are_judged_like_the_recipe(folder, override):
    """A seed or size of the command line has the bounds of a recipe's."""
    with pytest.raises(UsageError, match="expected a s"):
        load_recipe("korean.yaml", **override)


def test_latin_text_is_refused(folder):
    """A file that is not UTF-8 is refused at the byte."""
    (folder / "mix.yaml").write_bytes(ONE.encode() + "description: Straße\n".encode("latin-1"))

    (problem,) = problems("mix.yaml")

    assert str(problem) == "mix.yaml:5:18: byte 0xdf is not UTF-8; save the file as UTF-8"


def test_a_large_file_is_refused(folder):
    """A file too large for a recipe is refused before it is parsed."""
    (folder / "mix.yaml").write_bytes(b"#" * (5 << 20))

    (problem,) = problems("mix.yaml")

    assert "larger than 4 MiB" in problem.message


def test_messages_stay_in_one_line(folder):
    """Line ends inside a quoted value are shown as escapes."""
    (folder / "mix.yaml").write_text(
        HEAD + 'sources:\n  x: {recipe: "a\\nb.yaml"}\n  z: {use: svit, where: "id = \'a\\nb\' 3"}\n'
    )

    assert [problem.line for problem in problems("mix.yaml")] == [4, 5]
