"""The report of a mix: its numbers are the manifest's, it loads nothing, and text of records stays text."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import math
import re
import shutil
import sys
from fractions import Fraction
from html.parser import HTMLParser
from itertools import pairwise

import polars as pl
import pytest
from click.testing import CliRunner
from conftest import RECIPES, recipe
from hypothesis import given
from hypothesis import strategies as st

import mixer
from mixer import reporting
from mixer.commands.report import report as command
from mixer.errors import IntegrityError, MissingFile, UsageError
from mixer.reporting import bins, composition, evenness, gallery, markup, measures, overview, picking, thumbnails

VOID = {"meta", "img", "input", "wbr", "br", "link"}


class Page(HTMLParser):
    """What a browser makes of a page, as far as tests ask."""

    def __init__(self, html):
        super().__init__()
        self.elements = []  # (tag, attributes, [text pieces of it and all in it])
        self.open = []
        self.feed(html.decode())
        assert not self.open, "every element is closed"

    def handle_starttag(self, tag, attrs):
        """Take the start of an element."""
        self.elements.append((tag, dict(attrs), []))
        if tag not in VOID:
            self.open.append(self.elements[-1])

    def handle_endtag(self, tag):
        """Take its end."""
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        """Take text for all elements that are open."""
        for _tag, _attributes, pieces in self.open:
            pieces.append(data)

    def all(self, tag=None, **wanted):
        """List the elements of a kind whose attributes hold these words: attributes and text."""
        return [
            (attributes, "".join(pieces))
            for name, attributes, pieces in self.elements
            if (tag is None or name == tag)
            and all(value in (attributes.get(key.rstrip("_").replace("_", "-")) or "") for key, value in wanted.items())
        ]

    def numbers(self):
        """List the numbers that say where they are from: key, exact value, text."""
        return [
            (attributes["data-key"], json.loads(attributes["value"]), text)
            for attributes, text in self.all("data")
            if "data-key" in attributes
        ]


def pointed(value, pointer):
    """Follow a JSON Pointer."""
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value


def own(folder, records, **more):
    """Build a mix of one's own LLaVA records; several lists are several sources."""
    folder.mkdir(parents=True, exist_ok=True)
    leaves = records if isinstance(records, dict) else {"own": records}
    for name, each in leaves.items():
        (folder / f"{name}.json").write_text(json.dumps(each))
    path = recipe(
        folder, "mine", sources={name: {"use": "llava_json", "path": f"{name}.json"} for name in leaves}, **more
    )
    return mixer.build(path, folder / "mix", cache=folder / "store").path


def said(number, question="What?", answer="That.", image=None):
    """Make a record."""
    given = {} if image is None else {"image": image}
    text = question if image is None else f"<image>\n{question}"
    turns = [{"from": "human", "value": text}, {"from": "gpt", "value": answer}]
    return {"id": f"r{number}", **given, "conversations": turns}


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """Give a function that builds a shipped recipe of miniatures, once."""
    folder = tmp_path_factory.mktemp("mixes")

    def build(name):
        if not (folder / name).exists():
            mixer.build(RECIPES / f"{name}.yaml", folder / name, data="miniatures", cache=folder / "store")
        return folder / name

    return build


SHIPPED = ["svit_mix", "preference", "weighted", "omni", "llava_v1_5_from_raw"]


def check_numbers(mix):
    """Check each number of a page that has a key against what the manifest or the index holds there, and its text."""
    known = json.loads((mix / "manifest.json").read_text())
    index = pl.read_parquet(mix / "index.parquet")
    leaves = known["sources"].values()

    def expected(key):
        kind, _, rest = key.partition(":")
        if key.startswith("/"):
            return pointed(known, key)
        if kind == "total":
            return sum(pointed(known, rest).values())
        if kind == "count":
            return len(pointed(known, rest))
        if kind == "licence":
            return sum(leaf["count"] for leaf in leaves if leaf["licence"] == rest)
        if kind == "sum":
            field, _, step = rest.partition("/")
            if step:
                return sum(leaf[field].get(step, 0) for leaf in leaves)
            return sum(sum(leaf[field].values()) if isinstance(leaf[field], dict) else leaf[field] for leaf in leaves)
        return counted(index, rest.split("/")[1:])

    numbers = Page(reporting.report(mix).html).numbers()
    for key, value, text in numbers:
        assert value == expected(key), key
        shown = float(text.replace(",", "").rstrip("%")) / (100 if text.endswith("%") else 1)
        assert math.isclose(shown, value, rel_tol=0.01, abs_tol=0.051), key
        if isinstance(value, int):
            assert text == f"{value:,}", key
    return {key for key, _value, _text in numbers}


@pytest.mark.parametrize("name", SHIPPED)
def test_every_number_is_the_manifests(shipped, name):
    """Each number of the page that has a key equals what the manifest or the index holds there, and reads so."""
    assert len(check_numbers(shipped(name))) > 80


def test_leaks_lists_and_tokens_are_the_manifests(tmp_path):
    """What a recipe says of its whole mix stands in the page: what leaks, what lists hold, what went, tokens, shards."""
    tokenizers = pytest.importorskip("tokenizers")
    model = tokenizers.models.WordLevel({"[UNK]": 0, "kite": 1}, unk_token="[UNK]")
    tokenizers.Tokenizer(model).save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "bench.txt").write_text("".join(f"{number:012}.jpg\n" for number in range(5, 25)))
    (tmp_path / "drop.txt").write_text("r1\nr2\ncoco/train2017/000000000003.jpg\n")
    mix = own(
        tmp_path,
        [said(at, image=f"coco/train2017/{at:012}.jpg") for at in range(60)],
        exclude=["drop.txt"],
        decontaminate={"on_leak": "drop", "benchmarks": {"mine": {"files": ["bench.txt"], "key": "coco"}}},
        tokens={"tokenizer": "tokenizer.json", "image": 100},
        output={"for": "jsonl", "shards": 3},
    )

    keys = check_numbers(mix)

    assert {
        "/sources/own/leaks/mine", "/sources/own/excluded/drop.txt", "/sources/own/losses/leak",
        "/sources/own/losses/exclude", "/sources/own/tokens", "/sources/own/target_tokens", "/removed/records",
        "/curation/2/size", "/outputs/2/records",
    } <= keys  # fmt: skip
    page = Page(reporting.report(mix).html)
    assert len(page.all("article")) == 60 - 20 - 3
    assert page.all("input", id="by-tokens")


def counted(index, path):
    """Count again what a key says of the index: leaf or nothing, then a measure, or a kind and a quantile or bin."""
    if path[0]:
        index = index.filter(pl.col("leaf") == path[0])
    path = path[1:]
    column = index[path[0]].cast(pl.Int64).sort()
    if len(path) == 1:
        return column.sum()
    of = len(column) - 1
    named = {"median": of // 2, "ninetieth": of * 9 // 10, "most": of}
    if path[1] in named:
        return column[named[path[1]]]
    edges = {"characters": bins.CHARACTERS, "turns": bins.TURNS}[path[0]]
    after = edges[edges.index(int(path[1])) + 1]
    return column.is_between(int(path[1]), after, closed="left").sum()


@pytest.mark.parametrize("name", SHIPPED)
def test_nothing_of_the_manifests_numbers_is_left_out(shipped, name):
    """All of a source's amounts, losses and reasons stand on the page, and files with hashes."""
    mix = shipped(name)
    known = json.loads((mix / "manifest.json").read_text())
    html = reporting.report(mix).html.decode()
    keys = {key for key, _value, _text in Page(html.encode()).numbers()}

    plain = ("read", "used", "made", "pool", "ideal", "mass", "count", "share", "epochs", "min_times", "max_times")
    for leaf, values in known["sources"].items():
        wanted = [markup.pointer("sources", leaf, field) for field in plain]
        wanted += [
            markup.pointer("sources", leaf, kind, reason) for kind in ("skipped", "bad") for reason in values[kind]
        ]
        wanted += [markup.pointer("sources", leaf, "losses", step) for step, lost in values["losses"].items() if lost]
        wanted += [markup.pointer("sources", leaf, "compared", at, "removed") for at in range(len(values["compared"]))]
        assert set(wanted) <= keys
        assert all(file["sha256"] in html for file in values["files"])
        assert values["homepage"] in html
    assert known["mix_id"] in html
    assert all(output["sha256"] in html for output in known["outputs"])
    assert ("Made of miniatures" in html) is (known["data"] == "miniatures")


def test_page_loads_nothing_and_runs_only_its_own_script(shipped):
    """The policy names the page's one style and one script by hash; whatever has an address is inside, or a link."""
    page = Page(reporting.report(shipped("preference")).html)

    (policy,) = [each["content"] for each, _ in page.all("meta", http_equiv="Content-Security-Policy")]
    assert "default-src 'none'; img-src data:;" in policy
    for tag in ("style", "script"):
        ((attributes, content),) = page.all(tag)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
        assert not attributes
    ((_, css),) = page.all("style")
    assert "url(" not in css
    assert "@import" not in css
    for tag, attributes, _ in page.elements:
        assert tag not in ("link", "iframe", "object", "embed", "base", "video", "audio", "source")
        assert not [key for key in attributes if key.startswith("on") or key in ("style", "srcset", "background")]
        assert attributes.get("src", "data:").startswith("data:")
        assert re.match(r"#|https?://", attributes.get("href", "#"))
        assert tag == "a" or "href" not in attributes


HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>&amp;\u202eevil\u2066\x00\x1b[0m\ufffe\u2028 ]]> <!-- "


def test_text_of_records_stays_text(tmp_path):
    """Markup in ids, paths and messages is shown and not obeyed; what would change the text around it is named."""
    path = 'x"><script>alert(3)</script>.jpg'
    mix = own(tmp_path, [{**said(1, HOSTILE, HOSTILE, path), "id": HOSTILE.replace("\0", "")}, said(2, "A" * 300_000)])

    made = reporting.report(mix, media=tmp_path).html
    page = Page(made)

    assert len(page.all("script")) == 1
    assert not page.all("img")
    assert b"<!--" not in made
    bubbles = [text for _, text in page.all("div", class_="text")]
    assert sum("</script><script>alert(1)</script><img src=x onerror=alert(2)>&amp;" in text for text in bubbles) == 2
    assert sum("⟨U+202E⟩evil⟨U+2066⟩⟨U+0000⟩⟨U+001B⟩[0m⟨U+FFFE⟩" in text for text in bubbles) == 2
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069\ufffe]", made.decode())
    assert [text for _, text in page.all("p", class_="cut")] == [
        f"… {300_000 - gallery.TURN_CHARACTERS:,} more characters"
    ]
    assert any(path in text for _, text in page.all("ul", class_="files"))


@given(st.text(st.characters(codec=None, exclude_categories=()), max_size=60))
def test_any_text_survives_escaping(value):
    """What a parser reads back is the text, but for the characters that are shown by a name."""
    element = markup.element("p", value, title=value)

    element.encode()
    page = Page(element.encode())
    (attributes, text) = page.all("p")[0]
    assert text == attributes["title"] == value.translate(markup._SHOWN)


def test_pages_are_the_same_bytes_wherever_the_mix_lies(shipped, tmp_path):
    """No clock, no path: a copy of a mix gives the same page, and another number other records."""
    mix = shipped("weighted")
    shutil.copytree(mix, tmp_path / "copy")

    first = reporting.report(mix, records=6).html

    assert first == reporting.report(tmp_path / "copy", records=6).html
    assert first != reporting.report(mix, records=6, seed=1).html
    assert str(mix.parent).encode() not in first


def test_pairs_show_both_answers(shipped):
    """A record of a preference mix has its chosen and its rejected answer, in this order, behind its question."""
    mix = shipped("preference")
    line = json.loads((mix / "preference.jsonl").read_text().splitlines()[0])
    page = Page(reporting.report(mix).html)

    ((_, card),) = [each for each in page.all("article") if each[0]["id"] == "record-1"]
    places = [card.index(text) for text in (line["chosen"]["value"], line["rejected"]["value"])]
    assert places == sorted(places)
    assert len(page.all("div", class_="turn gpt chosen")) == len(page.all("div", class_="turn gpt rejected")) == 31


def test_texts_without_pictures(tmp_path):
    """A mix of texts has no images to count, and a token that stands in its text is text."""
    page = Page(reporting.report(own(tmp_path, [said(1, "What is <image>?"), said(2)])).html)

    assert not page.all("input", id="by-images")
    assert page.all("input", id="by-turns")
    assert not page.all("span", class_="chip")
    assert any("What is <image>?" in text for _, text in page.all("div", class_="text"))


def drawn(path, size=(400, 300), mode="RGB", kind=None):
    """Draw a picture."""
    image = pytest.importorskip("PIL.Image")
    path.parent.mkdir(parents=True, exist_ok=True)
    image.effect_noise(size, 80).convert(mode).save(path, kind)


def test_pictures_become_part_of_the_page(tmp_path):
    """Small JPEGs of every mode stand beside their record; what is missing or no picture says so beside its name."""
    image = pytest.importorskip("PIL.Image")
    media = tmp_path / "media"
    drawn(media / "a/1.jpg", (4000, 1000))
    drawn(media / "a/2.png", mode="RGBA")
    drawn(media / "a/3.jpg", mode="CMYK")
    drawn(media / "a/4.gif", mode="P")
    drawn(media / "a/5.png", mode="LA")
    (media / "a/6.jpg").write_bytes(b"no picture")
    (media / "a/7.jpg").write_bytes((media / "a/1.jpg").read_bytes()[:3000])
    names = ["1.jpg", "2.png", "3.jpg", "4.gif", "5.png", "6.jpg", "7.jpg", "8.jpg"]
    mix = own(tmp_path, [said(at, image=f"a/{name}") for at, name in enumerate(names)])

    page = Page(reporting.report(mix, media=media).html)

    shown = page.all("img")
    assert {each["alt"].split("/")[1] for each, _ in shown} == set(names[:5])
    for attributes, _ in shown:
        content = base64.b64decode(attributes["src"].removeprefix("data:image/jpeg;base64,"))
        assert len(content) <= thumbnails.MOST_BYTES
        with image.open(io.BytesIO(content)) as small:
            assert max(small.size) <= thumbnails.SIDE
    files = {text for _, text in page.all("ul", class_="files")}
    assert "image a/8.jpg — not in the media folder" in files
    assert any(text.startswith("image a/6.jpg — does not decode") for text in files)
    assert any(text.startswith("image a/7.jpg — does not decode") for text in files)


def test_pictures_are_bounded_and_spread_over_sources(tmp_path):
    """The first pictures go to every source in turn; records beyond the bound name theirs."""
    drawn(tmp_path / "media/1.jpg")
    leaves = {name: [said(f"{name}{at}", image="1.jpg") for at in range(5)] for name in ("a", "b")}
    mix = own(tmp_path, leaves)

    page = Page(reporting.report(mix, media=tmp_path / "media", images=4).html)

    with_pictures = [each["data-leaf"] for each, text in page.all("article") if "only 4 pictures" not in text]
    assert sorted(with_pictures) == ["a", "a", "b", "b"]
    assert len(page.all("img")) == 4
    assert not Page(reporting.report(mix, media=tmp_path / "media", images=0).html).all("img")


def test_media_of_the_mix_itself_are_shown(shipped):
    """Pictures that came inside of annotations need no other folder; those that are no pictures say so."""
    html = reporting.report(shipped("preference")).html

    assert Page(html).all("ul", class_="files")
    assert b"No media folder was named" not in html


def test_without_pillow_names_are_shown(tmp_path, monkeypatch):
    """The page says what would have to be installed."""
    drawn(tmp_path / "media/1.jpg")
    mix = own(tmp_path, [said(1, image="1.jpg")])
    monkeypatch.setitem(sys.modules, "PIL.Image", None)

    made = reporting.report(mix, media=tmp_path / "media")

    assert "instruction-mixer[report]" in made.notes[0]
    assert b"Pictures are not shown: this needs: pip install" in made.html
    assert [text for _, text in Page(made.html).all("ul", class_="files")] == ["image 1.jpg"]


def test_paths_that_leave_the_media_root_are_not_opened(tmp_path):
    """Even where a data file was edited, no file beside the media root becomes part of a page."""
    drawn(tmp_path / "secret.jpg")
    (tmp_path / "media").mkdir()

    with pytest.raises(thumbnails.Unseen, match="leaves the media root"):
        thumbnails.find([tmp_path / "media"], "../secret.jpg")


def test_missing_media_folder_is_an_error(shipped, tmp_path):
    """A folder that is none is the user's mistake, not a page without pictures."""
    with pytest.raises(MissingFile, match="no such folder"):
        reporting.report(shipped("weighted"), media=tmp_path / "nowhere")


def test_page_stays_small_whatever_records_hold(tmp_path):
    """Hundreds of huge records of characters that are written long, with many turns and files, fit in 5 MB."""
    turns = [{"from": who, "value": "&" * 1_500} for _ in range(6) for who in ("human", "gpt")]
    records = [
        {**said(at), "conversations": [{"from": "human", "value": "<image>" * 50 + "&"}, *turns[1:]]}
        for at in range(250)
    ]
    for record in records:
        record["image"] = ["&" * 200 + f"{at}.jpg" for at in range(50)]
    mix = own(tmp_path, records, output={"for": "jsonl"})

    page = Page(html := reporting.report(mix).html)

    assert len(html) < 5_000_000
    assert len(page.all("article")) == 200
    assert "42 more files" in page.all("ul", class_="files")[0][1]
    assert any("more messages" in text for _, text in page.all("p", class_="cut"))


def test_cut_counts_what_was_cut(tmp_path):
    """Shown and cut messages of a record are all of them."""
    turns = [{"from": who, "value": "word"} for _ in range(30) for who in ("human", "gpt")]
    page = Page(reporting.report(own(tmp_path, [{"id": "long", "conversations": turns}])).html)

    shown = len(page.all("div", class_="turn"))
    ((_, cut),) = page.all("p", class_="cut")
    assert shown + int(re.search(r"\d+", cut)[0]) == 60


def test_records_shown_are_those_of_the_data(shipped):
    """Each card stands at its record's place in the mix."""
    mix = shipped("weighted")
    records = json.loads((mix / "weighted.json").read_text())
    index = pl.read_parquet(mix / "index.parquet")

    picked = picking.pick(mix, mixer.manifest.load(mix), 20, 0)

    assert len({each.at for each in picked}) == len(picked) == 20
    for each in picked:
        assert each.conversation.id == records[each.at]["id"]
        assert (each.leaf, each.pass_) == index.select("leaf", "pass").row(each.at)
    keys = {index.select("leaf", "key").row(each.at) for each in picked}
    assert len(keys) == 20, "what is shown twice counts once"


def test_fewer_records_are_among_more(shipped):
    """A leaf's sample grows when there is more room."""
    known = mixer.manifest.load(shipped("weighted"))
    few, many = ({each.at for each in picking.pick(shipped("weighted"), known, n, 3)} for n in (5, 15))

    assert few < many
    assert picking.pick(shipped("weighted"), known, 0, 3) == []


@given(st.lists(st.integers(0, 50), max_size=8), st.integers(0, 300))
def test_room_is_shared_evenly(available, records):
    """All room is given while anybody has records, and nobody has two more than another who could take one."""
    most = {str(number): each for number, each in enumerate(available)}
    given_ = picking.room(most, records)

    assert sum(given_.values()) == min(records, sum(available))
    for name, mine in given_.items():
        assert mine <= most[name]
        assert mine == most[name] or all(other <= mine + 1 for other in given_.values())


@given(st.integers(40, 120), st.data())
def test_a_random_order_stays_within_its_bound(records, data):
    """The bound is exceeded by a slice with at most its part of the chance, by exact counting; a smaller one is not."""
    of_leaf = data.draw(st.integers(1, records - 1))
    count = evenness.slices(records)
    bound = evenness.expected(of_leaf, records, count)

    for size in {records // count, -(-records // count)}:
        ways = {
            held: Fraction(
                math.comb(of_leaf, held) * math.comb(records - of_leaf, size - held), math.comb(records, size)
            )
            for held in range(size + 1)
        }
        beyond = sum(chance for held, chance in ways.items() if abs(held / size - of_leaf / records) > bound + 1e-9)
        assert beyond * count <= evenness.CHANCE


def test_bound_is_no_wider_than_it_must_be():
    """For a large mix it is what the normal distribution says, about 3.7 standard deviations of a slice."""
    deviation = math.sqrt(0.3 * 0.7 / 13_300 * (1 - 0.02))

    assert evenness.expected(199_500, 665_000, 50) == pytest.approx(3.72 * deviation, rel=0.02)
    assert evenness.expected(10, 10, 2) == evenness.expected(0, 10, 2) == evenness.deviation([0], 0, 0) == 0


@given(st.integers(1, 5000))
def test_slices_cover_the_mix(records):
    """Slices follow one another, none smaller than it may be unless there is one, none much larger than another."""
    count = evenness.slices(records)
    edges = evenness.starts(records, count)
    sizes = [after - before for before, after in pairwise(edges)]

    assert (edges[0], edges[-1], sum(sizes)) == (0, records, records)
    assert max(sizes) - min(sizes) <= 1
    assert count == 1 or min(sizes) >= evenness.LEAST_RECORDS
    assert [next(at for at in range(count) if row < edges[at + 1]) for row in range(0, records, 97)] == [
        row * count // records for row in range(0, records, 97)
    ]


def test_sources_in_blocks_are_told_from_shuffled_ones(tmp_path):
    """The same records are less even than random in blocks, evener when they are spread."""
    leaves = {name: [said(f"{name}{at}") for at in range(100)] for name in ("a", "b")}
    told = {}
    for order in ("shuffle", "blocks", "spread"):
        html = reporting.report(own(tmp_path / order, leaves, order=order), records=0).html
        told[order] = {text for _, text in Page(html).all("td") if "random" in text}

    assert told == {
        "shuffle": {"as random or evener"},
        "spread": {"as random or evener"},
        "blocks": {"less even than random"},
    }


@given(st.integers(0, 10**10), st.sampled_from([bins.CHARACTERS, bins.TURNS]))
def test_bins_hold_their_values(value, edges):
    """A value is in the bin that names it."""
    at = bins.place(value, edges)

    assert value >= edges[at] or at == 0
    assert at + 1 == len(edges) or value < edges[at + 1]
    assert list(edges) == sorted(set(edges))


def test_bins_are_named():
    """A bin is named by its first and last value, or by its one value."""
    assert [bins.name(at, bins.TURNS) for at in (0, 7, 8, 9)] == ["1", "8–9", "10–14", "15–19"]
    assert bins.name(len(bins.TURNS) - 1, bins.TURNS).endswith("and more")
    assert [bins.tick(value) for value in (7, 150, 1000, 1500, 2_000_000)] == ["7", "150", "1k", "1.5k", "2M"]
    assert (bins.used([0, 0]), bins.used([0, 1, 0, 2, 0])) == (range(1), range(1, 4))


def test_without_curation_the_page_says_so(shipped):
    """A recipe without gates, lists and near-duplicates is not silent about it."""
    assert "asks for no gate" in reporting.report(shipped("weighted")).html.decode()


def test_links_lead_to_web_pages_only():
    """A homepage that is no address of the web is not made a link."""
    leaf = {"licence": "MIT", "homepage": "javascript:alert(1)", "count": 1, "terms": []}
    page = composition.licences({"records": 1, "sources": {"a": leaf, "b": {**leaf, "homepage": "https://b.example"}}})

    assert [attributes["href"] for attributes, _ in Page(page.encode()).all("a")] == ["https://b.example"]


def test_long_inputs_are_cut():
    """Of many files, and of a huge recipe, the page says how much is left out."""
    files = [{"path": f"{at}.json", "size": at, "sha256": f"{at:x}"} for at in range(overview.MOST_FILES + 7)]
    leaf = {"source": "gqa", "files": files, "options": {}, "converter": "0f"}
    page = overview.inputs({"sources": {"a": leaf}, "recipe": {"long": "x" * overview.MOST_RECIPE}})

    assert "7 more are in manifest.json" in page
    assert "more characters: see manifest.json" in page
    assert len(page) < 2 * overview.MOST_RECIPE


def test_many_data_files_are_counted(tmp_path):
    """Of many shards the first are listed, and the size is that of all."""
    mix = own(tmp_path, [said(at) for at in range(60)], output={"for": "jsonl", "shards": 60})
    page = Page(reporting.report(mix, records=3).html)

    assert any("10 more are in manifest.json" in text for _, text in page.all("p", class_="note"))
    total = sum(path.stat().st_size for path in mix.glob("*.jsonl"))
    assert str(total) in [attributes["value"] for attributes, _ in page.all("data")]
    assert len(page.all("article")) == 3


def test_sources_without_records_are_told(tmp_path):
    """A source that gives the mix nothing has its row, and no histogram."""
    (tmp_path / "drop.txt").write_text("only\n")
    mix = own(tmp_path, {"a": [said(at) for at in range(30)], "b": [{**said(1), "id": "only"}]}, exclude=["drop.txt"])

    page = Page(reporting.report(mix).html)

    assert "/sources/b/count" in check_numbers(mix)
    assert json.loads((mix / "manifest.json").read_text())["sources"]["b"]["count"] == 0
    assert {attributes["data-leaf"] for attributes, _ in page.all("article")} == {"a"}


def test_a_mix_that_shrank_says_what_was_asked(tmp_path):
    """The size is what it came to; ideals are told as exactly as what is off, so that they add up."""
    (tmp_path / "a.json").write_text(json.dumps([said(at) for at in range(9)]))
    leaf = {"use": "llava_json", "path": "a.json", "weight": 1}
    mix = mixer.build(
        recipe(tmp_path, sources={"a": leaf, "b": leaf}, size=40, on_short="shrink"),
        tmp_path / "mix",
        cache=tmp_path / "store",
    ).path
    shown = Page(reporting.report(mix).html)

    known = json.loads((mix / "manifest.json").read_text())
    assert known["size"] < 40
    numbers = {key: text for key, _value, text in shown.numbers()}
    assert numbers["/recipe/size"] == "40"
    assert numbers["/size"] == str(known["size"])
    assert markup.shown(11.25, "hundredths") == "11.25"
    assert markup.shown(1234.0, "hundredths") == "1,234"


def test_marks_of_direction_are_seen():
    """Also the three that have no end."""
    marks = "\u061c\u200e\u200f\u202e\u2066"

    assert markup.text(marks) == "".join(f"⟨U+{ord(mark):04X}⟩" for mark in marks)


def test_an_index_of_other_records_is_an_error(shipped):
    """Counts of the index that are not the manifest's are damage."""
    known = mixer.manifest.load(shipped("weighted"))
    leaf = known.sources["svit_core_150k"].model_copy(update={"count": 3})
    other = known.model_copy(update={"sources": {**known.sources, "svit_core_150k": leaf}})

    with pytest.raises(IntegrityError, match=r"svit_core_150k: expected 3 records, got 8; see `mixer verify"):
        measures.measure(shipped("weighted"), other)


def test_damage_is_an_error_and_not_a_page(shipped, tmp_path):
    """An edited manifest, a missing data file, and records that are not where the index says are told apart."""
    for name in ("manifest", "missing", "other"):
        shutil.copytree(shipped("weighted"), tmp_path / name)
    manifest = tmp_path / "manifest/manifest.json"
    manifest.write_text(manifest.read_text().replace('"seed": 17', '"seed": 18'))
    (tmp_path / "missing/weighted.json").unlink()
    data = tmp_path / "other/weighted.json"
    data.write_bytes(b" " + data.read_bytes())

    with pytest.raises(IntegrityError, match="was edited"):
        reporting.report(tmp_path / "manifest")
    with pytest.raises(IntegrityError, match=r"weighted\.json: cannot be read"):
        reporting.report(tmp_path / "missing")
    with pytest.raises(IntegrityError, match="is not a conversation"):
        reporting.report(tmp_path / "other")
    with pytest.raises(UsageError, match="is not a mix"):
        reporting.report(tmp_path)


def test_command_writes_the_page(shipped, tmp_path, monkeypatch):
    """It says what it wrote; a place where a page cannot stand is refused and nothing is left there."""
    mix, out = shipped("weighted"), tmp_path / "r.html"

    done = CliRunner().invoke(command, [str(mix), "-o", str(out), "--records", "7"])

    assert done.exit_code == 0
    assert done.output == f"{out}: 7 records shown, {out.stat().st_size / 1000:.1f} kB\n"
    assert len(Page(out.read_bytes()).all("article")) == 7
    assert CliRunner().invoke(command, [str(mix), "-o", str(out), "-q"]).output == ""
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    told = CliRunner().invoke(command, [str(mix), "-o", str(out), "--media", str(tmp_path), "-q"])
    assert "Pictures are not shown" in told.stderr
    for place in (tmp_path, mix / "report.html", tmp_path / "nowhere/r.html"):
        refused = CliRunner().invoke(command, [str(mix), "-o", str(place)])
        assert isinstance(refused.exception, UsageError)
    assert not (mix / "report.html").exists()


def test_a_place_is_refused_before_any_work(shipped, tmp_path, monkeypatch):
    """Not after minutes of it."""
    monkeypatch.setattr(reporting, "report", lambda *_, **__: pytest.fail("made a report"))

    refused = CliRunner().invoke(command, [str(shipped("weighted")), "-o", str(tmp_path / "nowhere/r.html")])

    assert isinstance(refused.exception, UsageError)
