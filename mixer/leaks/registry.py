"""The benchmarks that are known: pure data. What their lists look like, what their entries are, how they are matched.

No list ships: users bring their own copies. Counts were computed from the published lists unless `computed` is False:
then they are as generally published.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from mixer.leaks.lists import KEY, Fields
from mixer.resolved import LeakBy

Way = LeakBy | Literal["image_question"]
"""How a record is matched; `image_question`: it asks a question of the benchmark about the same image."""

WAYS: tuple[Way, ...] = ("id", "image", "image_question", "content", "perceptual", "question")
"""In the order in which they are told."""


@dataclass(frozen=True)
class Known:
    """A benchmark whose lists are known."""

    title: str
    published: str
    """Where its lists are."""
    lists: tuple[str, ...]
    """The published files."""
    form: str
    """What they are, in words."""
    images_of: str
    """Whose pictures it asks about."""
    held_out: str
    """What must stay out of training, in words."""
    by: tuple[Way, ...]
    """How records are matched unless the user says; of these, the ways that the given files allow."""
    key: str | None = None
    """What the images of its lists are, see keys.py; None: what each one's own form tells, and some tell nothing."""
    fields: Fields = field(default_factory=Fields)
    images: int | None = None
    """Distinct images of all its lists."""
    records: int | None = None
    """Entries of all its lists."""
    computed: bool = False
    """Whether the counts were computed from the published lists."""
    note: str = ""


_IMAGE: tuple[Way, ...] = ("image",)
_UNNAMED: tuple[Way, ...] = ("content", "perceptual", "question")
"""For benchmarks whose images have no names that others share."""
_VQA = "JSON object, `questions`: [{image_id, question, question_id}]"
_JSONL_IMAGE = Fields(image=("image",))
_DOCOWL = "X-PLUG/mPLUG-DocOwl, DocDownstream-1.0"
_REFER = Fields(
    image=("img_id", "image_id"), question=("sents",), split="split", held_out=("val", "testA", "testB", "test")
)


def _document(title: str, key: str, name: str) -> Known:
    """Give a benchmark of DocDownstream: one folder holds the images of all its splits, so files' names decide."""
    return Known(
        title, _DOCOWL, (f"test/{name}_test.jsonl", "val.jsonl"), "JSON Lines; `image` is a list of one path",
        "its own", "the images of the test and validation files", ("image",), key, _JSONL_IMAGE,
    )  # fmt: skip


def _refcoco(title: str, name: str, pickle: str, splits: tuple[str, ...], images: int, records: int) -> Known:
    files = (*(f"{name}_{split}.json" for split in splits), pickle)
    return Known(
        title,
        "Vision-CAIR/MiniGPT-4 `eval_scripts/eval_data`, or lichengunc/refer",
        files,
        "JSON array of {img_id, sents, ...}, or the pickle of refer, of which the splits for training are passed over",
        "COCO train2014, all splits",
        f"the images of {', '.join(splits)}; the training split of another of the three sets may hold them",
        _IMAGE,
        "coco",
        _REFER,
        images,
        records,
        computed=True,
        note="counts are of the JSON copies; a file holds an image's number, `_` and a running number",
    )


BENCHMARKS: Mapping[str, Known] = MappingProxyType(
    {
        "pope": Known(
            "POPE",
            "RUCAIBox/POPE `output/coco`",
            ("coco_pope_random.json", "coco_pope_popular.json", "coco_pope_adversarial.json"),
            "JSON Lines, though called .json: question_id, image, text, label",
            "COCO val2014",
            "its 500 images, the same in all three files",
            _IMAGE,
            "coco",
            images=500,
            records=9000,
            computed=True,
            note="most are in train2017: the name of a file says nothing",
        ),
        "chair": Known(
            "CHAIR (500)",
            "yuezih/less-is-more `CHAIR-eval/data`",
            ("chair-500.jsonl",),
            "JSON Lines: question_id, image, text, category",
            "COCO val2014",
            "its images",
            _IMAGE,
            "coco",
            images=500,
            records=500,
            computed=True,
            note="each paper draws 500 of its own: give the list you evaluate on; 7 images are POPE's, too",
        ),
        "object_halbench": Known(
            "Object HalBench",
            "RLHF-V `eval/data`",
            ("obj_halbench_300_with_image.jsonl",),
            "JSON Lines; images in base64 beside their numbers",
            "COCO val2014",
            "its images",
            _IMAGE,
            "coco",
            Fields(image=("image_id", "img_id", "image_path", "file_name")),
            images=300,
            records=300,
        ),
        "llava_bench_coco": Known(
            "LLaVA-Bench (COCO)",
            "haotian-liu/LLaVA `playground/data`, `llava/eval/table`",
            ("coco2014_val_gpt4_qa_30x3.jsonl", "qa90_questions.jsonl", "caps_boxes_coco2014_val_80.jsonl"),
            "JSON Lines: image, and text or instruction",
            "COCO val2014",
            "its images; the last file has those of both others",
            _IMAGE,
            "coco",
            images=80,
            computed=True,
            note="the 30 images of the first two files are not the same: 23 are shared",
        ),
        "vqav2": Known(
            "VQAv2",
            "visualqa.org",
            ("v2_OpenEnded_mscoco_val2014_questions.json",),
            _VQA,
            "COCO val2014; test and test-dev: COCO test2015",
            "the questions of val, about their images; training on train leaves test-dev clean",
            ("image_question",),
            "coco",
            images=40_504,
            records=214_354,
            note="`by: [image]` keeps the images of val2014 out, too, of which 88 % are in train2017",
        ),
        "okvqa": Known(
            "OK-VQA",
            "okvqa.allenai.org",
            ("OpenEnded_mscoco_val2014_questions.json",),
            _VQA,
            "COCO val2014",
            "the images of its val questions",
            _IMAGE,
            "coco",
            records=5046,
        ),
        "aokvqa": Known(
            "A-OKVQA",
            "allenai/aokvqa",
            ("aokvqa_v1p0_val.json", "aokvqa_v1p0_test.json"),
            "JSON array: image_id, question, question_id",
            "COCO val2017, test2017",
            "the images of val and test",
            _IMAGE,
            "coco",
        ),
        "coco_karpathy": Known(
            "COCO captions (Karpathy)",
            "cs.stanford.edu/people/karpathy/deepimagesent `caption_datasets.zip`, or LAVIS",
            ("dataset_coco.json", "coco_karpathy_val.json", "coco_karpathy_test.json"),
            "JSON object, `images`: [{cocoid, split, ...}], or LAVIS's JSON array: image, caption",
            "COCO val2014",
            "the 5,000 images each of its val and test; other splits of dataset_coco.json are passed over",
            _IMAGE,
            "coco",
            Fields(
                image=("cocoid", "image"), question=(), members=("images",), split="split", held_out=("val", "test")
            ),
            images=10_000,
            note="most are in train2017",
        ),
        "gqa": Known(
            "GQA",
            "cs.stanford.edu/people/dorarad/gqa",
            ("testdev_balanced_questions.json", "val_balanced_questions.json"),
            "JSON object of questions by id: {imageId, question}; LAVIS's copies are arrays with `image`",
            "Visual Genome, and its own whose names begin with n (all of test-dev)",
            "the images of the splits you evaluate on",
            _IMAGE,
            "gqa",
            Fields(image=("imageId", "image")),
            note="no set of Visual Genome has an image of test-dev; every one has images of val",
        ),
        "refcoco": _refcoco("RefCOCO", "refcoco", "refs(unc).p", ("val", "testA", "testB"), 3000, 21_586),
        "refcoco_plus": _refcoco("RefCOCO+", "refcoco+", "refs(unc).p", ("val", "testA", "testB"), 3000, 21_373),
        "refcocog": _refcoco("RefCOCOg", "refcocog", "refs(umd).p", ("val", "test"), 3900, 14_498),
        "textvqa": Known(
            "TextVQA",
            "textvqa.org",
            ("TextVQA_0.5.1_val.json", "TextVQA_0.5.1_test.json"),
            "JSON object, `data`: [{image_id, question, ...}]",
            "Open Images",
            "the images of val and test",
            _IMAGE,
            "oi",
            Fields(image=("image_id",)),
            note="splits share no image; TextOCR, TextOCR-GPT4V and TextCaps have the same pictures",
        ),
        "textcaps": Known(
            "TextCaps",
            "textvqa.org/textcaps",
            ("TextCaps_0.1_val.json", "TextCaps_0.1_test.json"),
            "JSON object, `data`: [{image_id, ...}], a row a caption",
            "Open Images",
            "the images of val and test",
            _IMAGE,
            "oi",
            Fields(image=("image_id",), question=()),
        ),
        "ocrvqa": Known(
            "OCR-VQA",
            "ocr-vqa.github.io",
            ("dataset.json",),
            "JSON object by ASIN: {questions, split, ...}; split 1 is train, 2 val, 3 test",
            "covers of books",
            "the covers of val and test; those of train are passed over",
            _IMAGE,
            "ocrvqa",
            Fields(
                image=(KEY, "image_id"),
                question=("questions",),
                split="split",
                held_out=("2", "3", "validation", "test"),
            ),
        ),
        "docvqa": _document("DocVQA", "docvqa", "DocVQA"),
        "infographicsvqa": _document("InfographicVQA", "infographicsvqa", "InfographicsVQA"),
        "deepform": _document("DeepForm", "deepform", "DeepForm"),
        "kleister_charity": _document("Kleister Charity", "klc", "KleisterCharity"),
        "wikitablequestions": _document("WikiTableQuestions", "wtq", "WikiTableQuestions"),
        "tabfact": _document("TabFact", "tabfact", "TabFact"),
        "chartqa": _document("ChartQA", "chartqa", "ChartQA"),
        "visualmrc": _document("VisualMRC", "visualmrc", "VisualMRC"),
        "doclocal4k": Known(
            "DocLocal4K",
            "mPLUG/DocLocal4K",
            ("text_grounding.jsonl", "text_recognition.jsonl"),
            "JSON Lines; `image` is a list of one path",
            "the families of DocStruct4M",
            "all of it: it is for evaluation only",
            _IMAGE,
            fields=_JSONL_IMAGE,
        ),
        "scienceqa": Known(
            "ScienceQA",
            "lupantech/ScienceQA `data/scienceqa`",
            ("pid_splits.json", "problems.json"),
            "JSON object of pids by split; problems.json by pid: {question, split, ...}",
            "its own",
            "the pids of val and test; those of train are passed over",
            ("image", "question", "content", "perceptual"),
            "scienceqa",
            Fields(
                image=(KEY, "pid"),
                question=("question",),
                id=(KEY, "pid"),
                members=(),
                split="split",
                held_out=("val", "test", "minival", "minitest"),
            ),
            note="an image's pid stands in its path, `ScienceQA/train/7/image.png`; questions need problems.json",
        ),
        "mmmu": Known(
            "MMMU",
            "MMMU-Benchmark/MMMU `mmmu`, questions: the hub's tables",
            ("answer_dict_val.json",),
            "JSON object by id `validation_<Subject>_<n>`, or Parquet: id, question",
            "books and the web",
            "all of it",
            ("id", "question", "content", "perceptual"),
            fields=Fields(image=(), question=("question",), id=("id", KEY)),
            records=900,
            computed=True,
            note="ids find it only where it was repackaged",
        ),
        "mme": Known(
            "MME",
            "OpenGVLab/InternVL `internvl_chat/eval/mme/Your_Results`",
            ("existence.txt", "count.txt", "position.txt", "color.txt", "OCR.txt", "..."),
            "columns between tabs: image, question, Yes or No",
            "existence, count, position and color: COCO; others: its own",
            "its images",
            ("image", "content", "perceptual"),
            fields=Fields(image=("1", "image"), question=("2", "question"), id=()),
            images=110,
            computed=True,
            note="110 are the images that are COCO's; give `images` to find the others. By question only if asked: it is "
            "made of a few templates",
        ),
        "mmbench": Known(
            "MMBench",
            "open-compass/MMBench",
            ("mmbench_dev_en.tsv", "..."),
            "TSV with a header: index, question, hint, A-D, answer, category, image in base64",
            "mixed",
            "all of it",
            _UNNAMED,
            fields=Fields(image=(), question=("question",), id=("index",)),
            note="unpack the images of the table to a folder for content and perceptual",
        ),
        "seed_bench": Known(
            "SEED-Bench",
            "AILab-CVC/SEED-Bench",
            ("SEED-Bench.json",),
            "JSON object, `questions`: [{question, data_id, data_type, ...}]",
            "CC3M, under names of its own, and videos",
            "all of it",
            _UNNAMED,
            fields=Fields(image=("data_id",), question=("question",), id=("question_id",), members=("questions",)),
        ),
        "mm_vet": Known(
            "MM-Vet",
            "yuweihao/MM-Vet, release",
            ("mm-vet.json",),
            "JSON object by id `v1_0`: {imagename, question, ...}",
            "the web and COCO",
            "all of it",
            _UNNAMED,
            fields=Fields(image=("imagename",), question=("question",), id=(KEY,)),
        ),
        "llava_bench_wild": Known(
            "LLaVA-Bench (In-the-Wild)",
            "hub liuhaotian/llava-bench-in-the-wild",
            ("questions.jsonl",),
            "JSON Lines: question_id, image, text",
            "the web",
            "all of it",
            _UNNAMED,
            fields=Fields(image=("image",), question=("text",)),
        ),
        "amber": Known(
            "AMBER",
            "junyangwang0410/AMBER `data/query`",
            ("query_generative.json", "query_discriminative.json"),
            "JSON array: id, image, query",
            "its own",
            "all of it",
            ("content", "perceptual"),
            key="stem",
            fields=Fields(image=("image",), question=("query",), id=("id",)),
            images=1004,
            records=15_220,
            computed=True,
            note="by question only if asked: it is made of a few templates",
        ),
        "hallusionbench": Known(
            "HallusionBench",
            "tianyi-lab/HallusionBench",
            ("HallusionBench.json",),
            "JSON array: question, filename or null, ...",
            "its own",
            "all of it",
            _UNNAMED,
            fields=Fields(image=("filename",), question=("question",), id=()),
            images=346,
            records=1129,
            computed=True,
        ),
        "vizwiz": Known(
            "VizWiz",
            "vizwiz.org",
            ("val.json", "test.json"),
            "JSON array: image, question",
            "its own",
            "the images of val and test",
            _IMAGE,
            "vizwiz",
            Fields(image=("image",)),
            note="the name of a file holds its split",
        ),
        "flickr30k_entities": Known(
            "Flickr30k Entities",
            "BryanPlummer/flickr30k_entities",
            ("val.txt", "test.txt"),
            "one Flickr id a line",
            "Flickr",
            "the images of val and test",
            _IMAGE,
            "flickr",
            images=2000,
            records=2000,
            computed=True,
            note="COCO and Visual Genome share photos with it: `image_data` finds Visual Genome's",
        ),
        "nocaps": Known(
            "NoCaps",
            "nocaps.org",
            ("nocaps_val_4500_captions.json", "nocaps_test_image_info.json"),
            "JSON object, `images`: [{open_images_id or file_name, ...}]",
            "Open Images val and test",
            "its images",
            _IMAGE,
            "oi",
            Fields(image=("open_images_id", "file_name"), question=(), members=("images",)),
        ),
        "svit_test": Known(
            "SVIT, held-out images",
            "BAAI-DCAI/Visual-Instruction-Tuning `data`",
            ("test_image_ids.txt",),
            "one Visual Genome id a line",
            "Visual Genome",
            "its images, a tenth of Visual Genome",
            _IMAGE,
            "vg",
            images=10_808,
            records=10_808,
            computed=True,
        ),
    }
)
"""By the name that a recipe uses."""
