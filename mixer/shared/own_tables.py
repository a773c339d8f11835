"""The user's own questions and answers, and captions: one to a record or to a row of a table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle, takewhile
from string import ascii_uppercase
from typing import Any, Literal

import msgspec
from pydantic import Field

from mixer.conversation import GPT, HUMAN, Conversation, Labelled, Skip, content_id, dialogue
from mixer.prompts import BRIEF, DETAIL, ONE_SENTENCE, OPTION_LETTER, SHORT_ANSWER, pick
from mixer.shared.choices import letter, lettered
from mixer.shared.own_rows import PATHS, Row, RowOptions, keys, plain, rounds
from mixer.shared.own_turns import TurnOptions, made, qwen_images, refuse_pair

Record = Mapping[str, Any]
REQUESTS: Mapping[str, Sequence[str]] = {"brief": BRIEF, "detail": DETAIL, "sentence": (ONE_SENTENCE,)}
OTHERS: Mapping[str, str] = {
    "brief": "Describe the {} concisely.",
    "detail": "Describe the {} in detail.",
    "sentence": "Describe the {} in one sentence.",
}
"""What is asked of a video or of audio; the wordings are ours."""
_CHUNK = "<|__dj__eoc|>"
_DATA_JUICER = re.compile(r"<__dj__(?:image|video|audio)>|<\|__dj__eoc\|>")


class QaOptions(RowOptions):
    """How questions are asked and what an answer says."""

    prompt: Literal["none", "short"] = Field(
        default="none",
        description="What follows a question without options: nothing, or LLaVA's request for a short answer.",
    )
    answer_is: Literal["told", "text", "letter", "index"] = Field(
        default="told",
        description="What an answer to a question with options is: the text of one, its letter or its index from 0. "
        "`told`: a number beside texts is an index; else whichever fits, and two that fit make the record bad.",
    )


class CaptionOptions(RowOptions):
    """How captions are asked for."""

    request: Literal["brief", "detail", "sentence"] = Field(
        default="brief", description="LLaVA's eleven for a short caption or for a long one, picked by hash, or its one."
    )
    captions: Literal["one", "all"] = Field(
        default="one", description="Of a list of captions one, picked by hash, or a record of each."
    )


def alpaca(raw: Record, options: TurnOptions) -> Labelled | Skip:
    """Ask for what an instruction says, with its input on the next line."""
    row = Row(raw, options)
    refuse_pair(row)
    question = "\n".join(filter(None, (row.text("instruction", required=True), row.text("input"))))
    return _answered(row, question, row.text("output", required=True), options)


def query_response(raw: Record, options: TurnOptions) -> Labelled | Skip:
    """Ask a query; of a list of responses the first one counts."""
    row = Row(raw, options)
    refuse_pair(row)
    query = row.text("query", required=True)
    response = row.value("response", required=True)
    first = response[0] if isinstance(response, list) and response else response
    return _answered(row, query, plain(first, "response"), options)


def _answered(row: Row, question: str, answer: str, options: TurnOptions) -> Labelled | Skip:
    """Make a dialogue of a history and a last round; images may stand in its texts as Qwen-VL's do."""
    said = [text for pair in rounds(row.listed("history")) for text in pair] + [question, answer]
    if not row.media("image"):
        said, paths = qwen_images(said)
        if paths:
            row.hold("image", paths)
    return made(row, zip(cycle((HUMAN, GPT)), said), options)


def qa(raw: Record, options: QaOptions) -> Labelled | Skip:
    """Ask a question, with options for one of them."""
    row = Row(raw, options, PATHS)
    question = row.text("question", required=True)
    choices = _choices(row)
    answer = row.value("answer", required=True)
    if choices:
        answer_is = options.answer_is
        if answer_is == "told" and isinstance(answer, int) and all(isinstance(each, str) for each in choices):
            answer_is = "index"
        texts = [plain(each, "options") for each in choices]
        asked = f"{question}\n{lettered(texts)}\n{OPTION_LETTER}"
        return _record(row, asked, _letter(answer, texts, answer_is))
    if row.column("answer") == "answers":
        answer = row.listed("answer")
    text = _most_common(answer) if isinstance(answer, list) else plain(answer, "answer")
    if not text.strip():
        return Skip("no answer")
    return _record(row, f"{question}\n{SHORT_ANSWER}" if options.prompt == "short" else question, text.strip())


def _choices(row: Row) -> list[Any]:
    """List the options: of a column, or of the columns A, B ... up to the first that is empty."""
    held = row.value("options")
    choices = row.listed("options")
    if isinstance(held, Mapping):
        if "A" not in held:
            raise msgspec.ValidationError(f"options: expected a list, or a map by letter; found: {keys(held)}")
        row = Row(held, RowOptions())
    elif isinstance(held, str) and choices == [held]:
        raise msgspec.ValidationError("options: expected a list, or a map by letter, got text")
    if isinstance(held, Mapping) or (not choices and ("A" in row or "B" in row)):
        given = [row.value(name) for name in ascii_uppercase]
        choices = list(takewhile(lambda each: each is not None, given))
        if given[len(choices) + 1 : len(choices) + 2] not in ([], [None]):
            raise msgspec.ValidationError("options: one is missing before another")
    if len(choices) > len(ascii_uppercase) or any(each is None or each == "" for each in choices):
        raise msgspec.ValidationError("options: more than there are letters, or an empty one")
    return choices


def _letter(answer: Any, choices: list[str], answer_is: str) -> str:
    """Give the letter of the option that is the answer. Raises ValidationError where it cannot be told."""
    text = plain(answer, "answer").strip()
    by_text = [place for place, choice in enumerate(choices) if choice.strip() == text]
    by_letter = [ascii_uppercase.index(text)] if len(text) == 1 and text in ascii_uppercase[: len(choices)] else []
    by_index = [int(text)] if text.isascii() and text.isdigit() and int(text) < len(choices) else []
    ways = {
        "text": [by_text],
        "letter": [by_letter],
        "index": [by_index],
        "told": [by_text, by_letter, by_index],
    }[answer_is]
    found = {tuple(way) for way in ways if way}
    if len(found) != 1 or len(next(iter(found))) != 1:
        several = "may be more than one of its options; say with `answer_is` what it is" if found else "is no option"
        raise msgspec.ValidationError(f"the answer {several}")
    return letter(next(iter(found))[0])


def _most_common(answers: list[Any]) -> str:
    """Give the most common answer, of equals the first; each is a text, or a map with one."""
    said = [plain(each.get("answer") if isinstance(each, Mapping) else each, "answers") for each in answers]
    return Counter(said).most_common(1)[0][0] if said else ""


def captions(raw: Record, options: CaptionOptions) -> Iterator[Labelled | Skip]:
    """Ask for a caption of a medium."""
    row = Row(raw, options, (*PATHS, "path", "url"))
    paths = {medium: row.media(medium) for medium in ("image", "video", "audio")}
    if not any(paths.values()):
        raise row.unknown("no medium in 'image', 'video' or 'audio'")
    row.value("caption", required=True)
    plains = [_plain(plain(each, "caption"), paths) for each in row.listed("caption")]
    told = [each for each in plains if each]
    if not told or len(paths["video"]) > 1:
        yield Skip("several videos" if told else "no caption")
        return
    owner = row.id() or next(path for found in paths.values() for path in found)
    chosen = told if options.captions == "all" else [pick(told, "own_captions", owner, "caption")]
    for number, caption in enumerate(chosen):
        other = next((medium for medium in ("video", "audio") if paths[medium]), None)
        wordings = [OTHERS[options.request].format(other)] if other else REQUESTS[options.request]
        request = pick(wordings, "own_captions", f"{owner} {caption}", "prompt")
        yield _record(row, request, caption, part=number)


def _plain(caption: str, paths: Mapping[str, list[str]]) -> str:
    """Take Data-Juicer's marks off a caption. Raises ValidationError for a text that is more than one."""
    marks = _DATA_JUICER.findall(caption)
    places = len(marks) - marks.count(_CHUNK)
    if (marks and places != sum(map(len, paths.values()))) or caption.lstrip().startswith("[[human]]"):
        raise msgspec.ValidationError("a Data-Juicer text that is no caption")
    if marks.count(_CHUNK) > 1 or (_CHUNK in marks and caption.rpartition(_CHUNK)[2].strip()):
        raise msgspec.ValidationError("a Data-Juicer text of several captions")
    return _DATA_JUICER.sub("", caption).strip()


def _record(row: Row, question: str, answer: str, part: int = 0) -> Labelled | Skip:
    """Make a record of one round about all of a row's media; further ones of a row hold no item."""
    image, video, audio = row.media("image"), row.media("video"), row.media("audio")
    if len(video) > 1:
        return Skip("several videos")
    record: Conversation = dialogue(
        id="", rounds=[(question, answer)], image=image, video=next(iter(video), None), audio=audio
    )
    own = row.id()
    paths = [*image, *video, *audio]
    record.id = own or content_id(next(iter(paths), "text"), record)
    if own and part:
        record.id = content_id(own, record)
    return Labelled(record, row.labels(), 0 if part else 1, row.embedded or None)
