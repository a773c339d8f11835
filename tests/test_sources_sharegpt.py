"""ShareGPT: what Vicuna's cleaning drops, cuts and splits, and HTML made Markdown."""

import importlib

import msgspec
import pytest

from mixer import sources
from mixer.conversation import Labelled, Skip, Turn
from mixer.errors import UsageError
from mixer.shared import html_text
from mixer.shared.html_text import Unreadable, markdown
from mixer.sources.sharegpt import Raw

SPLIT = "ShareGPT_V3_unfiltered_cleaned_split"
ERROR = "Too many requests in 1 hour. Try again later."


def raw(*values, id="kT3xWqa", roles=("human", "gpt"), **more):
    """Give a dialogue."""
    turns = [Turn(roles[n % len(roles)], value) for n, value in enumerate(values)]
    return Raw(id, turns, **more)


def convert(*raws, file="sg_90k_html_cleaned", **options):
    """Convert dialogues, grouped as the engine does; give the conversations and {reason: items} of what was skipped."""
    source = sources.get("sharegpt")
    groups = {}
    for each in raws:
        groups.setdefault(each.first, []).append(each)
    made, skipped = [], {}
    for group in groups.values():
        given = list(source.convert(group, source.options(file=file, **options)))
        assert sum(each.items for each in given) == len(group)
        for each in given:
            if type(each) is Labelled:
                made.append(each.conversation)
            else:
                assert type(each) is Skip
                skipped[each.reason] = skipped.get(each.reason, 0) + each.items
    return made, skipped


def texts(made):
    """List the texts of each conversation."""
    return [[turn.value for turn in each.conversations] for each in made]


ONE = ("Where does the jar stand?", "On the shelf.")


@pytest.mark.parametrize(
    ("dialogue", "kept"),
    [
        (raw(*ONE), list(ONE)),
        (raw("  Where does the jar stand?\n", "\n\nOn the shelf. "), list(ONE)),
        (raw("I am a jar.", *ONE, roles=("system", "human", "gpt")), list(ONE)),
        (raw("Before.", *ONE, roles=("gpt", "human")), list(ONE)),
        (raw(*ONE, "Thanks."), list(ONE)),
        (raw(*ONE, "And the lid?", " ", "Hello?", "Yes."), list(ONE)),
        (raw(*ONE, "And the lid?", "\u200bThere.", "Hello?", "Yes."), list(ONE)),
        (raw(*ONE, "", "openai", roles=("human", "gpt", "human", "human")), list(ONE)),
        (raw("Which, <image> or </s>?", "USER: <image>"), ["Which, <image> or </s>?", "USER: <image>"]),
    ],
)
def test_dialogues_are_cleaned(dialogue, kept):
    """Ends that are no whole rounds go, and so does all from the first empty or unprintable turn on."""
    made, skipped = convert(dialogue)

    assert (texts(made), skipped) == ([kept], {})
    assert [turn.from_ for turn in made[0].conversations] == ["human", "gpt"]
    assert made[0].id == "kT3xWqa_0"
    assert made[0].image is None


@pytest.mark.parametrize(
    ("dialogue", "reason"),
    [
        (raw(), "too short"),
        (raw("Where does the jar stand?"), "too short"),
        (raw("On the shelf", "or below it, for all I know", roles=("gpt", "human")), "too short"),
        (raw("Jar?", "No jar."), "too short"),
        (raw("", "On the shelf it is."), "too short"),
        (raw(*ONE, *ONE, roles=("human", "gpt", "gpt", "human")), "roles do not alternate"),
        (raw(*ONE, roles=("user", "chatgpt")), "too short"),
        (raw(*ONE, *ONE, roles=("user", "chatgpt")), "roles do not alternate"),
        (raw(*ONE, roles=("human", "bing")), "roles do not alternate"),
        (raw("What is OpenAI, and where?", "A company."), "names OpenAI or ChatGPT"),
        (raw("What are you, my friend?", "I am chatgpt."), "names OpenAI or ChatGPT"),
        (raw(*ONE, "And now?", f" {ERROR}"), "an answer is an error message"),
        (raw("Where is the jar?", f"!{ERROR}"), "an answer is an error message"),
        (raw(*ONE, plugins=["browser"]), "uses plugins"),
        (raw("List the jars.", "Here:\n1. One\n1. Another\n1. A third"), "a list starts anew at 1"),
    ],
)
def test_dialogues_are_skipped(dialogue, reason):
    """With the first reason met, in FastChat's order."""
    assert convert(dialogue) == ([], {reason: 1})


@pytest.mark.parametrize("answer", ["It said: " + ERROR, "\n1. a\n2. b\n1. c", "1. a\n1. b"])
def test_what_only_looks_like_a_fault_is_kept(answer):
    """Error messages begin an answer; a list is wrong where no 2 comes between, after a line break."""
    made, skipped = convert(raw("What did it say to you?", answer))

    assert (len(made), skipped) == (1, {})


def test_the_first_of_dialogues_that_begin_alike_counts():
    """Whatever follows, and whatever their ids are."""
    made, skipped = convert(
        raw(*ONE, id="a"), raw(*ONE, "And the lid?", "On it.", id="b"), raw(ONE[0], "Below the shelf.", id="c")
    )

    assert [each.id for each in made] == ["a_0", "c_0"]
    assert skipped == {"first question and answer of another dialogue": 1}


def test_older_dumps_have_items():
    """A record with neither is bad."""
    old = msgspec.convert(
        {"id": "x", "items": [{"from": "human", "value": ONE[0]}, {"from": "gpt", "value": ONE[1]}]}, Raw
    )

    assert texts(convert(old)[0]) == [list(ONE)]
    with pytest.raises(msgspec.ValidationError, match="neither `conversations` nor `items`"):
        msgspec.convert({"id": "x"}, Raw)


def rounds(*tokens):
    """Give a dialogue whose rounds are estimated at so many tokens each."""
    return raw(*(text for count in tokens for text in ("Go on, please ..", "x" * (count - 12 - 4) * 4)))


@pytest.mark.parametrize(
    ("tokens", "first", "every"),
    [
        ((100, 100), [(0, 4)], [(0, 4)]),
        ((1000, 1048), [(0, 4)], [(0, 4)]),
        ((1000, 1000, 1000, 100), [(0, 4)], [(0, 4), (4, 8)]),
        ((1000, 1000, 1000), [(0, 4)], [(0, 4)]),  # FastChat loses a last round that does not fit
        ((3000, 100, 100), [(0, 2)], [(0, 2), (2, 6)]),
        ((100, 3000, 100, 100), [(0, 2)], [(0, 2), (2, 4), (4, 8)]),
        ((3000, 100), [(0, 2)], [(0, 2)]),
        ((3000,), [], []),
    ],
)
def test_long_dialogues_are_split_between_rounds(tokens, first, every):
    """At 2,048 tokens, in FastChat's way; LLaVA-1.5 takes the first part only."""
    turns = [turn.value for turn in rounds(*tokens).turns]
    wanted = {"first": first, "split": every}

    for long, parts in wanted.items():
        made, skipped = convert(rounds(*tokens), long=long)
        assert texts(made) == [turns[start:stop] for start, stop in parts]
        assert [each.id for each in made] == [f"kT3xWqa_{start}" for start, _ in parts]
        assert skipped == ({} if parts else {"one round, and longer than max_tokens": 1})
    assert texts(convert(rounds(*tokens), max_tokens=0)[0]) == [turns]


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("xxxx" * 20, True),
        ("xxxx" * 20 + "x", False),
        ("éé" * 10, True),
        ("éé" * 9 + "xx" * 4, True),
        ("éé" * 10 + "x", False),
        ("한글" * 7, False),
    ],
)
def test_tokens_are_estimated(text, fits):
    """1 for 4 ASCII characters or 2 bytes of others, and 6 for each turn."""
    made, _ = convert(raw("Go on, please ..", text), max_tokens=4 + 6 + 20 + 6)

    assert bool(made) == fits


def test_a_part_with_a_wrong_list_is_lost_alone():
    """The dialogue counts as used if any other part is."""
    wrong = raw(
        "Go on, please ..", "So:\n1. a\n1. b", "Go on, please ..", "x" * 8000, "Go on, please ..", "x" * 4800, "a", "b"
    )

    made, skipped = convert(wrong, long="split")

    assert [each.id for each in made] == ["kT3xWqa_4"]
    assert skipped == {"a list starts anew at 1": 0}
    assert convert(wrong) == ([], {"a list starts anew at 1": 1})


def test_parts_of_the_publisher_are_not_split_again():
    """Their ids tell the later ones, which may begin alike and with an answer; an id of no part is a whole one's."""
    long = raw("Go on, please ..", "x" * 40_000, id="a_0", is_split=True)
    later = raw("Before.", "Go on, please ..", "And so on.", roles=("gpt", "human"), id="a_11", is_split=True)
    twin = raw("Go on, please ..", "And so on.", id="b_7", is_split=True)
    whole = raw(*ONE, id="c", is_split=True)

    made, skipped = convert(long, later, twin, whole, file=SPLIT)
    every, none = convert(*(raw_again(each) for each in (long, later, twin)), file=SPLIT, long="split")

    assert ([each.id for each in made], skipped) == (["a_0", "c"], {"later part of a long dialogue": 2})
    assert ([each.id for each in every], none) == (["a_0", "a_11", "b_7"], {})


def raw_again(cleaned):
    """Send a cleaned dialogue through msgpack, as the engine does."""
    cleaned.first  # noqa: B018 - it cleans
    return msgspec.msgpack.decode(msgspec.msgpack.encode(cleaned), type=Raw)


def test_files_say_what_they_hold():
    """One is split, two hold HTML."""
    source = sources.get("sharegpt")
    given = {
        name: [(file.path.rpartition("/")[2], dict(file.give)) for file in source.used_files(source.options(file=name))]
        for name in (SPLIT, "sg_90k", "sg_90k_html_cleaned")
    }

    assert given == {
        SPLIT: [(f"{SPLIT}.json", {"is_split": True})],
        "sg_90k": [(f"sg_90k_part{part}.json", {"is_html": True}) for part in (1, 2)],
        "sg_90k_html_cleaned": [(f"sg_90k_part{part}_html_cleaned.json", {"is_html": False}) for part in (1, 2)],
    }


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("plain", "plain"),
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("<div class='markdown'><p>a <strong>jar</strong> &amp; lid</p></div>", "a **jar** & lid"),
        ("<ul><li>a</li><li>b</li></ul>", "* a\n* b"),
        ("my_jar", "my\\_jar"),
        ("<code>my_jar</code>", "`my_jar`"),
        (
            "<pre><div><div><span>python</span><button>Copy code</button></div><code><span>a</span>_b</code></div></pre>",
            "```python\na_b\n```",
        ),
        ("a```pythonCopy code```", "a"),
        ("2 / 3<p>again</p>", "again"),
        ("<p>half 1 / 2</p>", "half 1 / 2"),
        ("<p>text</p>Copy12 chars / 3 words", "text"),
    ],
)
def test_html_becomes_markdown(html, text):
    """Without the labels of the page's buttons."""
    assert markdown(html) == text


def test_html_is_cleaned_before_it_is_judged():
    """Emptiness, length and error messages are those of the Markdown, blocked words those of the HTML."""
    html = {"is_html": True}

    assert texts(convert(raw("<p>Where is it?</p>", "<div><p>On the shelf.</p></div>", **html), file="sg_90k")[0]) == [
        ["Where is it?", "On the shelf."]
    ]
    assert convert(raw("Where?", f"<p>{ERROR}</p>", **html))[1] == {"an answer is an error message": 1}
    assert convert(raw("<p>Where?</p>", "<p>On it.</p>", **html))[1] == {"too short": 1}
    assert convert(raw(ONE[0], "<a href='https://openai.com'>here</a>", **html))[1] == {"names OpenAI or ChatGPT": 1}


def test_html_that_does_not_parse_is_told():
    """Nesting too deep is such a case."""
    with pytest.raises(Unreadable):
        markdown("<b>" * 5000)
    assert convert(raw(ONE[0], "<b>" * 5000 + "x", is_html=True)) == ([], {"HTML that does not parse": 1})


def test_the_optional_package_is_named(monkeypatch):
    """Markdown needs none."""

    def missing(name):
        raise ImportError(name)

    html_text._library.cache_clear()
    monkeypatch.setattr(importlib, "import_module", missing)
    try:
        with pytest.raises(UsageError, match=r"needs: pip install 'instruction-mixer\[html\]'"):
            convert(raw(*ONE, is_html=True), file="sg_90k")
        assert len(convert(raw(*ONE))[0]) == 1
    finally:
        html_text._library.cache_clear()
