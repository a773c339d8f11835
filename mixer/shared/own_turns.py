"""The user's own dialogues, whatever their keys: turns with roles, rounds of two, parts of text and media.

Texts are kept as they are. A medium is where its part or its placeholder is; media that have no place come first. Roles
are those of LLaVA, ShareGPT and OpenAI; a turn of a tool is the human's, a call of one is the reply.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Literal, NamedTuple

import msgspec
from pydantic import Field

from mixer.conversation import GPT, HUMAN, IMAGE, SYSTEM, VIDEO, Conversation, Labelled, Skip, Turn, content_id, media
from mixer.shared.own_rows import TOKENS, Medium, Row, RowOptions, keys, listed, plain

TOOL, CALL = "tool", "call"
_ROLES = {
    SYSTEM: SYSTEM,
    **dict.fromkeys((HUMAN, "user"), HUMAN),
    **dict.fromkeys((GPT, "assistant", "bot"), GPT),
    **dict.fromkeys(("tool", "function", "tool_response", "function_response", "observation", "observations"), TOOL),
    **dict.fromkeys(("function_call", "tool_call"), CALL),
}
_MEDIA: Mapping[str, Medium] = {
    "image": "image", "image_url": "image", "video": "video", "video_url": "video",
    "audio": "audio", "audio_url": "audio", "input_audio": "audio",
}  # fmt: skip
_CONTEXTS = {"<IMG_CONTEXT>": IMAGE, "<VIDEO_CONTEXT>": VIDEO}
"""Placeholders of XTuner beside parts of media."""
_PAIRS = ("chosen", "rejected", "chosen_messages", "rejected_messages", "rejected_response")
_QWEN = re.compile(r"<img>([^<>\n]+)</img>")


class TurnOptions(RowOptions):
    """What becomes of what LLaVA's conversations do not have."""

    system: Literal["turn", "prompt"] = Field(
        default="turn", description="A system turn, or its text before the first question, with an empty line between."
    )
    tools: Literal["skip", "turns"] = Field(
        default="skip",
        description="Skip dialogues with tools, or write a call as a reply, a result as a human turn, as they stand.",
    )
    placeholders: Literal["in_place", "front"] = Field(
        default="in_place",
        description="Leave the placeholder of a record's only medium where it is, or start its turn with it, as LLaVA "
        "does when it trains.",
    )


Said = tuple[str, Any]
"""A role of ours, and a text or a list of parts."""


class Names(NamedTuple):
    """What a shape calls its list of turns, a turn's role and its text."""

    turns: str
    role: str
    text: str


SHAREGPT = Names("conversations", "from", "value")
MESSAGES = Names("messages", "role", "content")


class _Files:
    """The media of a dialogue, in the order of their places."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.waiting = {medium: iter(row.media(medium)) for medium in TOKENS}
        self.placed: dict[Medium, list[str]] = {medium: [] for medium in TOKENS}

    def place(self, medium: Medium, value: Any) -> None:
        """Give a place to a file that a turn holds, or else to the record's next one."""
        path = self.row.path(value, medium)
        files = [path] if path else list(islice(self.waiting[medium], 1))
        if not files:
            raise msgspec.ValidationError(f"a part of a turn is of type {medium}, but there is no file for it")
        self.placed[medium] += files

    def place_those_of(self, text: str, besides: Container[Medium | None]) -> None:
        """Give the places in a text to the record's files, but of those kinds that have parts."""
        for medium, token in TOKENS.items():
            if medium not in besides:
                self.placed[medium] += islice(self.waiting[medium], text.count(token))

    def rest(self) -> str:
        """Give the placeholders of the files that no turn has a place for, if there are none else of their kind."""
        lines = ""
        for medium, token in TOKENS.items():
            left = list(self.waiting[medium])
            lines += "" if self.placed[medium] else f"{token}\n" * len(left)
            self.placed[medium] += left  # beside others they are too many, which no valid record has
        return lines


def convert(raw: Mapping[str, Any] | list[Any], options: TurnOptions, names: Names = MESSAGES) -> Labelled | Skip:
    """Make a conversation of a list of turns."""
    row = Row({options.columns.get(names.turns, names.turns): raw} if isinstance(raw, list) else raw, options)
    refuse_pair(row)
    listed = row.listed(names.turns)
    if not listed:
        raise row.unknown(f"no turns in {options.columns.get(names.turns, names.turns)!r}")
    return made(row, turns(listed, names, options), options)


def refuse_pair(row: Row) -> None:
    """Raise ValidationError for a record of two answers, of which one is worse."""
    if any(name in row for name in _PAIRS):
        raise row.unknown("a preference pair, which `own_pairs` reads")


def made(row: Row, given: Iterable[Said], options: TurnOptions) -> Labelled | Skip:
    """Make a conversation of turns: (role, text or parts). The record's own system text comes first."""
    said = list(given)
    if row.value("label") is False:
        return Skip("its answer is labelled as bad")
    tools = row.value("tools") if row.listed("tools") else None
    if options.tools == "skip" and (tools or any(uses_tools(*turn) for turn in said)):
        return Skip("uses tools")
    files = _Files(row)
    spoken: list[Turn] = []
    system = row.text("system")
    for number, (role, content) in enumerate(said):
        text = _text(content, files)
        if role == SYSTEM:
            if number:
                raise msgspec.ValidationError("a system turn that is not the first turn")
            system = text or system
            continue
        speaker = HUMAN if role == TOOL else GPT if role == CALL else role
        if speaker == HUMAN:
            parts = content if isinstance(content, list) else ()
            files.place_those_of(text, besides=[_part(part)[0] for part in parts])
        if role == TOOL and spoken and spoken[-1].from_ == HUMAN:  # results of several calls
            spoken[-1].value += f"\n{text}"
        else:
            spoken.append(Turn(speaker, text))
    if tools:
        system = "\n\n".join(filter(None, (system, _printed(tools))))
    return _conversation(row, spoken, files, system, options)


def _conversation(row: Row, spoken: list[Turn], files: _Files, system: str, options: TurnOptions) -> Labelled | Skip:
    if not spoken:
        raise row.unknown("no turns")
    row.check_media("".join(turn.value for turn in spoken if turn.from_ == HUMAN))
    if system.strip() and options.system == "prompt":
        spoken[0].value = f"{system}\n\n{spoken[0].value}"
    spoken[0].value = files.rest() + spoken[0].value
    if options.placeholders == "front":
        _to_front(spoken, sum(map(len, files.placed.values())))
    if system.strip() and options.system == "turn":
        spoken.insert(0, Turn(SYSTEM, system))
    image, video, audio = files.placed["image"], files.placed["video"], files.placed["audio"]
    if len(video) > 1:
        return Skip("several videos")
    record = Conversation(
        id=row.id() or "",
        image=_one_or_all(image),
        video=next(iter(video), None),
        audio=_one_or_all(audio),
        conversations=spoken,
    )
    record.id = record.id or content_id(next(iter(media(record)), "text"), record)
    return Labelled(record, row.labels(), embedded=row.embedded or None)


def _one_or_all(paths: list[str]) -> str | list[str] | None:
    return paths if len(paths) > 1 else next(iter(paths), None)


def _to_front(spoken: list[Turn], files: int) -> None:
    """Move the one placeholder of a record to the front of its turn, on a line of its own."""
    for turn in spoken if files == 1 else ():
        for token in TOKENS.values():
            if turn.from_ == HUMAN and turn.value.count(token) == 1:
                turn.value = f"{token}\n{turn.value.replace(token, '').strip()}"


def turns(listed: Iterable[Any], names: Names, options: RowOptions) -> Iterator[Said]:
    """Go through the turns of a list, of which one object may be a whole round."""
    role, text = (options.columns.get(name, name) for name in names[1:])
    for turn in listed:
        if not isinstance(turn, Mapping):
            raise msgspec.ValidationError(f"expected turns with {role!r} and {text!r}, got {type(turn).__name__}")
        if role in turn or "role" in turn or "from" in turn:
            said = turn.get(text, turn.get("content", turn.get("value")))
            yield from _turn(turn.get(role, turn.get("role", turn.get("from"))), said, turn)
        elif rounds := next((each for each in (("human", "assistant"), ("input", "output")) if each[1] in turn), None):
            if turn.get("system"):
                yield SYSTEM, turn["system"]
            yield HUMAN, turn.get(rounds[0])
            yield GPT, turn[rounds[1]]
        else:
            raise msgspec.ValidationError(f"no {role!r} in a turn; found: {keys(turn)}")


def _turn(role: Any, said: Any, turn: Mapping[str, Any]) -> Iterator[Said]:
    kind = _ROLES.get(role) if isinstance(role, str) else None
    if kind is None:
        raise msgspec.ValidationError(f"unknown role {role!r:.60}")
    if calls := listed(turn.get("tool_calls") or turn.get("function_call")):
        functions = [call.get("function", call) if isinstance(call, Mapping) else call for call in calls]
        text = _printed(functions[0] if len(functions) == 1 else functions)
        yield CALL, f"{said}\n{text}" if isinstance(said, str) and said.strip() else text
    elif said is None:
        raise msgspec.ValidationError(f"a turn without text; found: {keys(turn)}")
    else:
        yield kind, said


def uses_tools(role: str, content: Any) -> bool:
    """Say whether a turn calls a tool or holds a result of one."""
    parts = content if isinstance(content, list) else []
    return role in (TOOL, CALL) or any(
        isinstance(part, Mapping) and part.get("type") in ("tool_use", "tool_result") for part in parts
    )


def _printed(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def text_of(content: Any) -> str:
    """Give the text of an answer. Raises ValidationError for one with media."""
    parts = [_part(part) for part in content] if isinstance(content, list) else [(None, plain(content, "an answer"))]
    if any(kind for kind, _ in parts):
        raise msgspec.ValidationError("a medium in an answer")
    return "".join(said for _, said in parts)


def _text(content: Any, files: _Files) -> str:
    """Give the text of a turn, with a placeholder for each of its parts that is a medium."""
    if not isinstance(content, list):
        return plain(content, "a turn's text")
    parts = [_part(part) for part in content]
    text = "".join(said for kind, said in parts if kind is None)
    for context, token in _CONTEXTS.items():
        if context in text:
            parts = [(kind, said if kind else said.replace(context, token)) for kind, said in parts]
            text = text.replace(context, token)
    kinds = [kind for kind, _ in parts if kind is not None]
    own_place = {kind for kind in kinds if text.count(TOKENS[kind]) == kinds.count(kind)}
    lines = ""
    was_medium = False
    for kind, said in parts:
        if kind is not None:
            files.place(kind, said)
        if kind in own_place:
            continue
        shown = said if kind is None else TOKENS[kind]
        apart = lines and (kind is not None or was_medium) and not lines.endswith("\n") and not shown.startswith("\n")
        lines += f"\n{shown}" if apart and shown else shown
        was_medium = kind is not None or (was_medium and not shown)
    return lines


def _part(part: Any) -> tuple[Medium | None, Any]:
    """Tell a part of a turn: a medium and what says where it is, or None and a text."""
    if isinstance(part, str):
        return None, part
    if not isinstance(part, Mapping):
        raise msgspec.ValidationError(f"a part of a turn: expected a map or text, got {type(part).__name__}")
    kind = str(part.get("type"))
    if kind == "text":
        return None, plain(part.get("text", part.get("value")), "a part's text")
    if kind == "tool_use":
        return None, _printed({"name": part.get("name"), "arguments": part.get("input")})
    if kind == "tool_result":
        held = part.get("content")
        return None, _printed("".join(_part(each)[1] for each in held) if isinstance(held, list) else held)
    if kind in _MEDIA:
        held = next((part[key] for key in (kind, "value", "source", "path", "url") if part.get(key)), part)
        return _MEDIA[kind], held
    raise msgspec.ValidationError(f"unknown part of a turn: {kind!r:.60}; found: {keys(part)}")


def qwen_images(texts: Iterable[str]) -> tuple[list[str], list[str]]:
    """Take Qwen-VL's images, `<img>kite.jpg</img>`, out of texts: the texts with placeholders, and the paths."""
    given = list(texts)
    return [_QWEN.sub(IMAGE, text) for text in given], [path for text in given for path in _QWEN.findall(text)]
