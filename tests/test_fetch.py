"""`mixer fetch`: published files come into the data root, checked, recorded and resumable, from a stand-in of the hub."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import threading
import zipfile

import pytest
from click.testing import CliRunner
from conftest import recipe
from hub_stand_in import BODY, COMMIT, StandIn, answers, chunked, cut, git_id, hang_up, sha256

from mixer import fetching, rawfiles, sources
from mixer.cli import main
from mixer.commands.fetch import fetch as command
from mixer.errors import DataError, IntegrityError, MixerError, UsageError
from mixer.fetching import addresses, downloading, published
from mixer.fetching.downloading import Remote, difference, download
from mixer.fetching.part import Part, Version
from mixer.fetching.published import Known


@pytest.fixture
def standin(monkeypatch, tmp_path):
    """Run a stand-in of the hub, which the library and we are told of; its own folders must stay empty."""
    with StandIn() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
        monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
        monkeypatch.setenv("NO_PROXY", "*")
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield running
    assert not (tmp_path / "home").exists()


@pytest.fixture
def table(monkeypatch):
    """Give what puts invented publications in the place of the published ones."""

    def put(sources=None, media=None):
        made = published._Table.model_validate({"sources": sources or {}, "media": media or {}})
        monkeypatch.setattr(published, "_table", lambda: made)

    return put


@pytest.fixture
def root(tmp_path):
    """Give an empty data root."""
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def pauses(monkeypatch):
    """Do not wait between tries, but count them."""
    waited = []
    monkeypatch.setattr(fetching.time, "sleep", waited.append)
    return waited


@pytest.fixture
def run(root, pauses, monkeypatch):
    """Run the command on the data root; give what it printed."""
    made = fetching.Fetch.__init__
    monkeypatch.setattr(
        fetching.Fetch, "__init__", lambda self, root, progress: made(self, root, progress, pauses.append)
    )

    def invoke(*arguments, code=0, input=None):
        finished = CliRunner().invoke(main, ["fetch", *map(str, arguments), "--data", str(root)], input=input)
        assert finished.exit_code == code, (finished.output, finished.exception)
        return finished

    if "fetch" not in main.commands:
        main.add_command(command)
    return invoke


def lock(root):
    return json.loads((root / "fetched.json").read_text())["files"]


def left(root):
    """List the files of a data root, the record aside."""
    return sorted(
        str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and path.name != "fetched.json"
    )


LATER = "f" * 40
ONE = {"textocr_gpt4v": [{"hub": "some/data", "revision": None}]}


# The table


def test_every_published_file_of_every_source_is_in_the_table_once():
    """No more and no less; generic sources have none."""
    known, _ = published.listed()

    assert set(known) == {name for name in sources.names() if not sources.get(name).own_path}
    for name in known:
        given = [path for entry in published.publications(name) for path in entry.files]
        assert sorted(given) == sorted(published.every_path(sources.get(name))), name


def test_lookups_of_another_source_are_published_there():
    """A table that records need is found where its publisher has it."""
    for name in sources.names():
        for lookup in sources.get(name).lookups:
            if lookup.source:
                assert lookup.file.path in published.every_path(sources.get(lookup.source))


def test_the_table_has_no_address_but_https():
    """And archives are kept under a name by which raw files are looked for."""
    known, media = published.listed()
    entries = [entry for every in known.values() for entry in every] + list(media.values())

    for entry in entries:
        if isinstance(entry, published.AtUrl):
            assert entry.url.startswith("https://")
    for name, every in known.items():
        files = {file.path: file for file in sources.get(name).files}
        files |= {lookup.file.path: lookup.file for lookup in sources.get(name).lookups}
        for entry in every:
            if isinstance(entry, published.AtUrl) and entry.kept_as:
                for path in entry.files:
                    ends = {path + suffix for suffix in rawfiles.PACKED}
                    assert entry.kept_as in {files[path].archive, *ends} if path in files else ends


def test_media_of_the_table_are_folders_that_sources_name():
    """Each key matches one."""
    folders = {folder for name in sources.names() for folder in sources.get(name).media}
    _, media = published.listed()

    for key, entry in media.items():
        found, _ = published.archives(folders)
        assert entry in found.values(), key


# From the hub


def test_a_file_comes_from_the_commit_that_the_branch_stands_at(standin, table, root, run):
    """The commit is said and recorded, and the bytes are those that the hub states."""
    pytest.importorskip("huggingface_hub")
    table(ONE)
    standin.put("train.jsonl")

    finished = run("textocr_gpt4v")

    assert (root / "textocr_gpt4v" / "train.jsonl").read_bytes() == BODY
    assert f"some/data: no commit is pinned; taking {COMMIT}" in finished.stderr
    assert "10.2 kB" in finished.stderr
    assert "1 fetched" in finished.stdout
    assert left(root) == ["textocr_gpt4v/train.jsonl"]
    assert lock(root)["textocr_gpt4v/train.jsonl"] == {
        "published": "train.jsonl",
        "url": f"https://huggingface.co/datasets/some/data/resolve/{COMMIT}/train.jsonl",
        "repo": "some/data",
        "revision": COMMIT,
        "path": "train.jsonl",
        "size": len(BODY),
        "sha256": sha256(BODY),
    }
    assert not any("Authorization" in headers for _, _, headers in standin.requests)


def test_what_is_there_and_right_is_not_asked_for(standin, table, root, run):
    """Once it is recorded, no request is made; and the record does not change."""
    pytest.importorskip("huggingface_hub")
    table(ONE)
    standin.put("train.jsonl")
    run("textocr_gpt4v")
    before = (root / "fetched.json").read_bytes()
    standin.requests.clear()

    finished = run("textocr_gpt4v", "--locked")

    assert standin.requests == []
    assert "0 fetched, 1 there and right" in finished.stdout
    assert (root / "fetched.json").read_bytes() == before


def test_a_colleague_gets_the_bytes_of_the_record(standin, table, root, run):
    """The recorded commit holds, though the branch has moved; --update moves on; --locked takes nothing unrecorded."""
    pytest.importorskip("huggingface_hub")
    table(ONE)
    standin.put("train.jsonl")
    run("textocr_gpt4v", "--locked", code=1)
    run("textocr_gpt4v")
    standin.put("train.jsonl", b"later", LATER)
    standin.head["some/data"] = LATER
    (root / "textocr_gpt4v" / "train.jsonl").unlink()

    run("textocr_gpt4v", "--locked")
    assert (root / "textocr_gpt4v" / "train.jsonl").read_bytes() == BODY

    run("textocr_gpt4v", "--update")
    assert (root / "textocr_gpt4v" / "train.jsonl").read_bytes() == b"later"
    assert lock(root)["textocr_gpt4v/train.jsonl"]["revision"] == LATER
    assert "was" not in lock(root)["textocr_gpt4v/train.jsonl"]
    assert "choose one" in run("textocr_gpt4v", "--update", "--locked", code=2).output


def test_a_changed_file_is_not_written_over(standin, table, root, run):
    """Neither one that was put there, nor one that was changed since; unless that is asked for."""
    pytest.importorskip("huggingface_hub")
    table(ONE)
    standin.put("train.jsonl")
    (root / "textocr_gpt4v").mkdir()
    (root / "textocr_gpt4v" / "train.jsonl").write_bytes(b"mine")

    finished = run("textocr_gpt4v", code=1)

    assert "expected 10,240 bytes, got 4" in finished.stderr
    assert (root / "textocr_gpt4v" / "train.jsonl").read_bytes() == b"mine"
    run("textocr_gpt4v", "--force")
    assert (root / "textocr_gpt4v" / "train.jsonl").read_bytes() == BODY
    (root / "textocr_gpt4v" / "train.jsonl").write_bytes(bytes(len(BODY)))
    assert "expected sha256" in run("textocr_gpt4v", code=1).stderr


def test_the_same_file_put_there_by_hand_is_right(standin, table, root, run):
    """It is hashed, not fetched; small files have git's own id."""
    pytest.importorskip("huggingface_hub")
    table(ONE)
    standin.put("train.jsonl", large=False)
    (root / "textocr_gpt4v").mkdir()
    (root / "textocr_gpt4v" / "train.jsonl").write_bytes(BODY)

    assert "1 there and right" in run("textocr_gpt4v").stdout
    assert standin.asked() == []


def test_patterns_stand_for_all_files_that_match(standin, table, root, run):
    """Part by part, over several pages of the listing; `**/` for any folder; one file may lie elsewhere on the hub."""
    pytest.importorskip("huggingface_hub")
    table({
        "the_cauldron": [{"hub": "some/data", "revision": COMMIT}],
        "rlaif_v": [
            {"hub": "some/data", "revision": COMMIT, "files": {"trl/*.parquet": "**/*.parquet"}},
            {"manual": "no"},
        ],
        "minigpt4": [
            {"hub": "some/data", "revision": COMMIT, "files": {"cc_sbu_align/filter_cap.json": "filter_cap.json"}},
            {"manual": "no"},
        ],
    })  # fmt: skip
    standin.page = 2
    for name in ("ai2d/train-0.parquet", "ai2d/train-1.parquet", "ai2d/train-2.parquet", "ai2d/test.parquet", "vsr/x"):
        standin.put(name, name.encode())
    standin.put("filter_cap.json")

    run("the_cauldron", "--option", "configs=ai2d")
    assert left(root) == [f"the_cauldron/ai2d/train-{number}.parquet" for number in range(3)]
    assert len(standin.asked(part="/tree/")) > 1
    run("rlaif_v", "--option", "packaging=trl")
    assert (root / "rlaif_v" / "trl" / "test.parquet").read_bytes() == b"ai2d/test.parquet"
    run("minigpt4")
    assert (root / "minigpt4" / "cc_sbu_align" / "filter_cap.json").read_bytes() == BODY
    assert (
        sources.get("minigpt4").used_files(sources.get("minigpt4").options())[0].path == "cc_sbu_align/filter_cap.json"
    )


def test_a_renamed_file_says_what_to_do(standin, table, root, run):
    """Nothing of the repository matches: the commit, the page and the way out are said; other files come all the same."""
    pytest.importorskip("huggingface_hub")
    table({**ONE, "halva": ONE["textocr_gpt4v"], "povid": [*ONE["textocr_gpt4v"]]})
    standin.put("data/data.json")
    standin.put("POVID_preference_data_for_VLLMs_version_1.json")

    finished = run("textocr_gpt4v", "halva", "povid", code=1)

    assert f"no file train.jsonl at commit {COMMIT}" in finished.stderr
    assert left(root) == ["halva/data/data.json", "povid/POVID_preference_data_for_VLLMs_version_1.json"]
    assert len(standin.asked(part="/tree/")) == 2


TRL = {
    "rlaif_v": [
        {"hub": "some/data", "revision": COMMIT, "files": {"trl/*.parquet": "**/*.parquet"}},
        {"manual": "x"},
    ]
}


@pytest.mark.parametrize("name", ["../../x", "/etc/x", "a//x", "..\\x", "a\0b", "a\nb", "\x1b[2J", "\ud800", "n" * 250])
def test_names_of_the_hub_cannot_lead_out_of_the_data_root(standin, table, root, run, name, monkeypatch):
    """Nor be such as no file can have here, or as a terminal would take for an order."""
    pytest.importorskip("huggingface_hub")
    table(TRL)
    listed = json.dumps([{"type": "file", "path": f"{name}.parquet", "size": 3, "oid": "0" * 40}]).encode()
    monkeypatch.setattr(standin, "api", lambda request, _parts: standin.plain(request, 200, listed))

    assert "cannot be put below" in run("rlaif_v", "--option", "packaging=trl", code=1).stderr
    assert left(root) == []


def entry(**more):
    """List a file as the hub does."""
    return json.dumps([{"type": "file", "path": "a.parquet", "size": 3, "oid": "0" * 40, **more}]).encode()


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>",
        b"null",
        b"[1]",
        b"[{}]",
        b"[" * 100_000,
        entry(size=-1),
        entry(size="x"),
        entry(oid=5),
        entry(lfs={"oid": "zz", "size": 3, "pointerSize": 1}),
        entry(lfs={"size": 3}),
    ],
)
def test_an_answer_that_is_none_of_the_hubs_fails_alone(standin, table, root, run, answer, monkeypatch):
    """It is said in one line, and the other files come."""
    pytest.importorskip("huggingface_hub")
    table(at(standin) | {"rlaif_v": [{"hub": "some/data", "revision": COMMIT}]})
    standin.files["/train.jsonl"] = BODY
    monkeypatch.setattr(standin, "api", lambda request, _parts: standin.plain(request, 200, answer))

    finished = run("textocr_gpt4v", "rlaif_v", code=1)

    assert left(root) == ["textocr_gpt4v/train.jsonl"]
    assert "gives an answer that is none of the hub's" in finished.stderr


@pytest.mark.parametrize("status", [401, 403])
def test_gated_files_say_how_to_get_in(standin, table, root, run, status):
    """The page of its terms and how to log in."""
    pytest.importorskip("huggingface_hub")
    table(ONE)
    standin.put("train.jsonl")
    standin.refused[f"/datasets/some/data/resolve/{COMMIT}/train.jsonl"] = [(status, "")]

    finished = run("textocr_gpt4v", code=1)

    assert "accept its terms at https://huggingface.co/datasets/some/data" in finished.stderr
    assert "huggingface-cli login" in finished.stderr
    assert left(root) == []


def test_a_repository_that_is_not_there_or_says_no(standin, table, run):
    """Private and missing ones look alike; a gated listing is told from both."""
    pytest.importorskip("huggingface_hub")
    table({"textocr_gpt4v": [{"hub": "no/such", "revision": None}]})
    assert "gated or private" in run("textocr_gpt4v", code=1).stderr

    table(ONE)
    standin.refused["/api/datasets/some/data"] = [(403, "")]
    assert "gated or private" in run("textocr_gpt4v", code=1).stderr


def test_a_busy_hub_is_asked_again_a_few_times(standin, table, root, run, pauses):
    """429 and 5xx of the listing and of the file, within bounds; what it says about waiting is obeyed."""
    pytest.importorskip("huggingface_hub")
    table(ONE)
    standin.put("train.jsonl")
    standin.refused["/api/datasets/some/data"] = [(503, "")]
    standin.refused[f"/datasets/some/data/resolve/{COMMIT}/train.jsonl"] = [(429, ""), (500, "")]

    run("textocr_gpt4v")

    assert left(root) == ["textocr_gpt4v/train.jsonl"]
    assert pauses == [1.0, 7.0, 7.0]


def test_a_hub_that_stays_busy_is_given_up(standin, table, run, pauses):
    """After five tries, with the page."""
    pytest.importorskip("huggingface_hub")
    table(ONE)
    standin.refused["/api/datasets/some/data"] = [(503, "")] * 99

    assert "tried 5 times" in run("textocr_gpt4v", code=1).stderr
    assert pauses == [1.0, 2.0, 4.0, 8.0]


def test_the_token_goes_to_the_hub_alone(standin, table, root, run, monkeypatch):
    """Also when the hub sends us on to another host; on the same host it stays."""
    pytest.importorskip("huggingface_hub")
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    table(ONE)
    standin.put("train.jsonl")
    with StandIn() as other:
        other.files["/blob"] = BODY
        standin.faults = [answers(302, Location="/blob"), answers(307, Location=f"{other.url}/blob")]

        run("textocr_gpt4v")

        asked = standin.asked(part="/resolve/") + standin.asked(part="/blob")
        assert [headers.get("Authorization") for _, _, headers in asked] == ["Bearer hf_secret"] * 2
        assert [headers.get("Authorization") for _, _, headers in other.requests] == [None]
    assert (root / "textocr_gpt4v" / "train.jsonl").read_bytes() == BODY


def test_a_hub_that_lies_about_bytes_is_found_out(standin, table, root, run):
    """Other bytes than the listing states are not kept."""
    pytest.importorskip("huggingface_hub")
    table(ONE)
    standin.put("train.jsonl")
    standin.faults = [answers(200, bytes(len(BODY)), ETag='"x"')]

    assert "expected sha256" in run("textocr_gpt4v", code=1).stderr
    assert left(root) == []


def test_what_the_table_states_holds(standin, table, run):
    """A size or hash of the table that the hub contradicts is an error before any byte comes."""
    pytest.importorskip("huggingface_hub")
    table({"textocr_gpt4v": [{"hub": "some/data", "revision": COMMIT, "size": 7}]})
    standin.put("train.jsonl")

    assert "published with bytes 7, the hub has 10240" in run("textocr_gpt4v", code=1).stderr
    assert standin.asked() == []


def test_a_commit_must_be_one(standin, table, run):
    """A stand-in that answers with something else is refused."""
    pytest.importorskip("huggingface_hub")
    table(ONE)
    standin.head["some/data"] = "main"

    assert "expected a commit of 40 hex digits" in run("textocr_gpt4v", code=1).stderr


def test_without_the_library_it_says_what_to_install(standin, table, run, monkeypatch):
    """The extra is named; addresses of their own need no library."""
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    table(ONE)

    assert "instruction-mixer[hub]" in run("textocr_gpt4v", code=2).output


def test_an_endpoint_must_be_https(table, run, monkeypatch):
    """A mirror is asked over https, but for this machine."""
    pytest.importorskip("huggingface_hub")
    monkeypatch.setenv("HF_ENDPOINT", "http://mirror.example")
    table(ONE)

    assert "expected an https address" in run("textocr_gpt4v", code=1).stderr


# From addresses of their own


def at(standin, path="/train.jsonl", **more):
    """Give publications of one file at an address of the stand-in."""
    return {"textocr_gpt4v": [{"url": f"{standin.url}{path}", **more}]}


def test_a_plain_address(standin, table, root, run):
    """Its size is asked for, and what came is recorded; the next fetch checks by that."""
    table(at(standin))
    standin.files["/train.jsonl"] = BODY

    finished = run("textocr_gpt4v")
    assert "10.2 kB" in finished.stderr
    assert lock(root)["textocr_gpt4v/train.jsonl"] == {
        "published": "train.jsonl", "url": f"{standin.url}/train.jsonl", "size": len(BODY), "sha256": sha256(BODY),
    }  # fmt: skip

    (root / "textocr_gpt4v" / "train.jsonl").unlink()
    standin.files["/train.jsonl"] = BODY[::-1]
    assert "expected sha256" in run("textocr_gpt4v", code=1).stderr
    run("textocr_gpt4v", "--update")
    assert (root / "textocr_gpt4v" / "train.jsonl").read_bytes() == BODY[::-1]


def test_an_unchecked_file_is_left_alone(standin, table, root, run):
    """One that is there, of which nothing is known, is neither fetched nor recorded."""
    table(at(standin))
    (root / "textocr_gpt4v").mkdir()
    (root / "textocr_gpt4v" / "train.jsonl").write_bytes(b"mine")

    assert "1 there, which nothing is known to check by" in run("textocr_gpt4v").stdout
    assert not (root / "fetched.json").exists()


@pytest.mark.parametrize("known", [{"size": 10240}, {"sha256": sha256(BODY)}, {"md5": hashlib.md5(BODY).hexdigest()}])
def test_stated_hashes_are_checked(standin, table, root, run, known):
    """What the table states, on what is there and on what comes."""
    table(at(standin, **known))
    standin.files["/train.jsonl"] = b"other"
    assert "expected" in run("textocr_gpt4v", code=1).stderr
    assert left(root) == []

    (root / "textocr_gpt4v").mkdir(exist_ok=True)
    (root / "textocr_gpt4v" / "train.jsonl").write_bytes(BODY)
    assert "1 there and right" in run("textocr_gpt4v").stdout


def test_archives_are_kept_as_they_are_read(standin, table, root, run):
    """A zip is fetched once for all its files, and found by those who read raw files."""
    table({"gqa": [
        {"url": f"{standin.url}/q.zip?x=1", "as": "questions1.2.zip",
         "files": ["train_balanced_questions.json", "val_balanced_questions.json"]},
        {"manual": "no"},
    ]})  # fmt: skip
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as made:
        made.writestr("train_balanced_questions.json", "{}")
        made.writestr("val_balanced_questions.json", "{}")
    standin.files["/q.zip"] = packed.getvalue()

    run("gqa")

    assert left(root) == ["gqa/questions1.2.zip"]
    assert rawfiles.found_files(sources.get("gqa"), root)["val_balanced_questions.json"]
    assert "1 there and right" in run("gqa", "--option", "split=val_balanced").stdout


def test_unpacked_by_hand_is_there(standin, table, root, run):
    """Who has unpacked the zip need not fetch it again."""
    table({"gqa": [{"url": f"{standin.url}/q.zip", "as": "questions1.2.zip"}]})
    (root / "gqa").mkdir()
    (root / "gqa" / "train_balanced_questions.json").write_text("{}")

    run("gqa")

    assert left(root) == ["gqa/train_balanced_questions.json"]
    assert standin.requests == []


def tar(files):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as made:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            made.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def aokvqa(standin):
    return {"aokvqa": [
        {"url": f"{standin.url}/a.tar.gz", "unpack": True, "files": ["aokvqa_v1p0_train.json", "aokvqa_v1p0_val.json"]},
        {"manual": "no"},
    ]}  # fmt: skip


def test_files_are_taken_from_a_tar(standin, table, root, run):
    """Those that are wanted, wherever they stand in it; the tar is not kept, its hash is recorded."""
    table(aokvqa(standin))
    standin.files["/a.tar.gz"] = content = tar(
        {"./x/aokvqa_v1p0_train.json": b"[1]", "aokvqa_v1p0_val.json": b"[2]", "../y": b""}
    )

    run("aokvqa")
    assert left(root) == ["aokvqa/aokvqa_v1p0_train.json"]
    assert lock(root)["aokvqa/aokvqa_v1p0_train.json"]["archive"] == {"size": len(content), "sha256": sha256(content)}
    assert "1 there and right" in run("aokvqa").stdout

    (root / "aokvqa" / "aokvqa_v1p0_train.json").unlink()
    standin.files["/a.tar.gz"] = tar({"aokvqa_v1p0_train.json": b"[3]"})
    assert "expected" in run("aokvqa", code=1).stderr
    assert left(root) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no tar", "expected a tar"),
        (tar({"other.json": b""}), "expected one file aokvqa_v1p0_train.json in it, got 0"),
        (tar({"a/aokvqa_v1p0_train.json": b"", "b/aokvqa_v1p0_train.json": b""}), "got 2"),
        (tar({"aokvqa_v1p0_train.json": bytes(4_000_000)}), "200 times its size"),
        (tar({"aokvqa_v1p0_train.json": BODY})[:-200], "expected a tar"),
    ],
)
def test_a_bad_tar_leaves_nothing(standin, table, root, run, content, said):
    """Neither a file, nor a part of one, nor the tar."""
    table(aokvqa(standin))
    standin.files["/a.tar.gz"] = content

    assert said in run("aokvqa", code=1).stderr
    assert left(root) == []


def test_lookups_come_into_the_folder_of_their_publisher(standin, table, root, run):
    """SVIT needs a table of Visual Genome."""
    table({
        "svit": [{"manual": "by hand"}],
        "visual_genome": [{"url": f"{standin.url}/i.zip", "as": "image_data.json.zip", "files": ["image_data.json"]}],
    })  # fmt: skip
    standin.files["/i.zip"] = BODY

    finished = run("svit", code=1)

    assert left(root) == ["visual_genome/image_data.json.zip"]
    assert "svit: conversation.json, complex_reasoning.json" in finished.stdout
    assert f": by hand (https://huggingface.co/datasets/BAAI/SVIT); put them below {root / 'svit'}" in finished.stdout


def test_what_is_left_to_do_by_hand_ends_when_it_is_done(table, root, run):
    """Exit code 1 until then."""
    table({"kvqa": [{"manual": "ask"}]})
    said = "kvqa: KVQA_annotations_train.json: ask (https://github.com/SKTBrain/KVQA); put it at"
    assert f"{said} {root / 'kvqa' / 'KVQA_annotations_train.json'}" in run("kvqa", code=1).stdout

    (root / "kvqa").mkdir()
    (root / "kvqa" / "KVQA_annotations_train.json").write_text("[]")
    run("kvqa")


# Recipes, options and the command line


def test_a_recipe_names_its_sources(standin, table, root, run, tmp_path):
    """Also those of `except`; files that it says lie elsewhere and files of one's own are not fetched."""
    table({
        **at(standin),
        "halva": [{"url": f"{standin.url}/h"}],
        "llava_pretrain": [{"url": f"{standin.url}/gone"}],
    })  # fmt: skip
    standin.files |= {"/train.jsonl": BODY, "/h": BODY}
    (tmp_path / "mine.json").write_text("[]")
    path = recipe(
        tmp_path,
        sources={
            "a": {"use": "textocr_gpt4v", "except": [{"source": "halva", "by": "image"}]},
            "b": {"use": "llava_pretrain", "files": {"blip_laion_cc_sbu_558k.json": "mine.json"}},
            "c": {"use": "llava_json", "path": "mine.json"},
        },
    )

    run(path)

    assert left(root) == ["halva/data/data.json", "textocr_gpt4v/train.jsonl"]
    assert "stand in it" in run(path, "--option", "x=1", code=2).output


def test_a_dry_run_changes_nothing(standin, table, root, run):
    """It says what would be fetched, for people and programs."""
    table(at(standin))
    standin.files["/train.jsonl"] = BODY

    assert "1 to fetch" in run("textocr_gpt4v", "--dry-run").stdout
    values = json.loads(run("textocr_gpt4v", "--dry-run", "--json").stdout)

    assert list(root.iterdir()) == []
    assert values["files"] == [{
        "path": "textocr_gpt4v/train.jsonl", "state": "fetch", "url": f"{standin.url}/train.jsonl",
        "size": len(BODY), "sha256": None, "gives": ["textocr_gpt4v/train.jsonl"],
    }]  # fmt: skip
    assert values["fetched"] == []
    assert json.loads(run("textocr_gpt4v", "--json").stdout)["fetched"] == ["textocr_gpt4v/train.jsonl"]
    assert run("textocr_gpt4v", "-q").output == ""


def test_names_must_be_known(run):
    """With a suggestion; one's own data are published nowhere; the miniatures are no place to fetch into."""
    assert "did you mean 'vqav2'" in run("vqav3", code=2).output
    assert "published nowhere" in run("own_qa", code=2).output
    assert "is no option" in run("vqav2", "--option", "colour=red", code=2).output
    with pytest.raises(UsageError, match="part of mixer"):
        fetching.root_for("miniatures")
    with pytest.raises(UsageError, match="a folder of this machine"):
        fetching.root_for("s3://bucket/raw")
    assert str(fetching.root_for(None)) == "data"


@pytest.mark.parametrize("url", ["s3://bucket/raw", "s3:/bucket/raw"])
def test_files_are_fetched_to_this_machine(url):
    """However the URL of a store is written; one with credentials is not repeated."""
    with pytest.raises(UsageError, match="fetched into a folder of this machine"):
        fetching.root_for(url)
    with pytest.raises(UsageError, match=r"^((?!SECRET).)*$"):
        fetching.root_for(url.replace("bucket", "K:SECRET@bucket"))


@pytest.mark.parametrize("target", ["textocr_gpt4v/../../x.json", "/tmp/x.json", "textocr_gpt4v/a\0"])
def test_a_record_of_somebody_else_cannot_lead_out_of_the_data_root(standin, table, root, run, target):
    """Its files are put where it says, so it may only say places below."""
    table(ONE)
    record = {"published": "train.jsonl", "url": "x", "repo": "some/data", "revision": COMMIT, "path": "evil"}
    standin.put("evil")
    (root / "fetched.json").write_text(json.dumps({"version": 1, "files": {target: record}}))

    assert "cannot be put below" in run("textocr_gpt4v", code=1).stderr
    assert sorted(path.name for path in root.parent.iterdir() if path.name != "home") == ["data"]


def test_what_moved_from_an_address_to_the_hub_is_fetched_from_there(standin, table, root, run):
    """What is recorded of the old place does not say where the file is now."""
    pytest.importorskip("huggingface_hub")
    standin.files["/train.jsonl"] = BODY
    table(at(standin))
    run("textocr_gpt4v")
    (root / "textocr_gpt4v/train.jsonl").unlink()
    standin.put("train.jsonl")
    table(ONE)

    run("textocr_gpt4v")

    assert lock(root)["textocr_gpt4v/train.jsonl"]["repo"] == "some/data"
    assert left(root) == ["textocr_gpt4v/train.jsonl"]


def test_a_damaged_record_is_not_guessed_at(root, run):
    """It says which file and what to do."""
    for text in (
        "{",
        '{"version": 1, "files": {"a": 7}}',
        '{"version": 1, "files": {"a": {"published": "", "url": "", "archive": {"x": 1}}}}',
    ):
        (root / "fetched.json").write_text(text)
        assert "move it away to begin a new one" in run("vqav2", code=1).output
    (root / "fetched.json").write_text('{"version": 9, "files": {}}')
    assert "expected version 1, got 9" in run("vqav2", code=1).output


def test_large_downloads_are_asked_about(standin, table, root, run, monkeypatch):
    """Where nobody can be asked, --yes says so."""
    monkeypatch.setattr("mixer.commands.fetch.LARGE", 100)
    table(at(standin))
    standin.files["/train.jsonl"] = BODY

    assert "fetch 1 files, 10.2 kB: say --yes to do so" in run("textocr_gpt4v", code=2).output
    assert left(root) == []
    monkeypatch.setattr("mixer.commands.fetch._is_answered", lambda: True)
    assert "nothing was fetched" in run("textocr_gpt4v", input="n\n", code=2).output
    run("textocr_gpt4v", input="y\n")
    (root / "textocr_gpt4v" / "train.jsonl").unlink()
    run("textocr_gpt4v", "--yes")
    assert left(root) == ["textocr_gpt4v/train.jsonl"]


def test_media_only_if_asked_for_and_said_so(standin, table, root, run):
    """Their archives come to where they are to be unpacked; folders that hold something are taken for whole."""
    pytest.importorskip("huggingface_hub")
    table(
        {"stic_preference": [{"url": f"{standin.url}/p"}], "halva": [{"url": f"{standin.url}/h"}],
         "rlhf_v": [{"url": f"{standin.url}/r"}], "kvqa": [{"url": f"{standin.url}/k"}]},
        {"coco/train2017": {"url": f"{standin.url}/train2017.zip"},
         "vg/VG_100K*": {"hub": "some/data", "revision": COMMIT, "files": ["deep/images*.zip"]},
         "rlhf_v": {"inside": True}},
    )  # fmt: skip
    standin.files |= {"/p": b"[]", "/h": b"[]", "/r": b"", "/k": b"[]", "/train2017.zip": BODY}
    standin.put("deep/images.zip")
    standin.put("deep/images2.zip")

    run("stic_preference")
    assert left(root) == ["stic_preference/pref_data_new.json"]
    assert "say --yes" in run("stic_preference", "--media", code=2).output
    finished = run("stic_preference", "--media", "--yes")
    assert "media/coco/train2017.zip" in left(root)
    assert "- media/coco/train2017.zip: unpack it in media/coco" in finished.stdout
    run("halva", "rlhf_v", "--media", "--yes")
    assert {"media/vg/images.zip", "media/vg/images2.zip"} < set(left(root))
    assert "no open archive" in run("kvqa", "--media", "--yes", code=1).stdout
    (root / "media" / "coco" / "train2017").mkdir()
    (root / "media" / "coco" / "train2017" / "1.jpg").touch()
    assert "to unpack" not in run("stic_preference", "--media").stdout


def test_a_full_disk_is_seen_first(standin, table, root, run, monkeypatch):
    """Nothing is fetched that cannot fit."""
    monkeypatch.setattr("mixer.atomic.shutil.disk_usage", lambda _path: type("Usage", (), {"free": 100}))
    table(at(standin))
    standin.files["/train.jsonl"] = BODY

    assert "10,240 bytes are needed and 100 are free" in run("textocr_gpt4v", code=1).output


# One file from one address


@pytest.fixture
def get(standin, tmp_path, pauses):
    """Download from the stand-in; give the bytes that came and what the bar was told."""

    def fetch(content=BODY, path="/file", **known):
        standin.files.setdefault(path, content)
        told = []
        target = tmp_path / "in" / "file.json"
        digest = download(Remote(standin.url + path, Known(**known)), target, told.append, pauses.append)
        assert digest == sha256(target.read_bytes())
        assert sorted(each.name for each in target.parent.iterdir()) == ["file.json"]
        return target.read_bytes(), sum(told)

    fetch.part = Part(tmp_path / "in" / "file.json")
    return fetch


def test_a_cut_download_goes_on(standin, get, pauses):
    """Within one run: only what is missing is asked for, of the same version."""
    standin.faults = [cut(1000), hang_up]

    assert get() == (BODY, len(BODY))
    ranges = [headers.get("Range") for _, _, headers in standin.requests]
    assert ranges == [None, "bytes=1000-", "bytes=1000-"]
    assert standin.requests[1][2]["If-Range"] == '"/file"'
    assert pauses == [1.0, 2.0]


def test_a_killed_download_goes_on(standin, get):
    """In another run, by what lies beside the bytes; a whole part is not asked for again."""
    get.part.begin(Version(f"{standin.url}/file", '"/file"', len(BODY)))
    get.part.path.write_bytes(BODY[:5000])

    assert get() == (BODY, len(BODY))
    assert [headers["Range"] for _, _, headers in standin.requests] == ["bytes=5000-"]

    get.part.begin(Version(f"{standin.url}/file", '"/file"', len(BODY)))
    get.part.path.write_bytes(BODY)
    assert get() == (BODY, len(BODY))
    assert len(standin.requests) == 1


@pytest.mark.parametrize(
    ("version", "known"),
    [
        (("other", '"/file"', 10240), {}),
        (("same", None, 10240), {}),
        (("same", '"/file"', 10240), {"size": 10241 - 1, "sha256": sha256(BODY)}),
        (("same", '"/file"', 10), {}),
        (("same", '"/file"', 77), {"size": 10240}),
        (None, {}),
    ],
)
def test_bytes_of_unknown_descent_are_not_gone_on_with(standin, get, version, known):
    """Of another address, without anything to tell versions by, of another length, or too many: from the start."""
    wrong = b"x" * 20
    if version:
        url, tag, size = version
        get.part.begin(Version(f"{standin.url}/file" if url == "same" else url, tag, size))
    else:
        get.part.path.parent.mkdir(parents=True)
        get.part._note.write_text("{")
    get.part.path.write_bytes(wrong if len(known) < 2 else BODY[:20])

    assert get(**known) == (BODY, len(BODY))


def test_a_file_that_changes_midway_begins_anew(standin, get):
    """The server gives all of it, since its tag is another; never a mixture."""
    standin.files["/file"] = BODY[::-1]
    standin.tags["/file"] = '"new"'
    standin.faults = [cut(1000, tag='"old"')]

    assert get() == (BODY[::-1], len(BODY))


def test_a_server_that_ignores_if_range_is_found_out(standin, get):
    """It goes on with another version: the tag in its answer says so."""
    standin.tags["/file"] = '"new"'
    half = answers(206, BODY[1000:], ETag='"new"', Content_Range=f"bytes 1000-{len(BODY) - 1}/{len(BODY)}")
    standin.faults = [cut(1000, tag='"old"'), half]

    assert get() == (BODY, len(BODY))
    assert len(standin.requests) == 3


@pytest.mark.parametrize("span", ["bytes 7-10239/10240", "bytes 1000-10239/99999", "nonsense", "bytes */10240"])
def test_a_range_that_was_not_asked_for(standin, get, span):
    """Another start, another length or nonsense: from the start."""
    standin.faults = [cut(1000), answers(206, BODY[1000:], ETag='"/file"', Content_Range=span)]

    assert get() == (BODY, len(BODY))


def test_a_shrunken_file(standin, get):
    """416: what is here is no beginning of what is there."""
    standin.faults = [cut(9000)]
    standin.files["/file"] = BODY[:2000]
    standin.tags["/file"] = '"/file"'
    standin.faults = [lambda request, _: cut(9000)(request, BODY)]

    assert get() == (BODY[:2000], 2000)


def test_a_server_that_sends_more_than_it_may(standin, get):
    """It is stopped, and nothing is kept."""
    standin.faults = [chunked(BODY + b"more")]
    with pytest.raises(IntegrityError, match="sends more than the 10,240 bytes"):
        get(size=len(BODY))
    assert list(get.part.path.parent.iterdir()) == []

    span = f"bytes 1000-{len(BODY) - 1}/{len(BODY)}"
    standin.faults = [cut(1000), answers(206, BODY, ETag='"/file"', Content_Range=span)]
    with pytest.raises(IntegrityError, match="sends more"):
        get()


def test_a_server_without_a_length(standin, get, monkeypatch):
    """Chunks say where they end, within a bound; a bare connection does not."""
    standin.faults = [chunked(BODY)]
    assert get()[0] == BODY

    monkeypatch.setattr(downloading, "UNSAID", 100)
    standin.faults = [chunked(BODY)]
    with pytest.raises(IntegrityError, match="more than the 100 bytes"):
        get()

    def bare(request, content):
        request.send_response(200)
        request.end_headers()
        request.wfile.write(content)
        request.close_connection = True

    standin.faults = [bare]
    with pytest.raises(DataError, match="does not say how long"):
        get()


def test_a_length_that_is_not_the_published_one(standin, get):
    """It is refused before a byte is read; a chunked one once it ends."""
    with pytest.raises(IntegrityError, match="expected 7 bytes, the server has 10,240"):
        get(size=7)
    standin.faults = [chunked(b"1234")] * 99
    with pytest.raises(DataError, match="stopped 3 bytes before the end"):
        get(size=7)


def test_other_bytes_than_known_are_not_kept(standin, get):
    """By each kind of hash."""
    for known in ({"sha256": "0" * 64}, {"md5": "0" * 32}, {"git": "0" * 40}):
        with pytest.raises(IntegrityError, match=r"expected .* 0000"):
            get(**known)
        assert list(get.part.path.parent.iterdir()) == []
    assert get(sha256=sha256(BODY), md5=hashlib.md5(BODY).hexdigest(), git=git_id(BODY))[0] == BODY


def test_a_packed_answer_is_refused(standin, get):
    """The bytes are wanted as they are published."""
    standin.faults = [answers(200, b"x", Content_Encoding="gzip")]

    with pytest.raises(DataError, match="packed by the server"):
        get()


@pytest.mark.parametrize(("status", "said"), [(404, "may have moved"), (403, "browser"), (410, "may have moved")])
def test_what_a_server_refuses_for_good(standin, get, status, said):
    """It is not asked again."""
    standin.refused["/file"] = [(status, "")] * 99

    with pytest.raises(DataError, match=said):
        get()
    assert len(standin.requests) == 1


def test_what_a_server_refuses_for_now(standin, get, pauses):
    """Five tries in a row that bring nothing; what is here stays."""
    standin.faults = [cut(1000), *[answers(503)] * 99]

    with pytest.raises(DataError, match=r"503 .*; tried 5 times; run again to go on from byte 1,000"):
        get()
    assert pauses == [1.0, 2.0, 4.0, 8.0]
    assert get.part.size == 1000

    standin.faults = []
    assert get() == (BODY, len(BODY))


def test_a_long_download_with_many_cuts(standin, get, monkeypatch):
    """Tries that bring enough do not count against it."""
    monkeypatch.setattr(downloading, "STEP", 500)
    content = BODY

    def slice_of(request, _content):
        start = int(request.headers.get("Range", "bytes=0-")[6:-1])
        span = f"bytes {start}-{len(content) - 1}/{len(content)}"
        headers = {"Content-Length": str(len(content) - start), "ETag": '"/file"'}
        StandIn.plain(request, 206 if start else 200, content[start : start + 600], {**headers, "Content-Range": span})
        request.close_connection = True

    standin.faults = [slice_of] * 99

    assert get() == (BODY, len(BODY))
    assert len(standin.requests) == 18


def test_a_server_that_is_not_there(get, standin, pauses, tmp_path):
    """The connection's fault is said."""
    with StandIn() as gone:
        url = gone.url
    with pytest.raises(DataError, match=r"the connection failed .*refused.*; tried 5 times"):
        download(Remote(f"{url}/file", Known()), tmp_path / "file", pause=pauses.append)


def test_a_disk_that_fails_is_not_the_servers_fault(standin, get, tmp_path):
    """It is not asked again."""

    class Full:
        def write(self, _view):
            raise OSError(28, "No space left on device")

    with pytest.raises(MixerError, match="No space left on device"):
        downloading._write(Full(), b"x", tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Part, "begin", lambda *_arguments: (tmp_path / "no" / "file").touch())
        with pytest.raises(FileNotFoundError):
            get()
    assert len(standin.requests) == 1
    (tmp_path / "in").write_text("a file where a folder should be")
    with pytest.raises(OSError, match="in"):
        get()


def test_redirects_only_to_safe_addresses(standin, get):
    """Neither to another scheme nor, from elsewhere, to this machine."""
    for where, said in (("http://elsewhere.example/x", "https"), ("ftp://127.0.0.1/x", "https")):
        standin.faults = [answers(302, Location=where)]
        with pytest.raises((DataError, MixerError), match=said):
            get()
    with pytest.raises(DataError, match="of this machine"):
        addresses.check("http://127.0.0.1/x", "https://elsewhere.example")
    for url in ("file:///etc/passwd", "http://elsewhere.example", "ftp://127.0.0.1/x", "data:,x"):
        with pytest.raises(DataError, match="https"):
            addresses.check(url)
    addresses.check("https://elsewhere.example")


@pytest.mark.parametrize(
    ("status", "head", "said"),
    [
        (302, {"Location": "http://elsewhere.example/x"}, "http://elsewhere.example/x; expected an https address"),
        (302, {"Location": "https://[bad"}, "an address that is none"),
        (302, {"Location": "https://x:port/"}, "nonnumeric port"),
        (302, {"Location": "/train.jsonl"}, "the server says 302"),
        (200, {"Content-Length": "9" * 5000}, "does not say how long"),
        (200, {"Content-Length": "-5"}, "does not say how long"),
        (206, {"Content-Range": "bytes 0-1/" + "9" * 5000}, "the file changed"),
        ("404 \x1b[2JGone", {}, "says 404 [2JGone"),
        ("nothing\x1b like HTTP", {}, "the connection failed"),
    ],
)
def test_a_hostile_server_is_told_of_in_a_line(standin, table, root, run, monkeypatch, status, head, said):
    """Whatever it says instead of a size or of bytes, the other files come."""

    def hostile(request, *_rest):
        line = status if isinstance(status, str) else f"HTTP/1.1 {status} ok"
        line = f"HTTP/1.1 {line}" if line[:3].isdecimal() else line
        request.wfile.write("\r\n".join([line, *(f"{name}: {value}" for name, value in head.items()), "", ""]).encode())
        request.close_connection = True

    bytes_of = standin.bytes
    monkeypatch.setattr(
        standin, "bytes", lambda request, *rest: (bytes_of if request.path == "/fine" else hostile)(request, *rest)
    )
    standin.files["/fine"] = BODY
    table(at(standin) | {"halva": [{"url": f"{standin.url}/fine", "as": "data/data.json"}]})

    finished = run("textocr_gpt4v", "halva", code=1)

    (line,) = [line for line in finished.stderr.splitlines() if line.startswith("error")]
    assert said in line
    assert "\x1b" not in line
    assert left(root) == ["halva/data/data.json"]


def test_sizes_are_asked_without_the_bytes(standin):
    """Through redirects; a server that does not say is no fault."""
    standin.files["/file"] = BODY

    assert addresses.size_of(f"{standin.url}/file") == len(BODY)
    assert addresses.size_of(f"{standin.url}/none") is None
    with StandIn() as gone:
        url = gone.url
    assert addresses.size_of(url) is None


def test_differences_are_said(tmp_path):
    """Nothing known, nothing to say."""
    (tmp_path / "a").write_bytes(BODY)

    assert difference(tmp_path / "a", Known()) is None
    assert difference(tmp_path / "a", Known(size=1)) == "expected 1 bytes, got 10,240"


def test_the_library_is_offline(standin, table, run, monkeypatch):
    """What it says is passed on."""
    library = pytest.importorskip("huggingface_hub")
    table(ONE)

    def fail(*_arguments, **_more):
        raise ConnectionError("no network")

    monkeypatch.setattr(library.HfApi, "repo_info", fail)

    assert "no network; tried 5 times" in run("textocr_gpt4v", code=1).stderr


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("RevisionNotFound", "has no revision None"),
        ("GatedRepo", "accept its terms"),
        ("EntryNotFound", "has none of the"),
    ],
)
def test_what_the_hub_says_is_missing(standin, table, run, code, said):
    """Each in its own words, with the page."""
    pytest.importorskip("huggingface_hub")
    table(ONE)
    standin.refused["/api/datasets/some/data"] = [(404 if code != "GatedRepo" else 403, code)]

    shown = run("textocr_gpt4v", code=1).stderr
    assert said in shown
    assert "https://huggingface.co/datasets/some/data" in shown


def test_bytes_without_a_tag_are_gone_on_with_if_their_hash_is_known(standin, get):
    """The hash of the whole tells a mixture."""
    get.part.begin(Version(f"{standin.url}/file", None, len(BODY)))
    get.part.path.write_bytes(BODY[:5000])
    span = f"bytes 5000-{len(BODY) - 1}/{len(BODY)}"
    standin.faults = [answers(206, BODY[5000:], Content_Range=span)]

    assert get(sha256=sha256(BODY)) == (BODY, len(BODY))
    assert "If-Range" not in standin.requests[0][2]


def test_a_folder_in_the_place_of_a_file(standin, table, root, run):
    """It is not touched."""
    table(at(standin))
    (root / "textocr_gpt4v" / "train.jsonl").mkdir(parents=True)

    assert "expected a file or nothing" in run("textocr_gpt4v", code=1).stderr


def test_one_fetch_at_a_time(root):
    """A second one waits for the first, and says so."""
    said = []

    def second():
        with fetching.fetching(root, said.append):
            said.append("in")

    with fetching.fetching(root):
        other = threading.Thread(target=second)
        other.start()
        other.join(0.2)
        assert said == [f"{root}: another fetch is at work there; waiting for it"]
    other.join()
    assert said[1:] == ["in"]
    assert list(root.iterdir()) == []


def test_moved_lookups_and_links_in_tars(standin, table, root, run, tmp_path):
    """A lookup that the recipe moves is not fetched; a link in a tar is no file."""
    table({
        "aokvqa": [{"url": f"{standin.url}/a", "unpack": True, "files": ["aokvqa_v1p0_train.json"]}, {"manual": "no"}],
        "svit": [{"url": f"{standin.url}/c", "files": ["conversation.json"]}, {"manual": "no"}],
    })  # fmt: skip
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as made:
        link = tarfile.TarInfo("aokvqa_v1p0_train.json")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        made.addfile(link)
    standin.files |= {"/a": packed.getvalue(), "/c": b"[]"}
    assert "got 0" in run("aokvqa", code=1).stderr

    (tmp_path / "i.json").write_text("[]")
    leaf = {"use": "svit", "options": {"parts": ["conversation"]}, "files": {"image_data.json": "i.json"}}
    run(recipe(tmp_path, sources={"a": leaf}))
    assert left(root) == ["svit/conversation.json"]
