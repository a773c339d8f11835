"""MIMIC-IT: how images are named and found, which rounds make a dialogue, and what texts lose."""

import base64

import msgspec
import pytest

from mixer import embedded, sources
from mixer.conversation import Skip
from mixer.errors import UsageError
from mixer.readers.places import Part, Places
from mixer.shared.mimic_images import image_id, path
from mixer.sources.mimic_it import Raw, Row

PNG = b"\x89PNG\r\n\x1a\n"


def convert(raw, **options):
    """Convert a raw record."""
    source = sources.get("mimic_it")
    return source.convert(raw, source.options(**options))


def said(made):
    """List the texts of a conversation."""
    return [turn.value for turn in made.conversation.conversations]


def held(**values):
    """Hold values by id, as JSON texts."""
    texts = {id: msgspec.json.encode(value) for id, value in values.items()}
    whole = b"".join(texts.values())
    slices = {id: (whole.index(text), len(text)) for id, text in texts.items()}
    return Places(Part(lambda start, length: whole[start : start + length], slices))


def pair(key="DC_INS_1", ids=("DC_IMG_v_0000",), related=(), subset="DC", instruction="Who?", **more):
    """Give a pair."""
    values = {"instruction": instruction, "answer": "A cook.", "image_ids": list(ids), "rel_ins_ids": list(related)}
    return msgspec.convert({**values, "key": key, "subset": subset, "part": subset, **more}, Raw)


@pytest.mark.parametrize(
    ("folder", "id", "spelt"),
    [
        ("LA", "LA_IMG_000000000077", "LA_IMG_000000000077"),
        ("LA", "LA_00_IMG_000000000077", "LA_IMG_000000000077"),
        ("LA", "LA_00_IMG_000000000077_2", "LA_IMG_000000000077"),
        ("LA", "000000000077", "LA_IMG_000000000077"),
        ("CGD", "CGD_IMG_0000000000000077", "CGD_IMG_000000000077"),
        ("CGD", "CGD_IMG_odd", "CGD_IMG_odd"),
        ("SD", "SD_IMG_00012_1", "SD_IMG_00012_1"),
        ("DC", "DC_04_IMG_v_N1-E_0000", "DC_IMG_v_N1-E_0000"),
        ("SN", "SN_00_IMG_scene0003_00_color_000100", "SN_IMG_scene0003_color_000100"),
        ("SN", "SN_IMG_scene0003_color_000100", "SN_IMG_scene0003_color_000100"),
        ("TVC", "TVC_IMG_barn_s01_clip_02_barn_s01_clip_02_00009", "TVC_IMG_barn_s01_clip_02_00009"),
        ("TVC", "TVC_IMG_barn_s01_clip_02_00009", "TVC_IMG_barn_s01_clip_02_00009"),
        ("E4D", "E4D_IMG_0a-1b_00000030", "E4D_IMG_0a-1b_00000030"),
    ],
)
def test_ids_have_one_spelling(folder, id, spelt):
    """Whatever generation spelt them, and a second time changes nothing."""
    assert image_id(folder, id) == spelt
    assert image_id(folder, spelt) == spelt


@pytest.mark.parametrize(
    ("folder", "id", "named"),
    [
        ("LA", "LA_IMG_000000000077", "coco/train2017/000000000077.jpg"),
        ("CGD", "CGD_IMG_000000000077", "coco/train2017/000000000077.jpg"),
        ("CGD", "CGD_IMG_odd", "mimic_it/CGD/CGD_IMG_odd.jpg"),
        ("VST", "VST_IMG_123456789012", "mimic_it/VST/VST_IMG_123456789012.jpg"),
    ],
)
def test_images_are_cocos_or_those_taken_out(folder, id, named):
    """Two subsets have COCO's photos."""
    assert path(folder, id) == named


def test_a_pair_has_all_its_images_in_order():
    """One is a path, several are a list, none is text; a record has the file's key and its name as subset."""
    one, two = convert(pair()), convert(pair(ids=["DC_IMG_v_0001", "DC_IMG_v_0000"]))
    none = [convert(pair(ids=())), convert(pair(image_ids=None))]

    assert one.conversation.image == "mimic_it/DC/DC_IMG_v_0000.jpg"
    assert two.conversation.image == ["mimic_it/DC/DC_IMG_v_0001.jpg", "mimic_it/DC/DC_IMG_v_0000.jpg"]
    assert said(two) == ["<image>\n<image>\nWho?", "A cook."]
    assert [(each.conversation.image, said(each)[0]) for each in none] == [(None, "Who?")] * 2
    assert (one.conversation.id, one.labels.subset, one.embedded) == ("DC_INS_1", "DC", None)


def test_texts_are_cleaned_as_the_loaders_do():
    """Ends are stripped, line breaks are one character, and a token in the text goes."""
    made = convert(pair(instruction=" <image>\nWho\r\nis it? \n"))

    assert said(made)[0] == "<image>\nWho\nis it?"


@pytest.mark.parametrize(("most", "kept"), [(0, range(9)), (9, range(9)), (4, [0, 2, 5, 8]), (2, [0, 8]), (1, [0])])
def test_long_lists_of_frames_are_thinned_evenly(most, kept):
    """From the first to the last, rounded down."""
    made = convert(pair(ids=[f"DC_IMG_v_{n:04d}" for n in range(9)]), max_frames=most)

    images = made.conversation.image
    assert images == [f"mimic_it/DC/DC_IMG_v_{n:04d}.jpg" for n in kept] or (most == 1 and images.endswith("_0000.jpg"))
    assert said(made)[0].count("<image>") == len(kept)


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_images_are_taken_out_of_their_file(encode):
    """Either alphabet is read; the file is named by its content."""
    content = PNG + b"\xfb\xff\xfe"
    raw = pair()
    raw.pictures = held(DC_IMG_v_0000=encode(content).decode())

    made = convert(raw, images="embedded")

    name = embedded.name("mimic_it", content)
    assert (made.conversation.image, made.embedded) == (name, {name: content})


def test_a_record_whose_image_is_missing_is_skipped():
    """One of two is enough, and so is a file that has none."""
    raw = pair(ids=["DC_IMG_v_0000", "DC_IMG_v_0001"])
    assert convert(raw, images="embedded") == Skip("image is missing")

    raw.pictures = held(DC_IMG_v_0000=base64.b64encode(PNG).decode())

    assert convert(raw, images="embedded") == Skip("image is missing")
    assert convert(raw, images="embedded", max_frames=1).embedded is not None
    assert convert(pair(ids=()), images="embedded").conversation.image is None


def test_bytes_that_are_no_image_are_refused():
    """The record is bad."""
    raw = pair()
    raw.pictures = held(DC_IMG_v_0000="AAAA")

    with pytest.raises(ValueError, match="like no image"):
        convert(raw, images="embedded")


def test_rows_of_the_hub_hold_images_or_name_them():
    """Without an id, the record is named by its content."""
    row = {"instruction": "Who?", "answer": "A cook."}
    cells = msgspec.convert({**row, "images": [{"bytes": PNG}, {"bytes": PNG + b"2"}], "subset": "SD"}, Raw)
    names = msgspec.convert({**row, "images": ["CGD_IMG_000000000077"], "id": "CGD_INS_1", "subset": "CGD"}, Raw)

    holding, naming = convert(cells), convert(names)

    assert list(holding.embedded.values()) == [PNG, PNG + b"2"]
    assert holding.conversation.image == list(holding.embedded)
    assert holding.conversation.id.startswith("SD-")
    assert (naming.conversation.id, naming.conversation.image) == ("CGD_INS_1", "coco/train2017/000000000077.jpg")


@pytest.mark.parametrize("name", ["id", "index", "__index_level_0__"])
def test_tables_of_images_name_their_ids_in_three_ways(name):
    """The image is base64, or a cell with bytes."""
    text = base64.b64encode(PNG).decode()

    assert msgspec.convert({name: "SD_IMG_1", "base64": text}, Row).content == PNG
    row = msgspec.convert({name: "SD_IMG_1", "image": {"bytes": PNG}}, Row)
    assert (row.key, row.content) == ("SD_IMG_1", PNG)


ROUNDS = {
    f"C_{n}": {"instruction": f"Q{n}?", "answer": f"A{n}", "image_ids": ["7"], "rel_ins_ids": [f"C_{m}" for m in range(n)]}
    for n in range(3)
}  # fmt: skip


def dialogues(rounds, key):
    """Convert a round of LA where these rounds exist."""
    raw = msgspec.convert({**rounds[key], "key": key, "subset": "LA", "part": "LACONV"}, Raw)
    raw.rounds = held(**rounds)
    return convert(raw, merge="dialogues")


def test_the_last_round_is_the_whole_dialogue():
    """Its earlier rounds come in the order in which it names them, each pair once."""
    made = dialogues(ROUNDS, "C_2")

    assert said(made) == ["<image>\nQ0?", "A0", "Q1?", "A1", "Q2?", "A2"]
    assert (made.conversation.id, made.labels.task) == ("C_2", None)
    assert [dialogues(ROUNDS, key) for key in ("C_0", "C_1")] == [Skip("round of a dialogue that goes on")] * 2


def test_rounds_that_are_missing_are_left_out_and_told():
    """As in the file of June 2023, where only last rounds are there."""
    made = dialogues({"C_2": ROUNDS["C_2"]}, "C_2")

    assert (said(made), made.labels.task) == (["<image>\nQ2?", "A2"], "rounds missing")


def test_a_round_is_in_a_dialogue_once():
    """Whether it is named twice, or names itself."""
    rounds = {**ROUNDS, "C_2": {**ROUNDS["C_2"], "rel_ins_ids": ["C_0", "C_1", "C_0", "C_2"]}}

    assert said(dialogues(rounds, "C_2")) == ["<image>\nQ0?", "A0", "Q1?", "A1", "Q2?", "A2"]


def test_tables_of_the_hub_tell_no_rounds():
    """Dialogues out of them are refused."""
    with pytest.raises(UsageError, match="do not tell rounds"):
        sources.parse_options(sources.get("mimic_it"), ["packaging=hub", "merge=dialogues"])


def test_examples_about_other_images_are_no_rounds():
    """A pair that names one stands alone, and so does the one named."""
    other = {**ROUNDS["C_0"], "image_ids": ["8"]}
    rounds = {"C_0": other, "C_1": ROUNDS["C_1"], "D": ROUNDS["C_0"]}

    assert [said(dialogues(rounds, key)) for key in rounds] == [
        ["<image>\nQ0?", "A0"],
        ["<image>\nQ1?", "A1"],
        ["<image>\nQ0?", "A0"],
    ]
    assert dialogues(rounds, "C_1").labels.task is None


@pytest.mark.parametrize("packaging", ["json", "parquet", "hub"])
def test_images_files_are_read_when_they_are_asked_for(packaging):
    """Naming files needs none; taking images out needs one for each subset, or a table's shards."""
    source = sources.get("mimic_it")
    options = {"subsets": ("LA", "CGD"), "packaging": packaging}

    looked = [lookup.file.path for _, lookup in source.used_lookups(source.options(**options, images="embedded"))]

    wanted = {"json": "{0}/{0}.json", "parquet": "{0}/{0}*.parquet", "hub": "{0}_Images/train-*.parquet"}[packaging]
    assert looked == [wanted.format(subset) for subset in ("LA", "CGD")]
    assert not source.used_lookups(source.options(**options))
