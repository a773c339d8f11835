"""Records as people read a dialogue: who said what, with the pictures it is about."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from mixer.conversation import AUDIO, IMAGE, VIDEO, Conversation, Turn
from mixer.reporting.markup import Child, Html, element, join, name, note, section, void
from mixer.reporting.picking import Picked
from mixer.reporting.thumbnails import Small, Unseen

TURN_CHARACTERS = 1200
"""Of one message; what is longer is cut."""
RECORD_CHARACTERS = 3000
"""Of all messages of a record together."""
RECORD_TURNS = 10
LEAST = 200
"""A message of a long record still shows so much, or else is left out."""
RECORD_IMAGES = 4
"""Pictures of one record that are shown; the names of others stand beside."""
RECORD_NAMES = 8
NAME_CHARACTERS = 120

Picture = Callable[[str], Small]
"""Path of an image -> a small copy; raises Unseen."""
Drawn = Mapping[int, Small | str]
"""Number of an image in its record -> its small copy, or why there is none."""


def gallery(records: list[Picked], pictures: int, draw: Picture | None, total: int, told: Iterable[str]) -> Html:
    """Make the section of records; at most `pictures` images are drawn, those of low rank in every leaf first."""
    drawn = _drawn(records, pictures, draw)
    cards: dict[str, list[Html]] = {}
    for at, picked in enumerate(records):
        cards.setdefault(picked.leaf, []).append(_card(picked, total, drawn.get(at, {})))
    shown = sum(isinstance(image, Small) for images in drawn.values() for image in images.values())
    said = f"{len(records):,} of {total:,} records, spread over {len(cards):,} sources and chosen by a keyed hash"
    return section(
        "records",
        "Records",
        note(
            f"{said}; {shown:,} pictures. Long messages are cut, and say by how much.", *(f" {line}" for line in told)
        ),
        _filter(list(cards)),
        element("p", "No record shown here holds that.", id="none", class_="note", hidden=True),
        *(_group(leaf, each) for leaf, each in cards.items()),
    )


def _group(leaf: str, cards: list[Html]) -> Html:
    return element("div", element("h3", name(leaf)), element("div", *cards, class_="cards"), class_="group")


def _drawn(records: list[Picked], pictures: int, draw: Picture | None) -> dict[int, dict[int, Small | str]]:
    """Draw images, those of low rank first; by place of the record."""
    if draw is None:
        return {}
    wanted = [
        (number, picked.rank, at, path)
        for at, picked in enumerate(records)
        for number, path in enumerate(_paths(picked.conversation.image)[:RECORD_IMAGES])
    ]
    drawn: dict[int, dict[int, Small | str]] = {}
    left = pictures
    for number, _rank, at, path in sorted(wanted):
        drawn.setdefault(at, {})[number] = image = (
            _image(draw, path) if left else f"only {pictures:,} pictures are shown"
        )
        left -= isinstance(image, Small)
    return drawn


def _image(draw: Picture, path: str) -> Small | str:
    try:
        return draw(path)
    except Unseen as why:
        return str(why)


def _filter(leaves: list[str]) -> Html:
    """Make the form that narrows the cards down; it shows itself where there is a script."""
    options = [element("option", "all sources", value="")]
    options += [element("option", leaf, value=str(at)) for at, leaf in enumerate(leaves)]
    return element(
        "form",
        element("label", "Source ", element("select", *options, id="source")),
        element("label", "Text ", void("input", type="search", id="text", autocomplete="off", spellcheck="false")),
        element("output", id="shown", for_="source text", aria_live="polite"),
        id="filter",
        role="search",
        aria_label="Search the records shown",
        hidden=True,
    )


def _card(picked: Picked, total: int, drawn: Drawn) -> Html:
    record = picked.conversation
    times = f" · pass {picked.pass_ + 1}" if picked.pass_ else ""
    head = element(
        "header",
        element("a", f"record {picked.at + 1:,}", href=f"#record-{picked.at + 1}"),
        element("span", f"of {total:,}{times}", class_="of"),
        element("code", _cut(record.id, NAME_CHARACTERS)),
    )
    title = f"Record {picked.at + 1} of {picked.leaf}"
    parts = [head, *_media(record, drawn), *_turns(record)]
    return element(
        "article", *parts, class_="card", id=f"record-{picked.at + 1}", data_leaf=picked.leaf, aria_label=title
    )


def _media(record: Conversation, drawn: Drawn) -> list[Html]:
    images = _paths(record.image)
    figures = [_figure(image, images[at], at) for at, image in sorted(drawn.items()) if isinstance(image, Small)]
    unseen = {at: why for at, why in drawn.items() if isinstance(why, str)}
    names = [
        _name("image", path, unseen.get(at, "")) for at, path in enumerate(images) if at in unseen or at not in drawn
    ]
    names += [_name("video", path, "") for path in _paths(record.video)]
    names += [_name("audio", path, "") for path in _paths(record.audio)]
    if len(names) > RECORD_NAMES:
        names = [*names[:RECORD_NAMES], element("li", f"… {len(names) - RECORD_NAMES:,} more files")]
    parts = [element("div", *figures, class_="images")] if figures else []
    return [*parts, element("ul", *names, class_="files")] if names else parts


def _figure(image: Small, path: str, at: int) -> Html:
    named = _cut(path, NAME_CHARACTERS)
    size = {"width": str(image.width), "height": str(image.height)}
    return element(
        "figure", void("img", src=image.address, alt=f"image {at + 1}: {named}", **size), element("figcaption", named)
    )


def _name(kind: str, path: str, why: str) -> Html:
    said = f" — {why}" if why else ""
    return element("li", element("b", kind), " ", element("span", _cut(path, NAME_CHARACTERS), dir="auto"), said)


def _turns(record: Conversation) -> list[Html]:
    """Make the bubbles of a record, as many as there is room for."""
    tokens = [
        token
        for token, given in ((IMAGE, record.image), (VIDEO, record.video), (AUDIO, record.audio))
        if given is not None  # without such a medium the token is text
    ]
    bubbles: list[Html] = []
    answers = (("chosen", record.chosen), ("rejected", record.rejected))
    given = [(which, turn) for which, turn in answers if turn is not None]
    left = RECORD_CHARACTERS - TURN_CHARACTERS * len(given)
    for number, turn in enumerate(record.conversations):
        room = min(TURN_CHARACTERS, left)
        if number >= RECORD_TURNS or room < min(LEAST, len(turn.value)):
            rest = len(record.conversations) - number
            bubbles.append(element("p", f"… {rest:,} more message{'' if rest == 1 else 's'}", class_="cut"))
            break
        bubbles.append(_bubble(turn.from_, turn.from_, turn, room, tokens))
        left -= min(room, len(turn.value))
    return [*bubbles, *(_bubble(f"gpt {which}", which, turn, TURN_CHARACTERS, tokens) for which, turn in given)]


def _bubble(kind: str, who: str, turn: Turn, room: int, tokens: list[str]) -> Html:
    said: list[Child] = [element("div", _chips(turn.value[:room], tokens), class_="text", dir="auto")]
    more = len(turn.value) - room
    if more > 0:
        said.append(element("p", f"… {more:,} more character{'' if more == 1 else 's'}", class_="cut"))
    return element("div", element("span", who, class_="who"), *said, class_=f"turn {kind}")


def _chips(value: str, tokens: list[str]) -> Html:
    """Escape a text, with its placeholders as chips."""
    if not tokens:
        return join([value])
    parts = re.split("(" + "|".join(map(re.escape, tokens)) + ")", value)
    return join(element("span", part, class_="chip") if part in tokens else part for part in parts)


def _paths(given: str | list[str] | None) -> list[str]:
    return [] if given is None else [given] if isinstance(given, str) else given


def _cut(value: str, most: int) -> str:
    return value if len(value) <= most else f"{value[:most]}…"
