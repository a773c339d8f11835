"""The records that a member of a JSON object holds are read wherever it stands, and damage around it is told."""

from __future__ import annotations

import json
import pickle
import re
from itertools import permutations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_readers import BOM, Record, in_spans, nested, plain, records, sizes, spaced, texts, whole

from mixer.errors import DamagedFile, DataError
from mixer.readers import Bad, cuts, depth, envelope, json_array, json_member, json_object, json_records, pieces, trying

QUESTIONS = json_member.of("questions")
DIALOGS = json_member.of("data", "dialogs")
others = st.dictionaries(texts.filter(lambda key: key not in ("questions", "data", "dialogs")), nested, max_size=3)


def values(reader, parsed):
    """Give the records that json finds where the reader looks."""
    for name in reader.names:
        parsed = parsed[name]
    members = parsed.items() if isinstance(parsed, dict) else [("", each) for each in parsed]
    return [(key, each["id"], each["text"], each["sub"]) for key, each in members]


@given(st.data(), others, others, st.randoms(use_true_random=False), sizes, sizes, st.booleans())
def test_a_member_gives_the_records_of_json(tmp_path_factory, data, before, after, rng, size, piece, bom):
    """Wherever the member stands, however the file is spaced and cut, its records are those of a parser of the whole."""
    held = data.draw(st.lists(records(), max_size=9) | st.dictionaries(texts, records(), max_size=9))
    reader = data.draw(st.sampled_from([QUESTIONS, DIALOGS]))
    inner = {**before, reader.names[-1]: held, **{key: each for key, each in after.items() if key not in before}}
    document = inner if reader is QUESTIONS else {"version": 1, "data": inner, **after}
    text = spaced(document, rng, " \n\t\r")
    path = tmp_path_factory.mktemp("member") / "x.json"
    path.write_bytes(BOM * bom + text.encode())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(envelope, "SHORT", data.draw(st.sampled_from([1, 64 << 10])))
        patch.setattr(envelope, "PIECE", data.draw(st.sampled_from([1, 40, 1 << 20])))
        patch.setattr(envelope, "TAIL", data.draw(st.sampled_from([1, 30, 64 << 10])))
        items = in_spans(reader, path, size, piece)

    assert plain(items) == values(reader, json.loads(text))


@given(st.lists(records(), max_size=9), st.randoms(use_true_random=False), sizes, st.sampled_from([(), ("questions",)]))
def test_records_are_read_from_an_array_or_an_object(tmp_path_factory, held, rng, size, names):
    """One reader takes the array and the object that one set of records circulates as."""
    path = tmp_path_factory.mktemp("either") / "x.json"
    reader = json_records.of(*names)

    for document in (held, {"info": 1, "questions": held} if names else {str(n): each for n, each in enumerate(held)}):
        path.write_text(spaced(document, rng, " \n"), encoding="utf-8")
        items = in_spans(reader, path, size, size)

        assert [each[1:] for each in plain(items)] == [(each["id"], each["text"], each["sub"]) for each in held]


def test_readers_are_values():
    """A reader that a function makes can be compared, hashed and sent to another process."""
    for reader, other in ((QUESTIONS, DIALOGS), (json_records.of("a"), json_records.of())):
        again = pickle.loads(pickle.dumps(reader))

        assert again == reader != other
        assert hash(again) == hash(reader)


def test_a_member_needs_a_name():
    """Without a name there is no member, which is a mistake in the source."""
    with pytest.raises(ValueError, match="name"):
        json_member.of()


SMALL = {"info": {"n": [1, {"x": "]}"}]}, "license": [{"id": 1, "text": "a"}, {"id": 2, "text": "b"}], "z": None}
HELD = [{"id": n, "text": '}], "x": [{'} for n in range(3)]


@pytest.mark.parametrize("piece", [1, 40, 1 << 20])
@pytest.mark.parametrize("held", [HELD, {str(each["id"]): each for each in HELD}], ids=["array", "object"])
@pytest.mark.parametrize("after", [0, 1, 3])
def test_a_file_cut_short_anywhere_is_damaged(tmp_path, piece, held, after):
    """A file cut at any byte, also behind the records, stops with a position at its end; blanks there may go."""
    others = list(SMALL.items())
    content = json.dumps(dict([*others[after:], ("questions", held), *others[:after]]), indent=1).encode()
    path = tmp_path / "x.json"

    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(DamagedFile, match=r"x\.json: byte \d+: expected .*, got .*download it again") as error:
            in_spans(QUESTIONS, path, 100, piece)
        assert int(re.search(r"byte (\d+)", str(error.value))[1]) == length
    path.write_bytes(content + b" \n")
    assert [each.id for each in in_spans(QUESTIONS, path, 100, piece)] == [0, 1, 2]


@given(st.data())
def test_a_changed_byte_never_changes_records_silently(tmp_path_factory, data):
    """Change any byte: what a parser accepts is read as it says, and otherwise no record is lost or made up silently."""
    content = bytearray(json.dumps({"info": {"a": [1, "b"]}, "questions": HELD, "license": ["c"]}).encode())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] = data.draw(st.sampled_from(b'{}[],:"\\ \n\x00\x1f0a\xff\xc3\x80') | st.integers(0, 255))
    path = tmp_path_factory.mktemp("flip") / "x.json"
    path.write_bytes(content)
    try:
        parsed = json.loads(bytes(content).decode())
        expected = msgspec.convert(parsed["questions"], list[dict])
    except (ValueError, KeyError, TypeError):
        expected = None

    try:
        items = in_spans(QUESTIONS, path, data.draw(st.sampled_from([30, 1 << 20])), data.draw(sizes))
    except DataError:
        assert expected is None
        return

    found = [(each.id, each.text) for each in items if type(each) is not Bad]
    if expected is None:  # the fault is in another member, or in a record that is bad for it
        originals = [(each["id"], each["text"]) for each in HELD]
        assert [each for each in originals if each in found] == found
        assert found == originals or len(found) < len(items)
    else:
        good = [each for each in expected if type(each.get("id")) is int and type(each.get("text")) is str]
        assert found == [(each["id"], each["text"]) for each in good]
        assert len(items) == len(expected)


MESSAGES = [
    (b"", "expected a JSON object with a member `questions`, got an empty file"),
    (b'[{"id": 1}]', "expected a JSON object with a member `questions`, got a JSON array"),
    (b'{"a": 1}\n{"a": 2}\n', "expected a JSON object with a member `questions`, got JSON Lines"),
    (b'{"questions": []}\n{"questions": []}\n', "expected a JSON object with a member `questions`, got JSON Lines"),
    (b"PK\x03\x04", "got a zip archive"),
    (b"hello", "byte 0: expected a JSON object with a member `questions`, got `h`"),
    (b"{}", "expected a member `questions`, got none; check that this is the published file"),
    (b'{"info": {}, "a\\nb": [1]}', "expected a member `questions`, got `info`, `a\\nb`; check"),
    (b'{"questions": "x"}', 'byte 14: expected an array or object of records in a member `questions`, got `"`; check'),
    (b'{"questions": [], "questions": []}', "byte 18: expected one member `questions`, got a second one; keep one"),
    (b'{"questions": []} x', "byte 18: expected nothing after the closing `}`, got `x`"),
    (b'{"questions": []]', "byte 16: expected `,` or `}`, got `]`"),
    (b'{"questions": [], }', "byte 18: expected a key in quotes, got `}`"),
    (b'{"a": [}], "questions": []}', "byte 7: expected `]` in the member `a`, got `}`"),
    (b'{"a": , "questions": []}', "byte 6: expected a value in the member `a`, got `,`"),
    (b'{"a" 1, "questions": []}', "byte 5: expected `:`, got `1`"),
    (b'{"a: 1', 'byte 6: expected `"`, got the end of the file'),
    (b'{"questions": [{"id": 1, "text": ""} {"id": 2}]}', "expected `,` or `]`, got `{`"),
    (b'{"questions": {"a": {"id": 1, "text": ""}, 7}}', "expected a key in quotes in the record that starts at"),
]


@pytest.mark.parametrize(("content", "message"), MESSAGES, ids=range(len(MESSAGES)))
def test_messages(tmp_path, content, message):
    """A file without the member, or with something wrong around it, is told in one line."""
    path = tmp_path / "x.json"
    path.write_bytes(content)

    for piece in (8, 1 << 20):
        with pytest.raises(DataError) as error:
            in_spans(QUESTIONS, path, 1 << 20, piece)

        assert message in str(error.value)
        assert "\n" not in str(error.value)


def test_a_member_of_a_member_that_is_missing_is_told(tmp_path):
    """The message names the way to the member, and what stands where it ends."""
    path = tmp_path / "x.json"

    for content, message in (
        ('{"data": {"questions": []}}', "expected a member `dialogs` of `data`, got `questions`"),
        ('{"data": [1]}', "byte 9: expected an object on the way to a member `dialogs` of `data`, got `[`"),
        ('{"data": {"dialogs": []}, "data": 1}', "expected one member `data`, got a second one"),
    ):
        path.write_text(content)
        with pytest.raises(DataError, match=re.escape(message)):
            in_spans(DIALOGS, path, 1, 1)


def test_an_object_of_records_by_id_is_not_listed_whole(tmp_path):
    """However many keys a wrong object has, some are named and the others are counted, and a long one is cut."""
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"k" * 100: 0, **{str(n): {"id": n} for n in range(5000)}}))

    with pytest.raises(DataError, match=r"got `k{60}\.\.\.`, `0`, .*, `10` and 4,989 more; check") as error:
        cuts(QUESTIONS, path, 1 << 20)
    assert len(str(error.value)) < 500


def test_a_key_may_be_written_with_escapes(tmp_path):
    """A key is compared as the text it stands for; one that is no text is another one."""
    path = tmp_path / "x.json"
    path.write_bytes(b'{"\\ud800": 1, "\xff": [], "quest\\u0069ons": [{"id": 7, "text": "a"}]}')

    assert [each.id for each in in_spans(QUESTIONS, path, 10, 10)] == [7]


def long_file(path, order, count=3000):
    """Write a file of three long members in an order, one record of the others like those of `questions`."""
    rows = [{"id": n, "text": "t" * (n % 60), "sub": [{"n": 1}, {"n": 2}]} for n in range(count)]
    members = {"questions": rows, "images": [{"file": "a" * 80, "id": n} for n in range(count)], "annotations": rows}
    path.write_text(json.dumps({name: members[name] for name in order}))
    return rows


@pytest.mark.parametrize("order", list(permutations(["questions", "images", "annotations"])), ids="-".join)
def test_members_may_be_long(tmp_path, monkeypatch, order):
    """Members before and after are skipped piece by piece, whatever their records look like."""
    rows = long_file(tmp_path / "x.json", order)
    monkeypatch.setattr(envelope, "SHORT", 100)
    monkeypatch.setattr(envelope, "PIECE", 5000)
    monkeypatch.setattr(trying, "LEAST", 2000)

    for size, piece in ((20_000, 4000), (1 << 20, 1 << 20)):
        assert [each.id for each in in_spans(QUESTIONS, tmp_path / "x.json", size, piece)] == list(range(len(rows)))


@pytest.mark.parametrize("after", ["", ', "license": [{"id": 1}], "info": {"x": []}'])
def test_the_last_piece_is_decoded_at_once(tmp_path, monkeypatch, after):
    """Where little or nothing follows the member, no record is judged singly, whatever the pieces."""
    path = tmp_path / "x.json"
    rows = ", ".join(json.dumps({"id": n, "text": "t" * 50, "sub": [1, {}]}) for n in range(3000))
    path.write_text(f'{{"info": {{}}, "questions": [{rows}]{after}}}')
    judged = []
    monkeypatch.setattr(pieces, "value_end", lambda view, at: judged.append(at) or depth.value_end(view, at))

    for piece in (20_000, 1 << 20):
        assert len(whole(QUESTIONS, path, piece=piece)) == 3000
    assert not judged


def test_a_long_member_behind_costs_about_one_more_parse(tmp_path, monkeypatch):
    """Where the end of the records cannot be told beforehand, few records are judged singly."""
    rows = long_file(tmp_path / "x.json", ["questions", "annotations"])
    judged = []
    monkeypatch.setattr(envelope, "TAIL", 100)
    monkeypatch.setattr(trying, "LEAST", 2000)
    monkeypatch.setattr(pieces, "value_end", lambda view, at: judged.append(at) or depth.value_end(view, at))

    assert len(whole(QUESTIONS, tmp_path / "x.json", piece=50_000)) == len(rows)
    assert len(judged) < 100


def test_brackets_at_the_end_are_tried_in_bounds(tmp_path, monkeypatch):
    """However many brackets stand at the end, some are tried; reading gives the same."""
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"questions": HELD, "z": [[]] * 5000}))
    tried = []
    split = envelope._split
    monkeypatch.setattr(envelope, "_split", lambda text: tried.append(1) or split(text))

    assert [each.id for each in whole(QUESTIONS, path)] == [0, 1, 2]
    assert len(tried) <= envelope.TRIES


@pytest.mark.parametrize("fault", ["", ",,", "}"])
def test_a_fault_in_a_long_member_is_left_to_the_depth_scan(tmp_path, monkeypatch, fault):
    """Only brackets and quotes count in what is skipped, and they count everywhere."""
    path = tmp_path / "x.json"
    row = '{"id": 1, "text": "}"}'
    path.write_text(f'{{"z": [{", ".join([row] * 9)}{fault} {row}], "questions": [{row}]}}')
    monkeypatch.setattr(envelope, "SHORT", 10)
    monkeypatch.setattr(envelope, "PIECE", 20)

    if fault == "}":
        with pytest.raises(DamagedFile, match="expected `]` in the member `z`, got `}`"):
            whole(QUESTIONS, path)
    else:
        assert len(whole(QUESTIONS, path)) == 1


@pytest.mark.parametrize("held", [HELD, {str(each["id"]): each for each in HELD}], ids=["array", "object"])
def test_a_span_that_starts_anywhere_fails_soon(tmp_path, held):
    """A start that is no edge gives errors of ours or records to be thrown away, but never another exception."""
    path = tmp_path / "x.json"
    path.write_text(json.dumps({**SMALL, "questions": held, "y": SMALL}))
    size = path.stat().st_size

    for start in range(1, size):
        try:
            batches = list(QUESTIONS.read(path, start, size, Record, 64))
        except DataError:
            continue
        assert batches[-1].end == size


def test_what_stands_before_is_gone_through_once(tmp_path, monkeypatch):
    """Cutting a file does not look for the member again and again, but does when the file is another one."""
    path = tmp_path / "x.json"
    long_file(path, ["images", "questions"])
    looked = []
    first = envelope.Envelope.first
    monkeypatch.setattr(envelope.Envelope, "first", lambda given: looked.append(1) or first(given))

    edges = cuts(QUESTIONS, path, 10_000)
    assert len(edges) > 10
    assert len(looked) == 1
    long_file(path, ["annotations", "questions"])
    assert QUESTIONS.cut(path, edges[3]) > edges[3]
    assert len(looked) == 2


def test_many_files_are_remembered_in_little_room(tmp_path):
    """What is remembered of files is bounded."""
    for number in range(200):
        path = tmp_path / f"{number}.json"
        path.write_text('{"questions": []}')
        assert QUESTIONS.cut(path, 0) == 15

    assert len(json_member._found) <= json_member._REMEMBERED


def test_cuts_do_not_fall_behind_the_member(tmp_path):
    """Records that begin otherwise, in a long member behind, are not taken for records of this one."""
    path = tmp_path / "x.json"
    long_file(path, ["questions", "images"])
    closer = path.read_bytes().index(b'"images"')

    edges = cuts(QUESTIONS, path, 5000)

    assert max(edge for edge in edges if edge < path.stat().st_size) < closer
    assert len(edges) > 10


def test_levels_are_bounded(monkeypatch):
    """A container of endless levels is no container, whatever its length."""
    monkeypatch.setattr(depth, "LONGEST", 50)
    view = memoryview(b"[" * 60 + b"]" * 60)

    with pytest.raises(depth.Unbalanced) as error:
        depth.container_end(view, 0, 1)
    assert error.value.expected == "at most 50 levels"
    assert depth.container_end(memoryview(b"[" + b"[1, 2], " * 50 + b"3]"), 0, 1) == 403


def test_shapes_are_told_by_their_surroundings(tmp_path):
    """A span that starts behind a record finds out by itself whether records have ids."""
    path = tmp_path / "x.json"
    for held in (['a": 1, "b', 'c"'], {"a": {"id": 1, "text": "x"}, "b": {"id": 2, "text": "y"}}):
        path.write_text(json.dumps({"questions": held, "z": 1}))
        first, last = cuts(QUESTIONS, path, 1 << 20)
        (start,) = {batch.end for batch in QUESTIONS.read(path, first, first + 1, Record, 1)}

        kinds = [type(each) for batch in QUESTIONS.read(path, start, last, Record, 1) for each in batch.items]

        assert kinds == [Bad if isinstance(held, list) else Record]


def test_readers_agree(tmp_path):
    """The same records give the same structs, whichever reader finds them."""
    held = {str(n): {"id": n, "text": "x"} for n in range(9)}
    whole_file, member = tmp_path / "a.json", tmp_path / "b.json"
    whole_file.write_text(json.dumps(held))
    member.write_text(json.dumps({"questions": held}))

    assert whole(json_object, whole_file) == whole(QUESTIONS, member)
    whole_file.write_text(json.dumps(list(held.values())))
    member.write_text(json.dumps({"questions": list(held.values())}))
    assert whole(json_array, whole_file) == whole(QUESTIONS, member)
