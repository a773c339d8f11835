r"""ShareGPT: dialogues with ChatGPT that its users shared; text only, in many languages.

Page: https://huggingface.co/datasets/anon8231489123/ShareGPT_Vicuna_unfiltered
Raw: {"id": "kT3xWqa_0", "conversations": [{"from": "human", "value": "How do I descale a kettle?"}, {"from": "gpt",
     "value": "With vinegar:\n\n1. Fill it ..."}, ...]}; older dumps have `items` for `conversations`, others `plugins`

Licence: not clear (users' content, OpenAI terms; the page says Apache-2.0). Cleaned as for Vicuna, after FastChat's
scripts: a first turn that is not the human's and a last one that is are dropped; dialogues are skipped whose turns do
not alternate, which name OpenAI or ChatGPT, use plugins, hold an error message for an answer, or a list that starts anew
at 1; a dialogue ends before its first empty or unprintable turn, and needs two turns and 16 characters. Of dialogues
with the same first question and answer the first counts. (FastChat also drops a second dialogue of the same id; here
only if it begins the same, as one that was fetched twice does.)
Long dialogues are split between rounds, each part named by its first turn. LLaVA-1.5 takes the first part of each (40,688
of them, which ones is not published), and so does the default; `long=split` takes all. As in FastChat, a last round that
does not fit is lost, and a first one that is too long by itself is a part where others follow. The limit is 2,048 tokens
of LLaMA's tokenizer, for which there is an estimate of ours: a token for 4 ASCII characters or 2 bytes of others, which
is off by a tenth, and FastChat's 6 for each turn.
Quirks:
- ShareGPT_V3_unfiltered_cleaned_split.json is cleaned and split by its publisher, by the tokenizer: it is not split
  again, and the later parts are told by their ids. sg_90k is HTML, sg_90k_html_cleaned the same as Markdown.
- A part may begin with an answer, which is dropped.
- `<image>`, `</s>` and `USER:` in texts are text. Roles `user`, `chatgpt`, `bing`, `bard` do not alternate as they should.
- Markdown keeps its escapes (`aws\_vpc`). Personal data are possible.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal

import msgspec
from pydantic import Field

from mixer.conversation import GPT, HUMAN, Conversation, Labelled, Labels, Skip, Turn
from mixer.readers import json_array
from mixer.shared.html_text import Unreadable, markdown
from mixer.sources import File, Grouping, Options, Source

BLOCKED = ("openai", "chatgpt")
LIMITED = ("Too many requests in 1 hour. Try again later.", "!Too many requests in 1 hour. Try again later.")
LEAST = 16
"""Characters of a dialogue."""
PER_TURN = 6
"""Tokens that a turn takes besides its text."""
TOO_SHORT = "too short"
_LATER = re.compile(r"_[1-9][0-9]*$")
_STARTS_ANEW = re.compile(r"\n1\. [^2]*\n1\. ")


class Raw(msgspec.Struct):
    """A dialogue."""

    id: str
    conversations: list[Turn] | None = None
    items: list[Turn] | None = None
    plugins: Any = None
    is_html: bool = False
    is_split: bool = False
    loss: str | None = None
    """Why it is skipped; empty if it is not, None before it was cleaned."""

    def __post_init__(self) -> None:
        """Take the turns of older dumps for those of later ones."""
        if self.conversations is None:
            if self.items is None:
                raise ValueError("neither `conversations` nor `items`")
            self.conversations, self.items = self.items, None

    @property
    def turns(self) -> list[Turn]:
        """Its turns, cleaned once `first` was asked for."""
        return self.conversations or []

    @property
    def first(self) -> tuple[str, ...]:
        """Its first question and answer; if it is skipped, its id."""
        if self.loss is None:
            try:
                self.conversations = list(_cleaned(self.turns, is_html=self.is_html))
                self.loss = "" if self.plugins is None else "uses plugins"
            except _Lost as lost:
                self.conversations, self.loss = [], str(lost)
        return (self.id,) if self.loss else tuple(turn.value for turn in self.turns[:2])

    @property
    def is_later(self) -> bool:
        """Whether it is a later part of a dialogue that its publisher split."""
        return self.is_split and _LATER.search(self.id) is not None


class ShareGptOptions(Options):
    """Which file, and what becomes of long dialogues."""

    file: Literal["ShareGPT_V3_unfiltered_cleaned_split", "sg_90k", "sg_90k_html_cleaned"] = Field(
        default="ShareGPT_V3_unfiltered_cleaned_split",
        description="Published file, without .json; the others are two, sg_90k_part1 and sg_90k_part2, and sg_90k needs the extra `html`.",
    )
    long: Literal["first", "split"] = Field(
        default="first", description="Of long dialogues the first part as in LLaVA-1.5, or all parts as for Vicuna."
    )
    max_tokens: int = Field(
        default=2048,
        ge=0,
        description="Of files that are not split: tokens of a part, estimated as 1 for 4 ASCII characters or 2 other bytes; 0: no limit.",
    )


def _parts(name: str, *, is_html: bool) -> Iterator[File]:
    for part in (1, 2):
        path = f"HTML_cleaned_raw_dataset/{name.replace('sg_90k', f'sg_90k_part{part}')}.json"
        yield File(path, json_array, Raw, when={"file": name}, give={"is_html": is_html})


SOURCE = Source(
    title="ShareGPT",
    homepage="https://huggingface.co/datasets/anon8231489123/ShareGPT_Vicuna_unfiltered",
    licence="not clear: users' content, OpenAI terms; the page says Apache-2.0",
    terms=("OpenAI", "unknown"),
    modality="text",
    task="chat",
    language="mul",
    files=(
        File(
            "ShareGPT_V3_unfiltered_cleaned_split.json",
            json_array,
            Raw,
            when={"file": "ShareGPT_V3_unfiltered_cleaned_split"},
            give={"is_split": True},
        ),
        *_parts("sg_90k", is_html=True),
        *_parts("sg_90k_html_cleaned", is_html=False),
    ),
    options=ShareGptOptions,
    grouping=Grouping(by="first"),
)


def convert(raws: Sequence[Raw], options: ShareGptOptions) -> Iterator[Labelled | Skip]:
    """Make the records of dialogues that begin with the same question and answer: of the first."""
    is_second = False
    for raw in raws:
        if raw.loss:
            yield Skip(raw.loss)
        elif raw.is_later and options.long == "first":
            yield Skip("later part of a long dialogue")
        elif is_second and not raw.is_later:
            yield Skip("first question and answer of another dialogue")
        else:
            is_second = is_second or not raw.is_later
            yield from _counted(list(_records(raw, options)))


class _Lost(Exception):
    """Why a dialogue is skipped."""


def _cleaned(turns: Sequence[Turn], *, is_html: bool) -> list[Turn]:
    """Give the turns to keep: whole rounds. Raises _Lost."""
    if len(turns) > 1 and turns[0].from_ != HUMAN:
        turns = turns[1:]
    if len(turns) > 1 and turns[-1].from_ == HUMAN:
        turns = turns[:-1]
    if len(turns) <= 1:
        raise _Lost(TOO_SHORT)
    kept: list[Turn] = []
    for turn, role in zip(turns, (HUMAN, GPT) * len(turns), strict=False):
        text = _text(turn, role, is_html=is_html)
        if not text or not text[0].isprintable():
            break
        kept.append(Turn(role, text))
    characters = sum(len(turn.value) for turn in kept)
    kept = kept[: len(kept) // 2 * 2]
    if characters < LEAST or not kept:
        raise _Lost(TOO_SHORT)
    return kept


def _text(turn: Turn, role: str, *, is_html: bool) -> str:
    if turn.from_ != role:
        raise _Lost("roles do not alternate")
    if any(word in turn.value.lower() for word in BLOCKED):
        raise _Lost("names OpenAI or ChatGPT")
    try:
        text = markdown(turn.value) if is_html else turn.value.strip()
    except Unreadable:
        raise _Lost("HTML that does not parse") from None
    if role == GPT and text.startswith(LIMITED):
        raise _Lost("an answer is an error message")
    return text


def _records(raw: Raw, options: ShareGptOptions) -> Iterator[Labelled | Skip]:
    if raw.is_split:
        parts = [(0, len(raw.turns))]
    else:
        parts = _parted([_tokens(turn.value) for turn in raw.turns], options.max_tokens)
    if not parts:
        yield Skip("one round, and longer than max_tokens")
    for start, stop in parts[:1] if options.long == "first" else parts:
        turns = raw.turns[start:stop]
        if any(_STARTS_ANEW.search(turn.value) for turn in turns):
            yield Skip("a list starts anew at 1")
        else:
            id = raw.id if raw.is_split else f"{raw.id}_{start}"
            yield Labelled(Conversation(id=id, conversations=turns), Labels())


def _tokens(text: str) -> int:
    """Estimate the tokens of a turn."""
    size = len(text.encode(errors="surrogatepass"))
    plain = sum(map(str.isascii, text)) if size > len(text) else size
    return -(-plain // 4) - (plain - size) // 2 + PER_TURN


def _parted(tokens: Sequence[int], most: int) -> list[tuple[int, int]]:
    """Split turns into parts of at most so many tokens, as FastChat does: the place of each one's first turn, and its end."""
    if not most:
        return [(0, len(tokens))]
    parts = []
    start = size = 0
    for place in range(0, len(tokens), 2):
        more = tokens[place] + tokens[place + 1]
        if size + more > most:
            parts.append((start, place))
            start, size = place, 0
        elif place == len(tokens) - 2:
            parts.append((start, place + 2))
        size += more
    return [part for part in parts if part[0] < part[1]]


def _counted(made: list[Labelled | Skip]) -> Iterator[Labelled | Skip]:
    """Count a dialogue once: as what was made of its first part that gave a record, if any did."""
    first = next((place for place, each in enumerate(made) if isinstance(each, Labelled)), 0)
    for place, each in enumerate(made):
        yield replace(each, items=int(place == first))
