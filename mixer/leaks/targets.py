"""What a benchmark's lists come to: the keys, ids, questions and hashes that no record may have."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from mixer.errors import DataError, UsageError, did_you_mean
from mixer.leaks import keys
from mixer.leaks.lists import FORMS, Entry, Fields, read
from mixer.leaks.questions import words
from mixer.leaks.registry import BENCHMARKS, WAYS, Known, Way
from mixer.near.hamming import BITS, MOST_BITS
from mixer.resolved import Benchmark

OF_IMAGES: tuple[Way, ...] = ("content", "perceptual")
"""Ways that need the benchmark's images, or for content their hashes."""


@dataclass
class Target:
    """A benchmark as records are matched with it."""

    asked: Benchmark
    known: Known | None
    ways: tuple[Way, ...]
    entries: int = 0
    unkeyed: int = 0
    """Entries with an image that has no key."""
    keys: set[str] = field(default_factory=set)
    hashes: set[str] = field(default_factory=set)
    """sha256 of images, where a list holds such."""
    ids: set[str] = field(default_factory=set)
    questions: set[str] = field(default_factory=set)
    """As `questions.words` gives them."""
    of_images: set[tuple[str, str]] = field(default_factory=set)
    """(key of an image, question about it)."""

    @property
    def name(self) -> str:
        """Give the name that the recipe uses."""
        return self.asked.name

    def notes(self) -> list[str]:
        """Say what is remarkable about the lists."""
        said = []
        expected = self.known.images if self.known else None
        if "image" in self.ways and expected is not None and expected != len(self.keys):
            said.append(f"{self.name}: {len(self.keys):,} images listed, {expected:,} in the published lists together")
        if self.unkeyed and {"image", "image_question"} & {*self.ways}:
            said.append(f"{self.name}: {self.unkeyed:,} of {self.entries:,} entries have no key of an image")
        return said


def target(asked: Benchmark) -> Target:
    """Read a benchmark's lists. Raises UsageError for what cannot be asked, DataError for what cannot be read."""
    known = BENCHMARKS.get(asked.name)
    kind = asked.key or (known.key if known else None)
    if kind is not None and kind not in keys.KINDS:
        raise UsageError(f"{asked.name}: unknown key {kind!r}{did_you_mean(kind, keys.KINDS)}")
    if not 0 <= asked.distance <= MOST_BITS:
        raise UsageError(
            f"{asked.name}: distance is {asked.distance}; beyond {MOST_BITS} of {BITS} bits pictures are unlike"
        )
    if asked.ngram < 1:
        raise UsageError(f"{asked.name}: ngram is {asked.ngram}; it counts words, from 1")
    made = Target(asked, known, _ways(asked, known, kind))
    fields = _fields(asked, known)
    for path in asked.files:
        for entry in read(path, fields):
            _add(made, entry, kind, path)
    _check(made, fields)
    return made


def _ways(asked: Benchmark, known: Known | None, kind: str | None) -> tuple[Way, ...]:
    """Say how records are matched: as asked, or as usual so far as the given files allow it."""
    listed = bool(asked.files)
    usual: tuple[Way, ...] = known.by if known else (*OF_IMAGES, "image")
    if kind == keys.SHA256:
        usual = ("content",)
    can = {way: bool(asked.images) or (kind == keys.SHA256 and listed and way == "content") for way in OF_IMAGES}
    ways = [way for way in WAYS if way in (asked.by or usual) and (asked.by or can.get(way, listed))]
    for way in ways:
        if not can.get(way, listed):
            raise UsageError(
                f"{asked.name}: by {way} needs {'`images`, a folder' if way in OF_IMAGES else '`files`, its lists'}"
            )
    if not ways:
        wanted = "`files`, its lists" if {*usual} - {*OF_IMAGES} else ""
        wanted = " or ".join(filter(None, (wanted, "`images`, a folder" if {*usual} & {*OF_IMAGES} else "")))
        raise UsageError(f"{asked.name}: is matched by {', '.join(usual)}: give {wanted}")
    return tuple(ways)


def _fields(asked: Benchmark, known: Known | None) -> Fields:
    """Say where the entries stand: as the user says, else as is known of the benchmark."""
    fields = known.fields if known else Fields()
    if asked.field is None:
        return fields
    if {*asked.by} == {"question"}:
        return replace(fields, question=(asked.field,))
    if {*asked.by} == {"id"}:
        return replace(fields, id=(asked.field,))
    return replace(fields, image=(asked.field,))


def _add(made: Target, entry: Entry, kind: str | None, path: Path) -> None:
    """Take in what is asked for of an entry. Raises DataError for an image that is not of the kind the user names."""
    made.entries += 1
    ways = {*made.ways}
    if "id" in ways and entry.id is not None:
        made.ids.add(entry.id)
    named = []
    for image in entry.images if ways & {"image", "image_question"} or kind == keys.SHA256 else ():
        key = keys.of_entry(kind, image)
        if key is None and made.asked.key is not None:
            raise DataError(f"{path}{entry.place}: expected an image of the kind {kind}, got {image!r:.60}")
        named += [] if key is None else [key]
    made.unkeyed += not named
    if kind == keys.SHA256:
        made.hashes.update(key.partition(":")[2] for key in named)
    else:
        made.keys.update(named)
    if ways & {"question", "image_question"} and not (entry.alone and len(ways - {*OF_IMAGES}) > 1):
        asked = {told for each in entry.questions if (told := words(each))}
        made.questions |= asked
        if "image_question" in ways:
            made.of_images.update((key, told) for key in named for told in asked)


def _check(made: Target, fields: Fields) -> None:
    """Leave out the usual ways for which the lists say nothing. Raises DataError where one was asked for, or none is left."""
    if not made.asked.files:
        return
    found = {"id": made.ids, "image": made.keys, "question": made.questions, "image_question": made.of_images}
    looked = {"id": fields.id, "image": fields.image, "question": fields.question, "image_question": fields.image}
    empty = [way for way in made.ways if way in found and not found[way]]
    ways = tuple(way for way in made.ways if way not in empty)
    if empty and (made.asked.by or not ways):
        names = ", ".join(dict.fromkeys(name for way in empty for name in looked[way])) or "nothing"
        files = ", ".join(path.name for path in made.asked.files)
        raise DataError(
            f"{made.name}: {files} {'has' if len(made.asked.files) == 1 else 'have'} nothing to match by "
            f"{' or '.join(empty)} in {made.entries:,} entries (looked for {names}); a list is {FORMS}; name where an "
            "entry stands with `field`, and what it is with `key`"
        )
    made.ways = ways


def doubled(names: list[str]) -> list[str]:
    """List the names that come more than once."""
    return sorted(name for name, count in Counter(names).items() if count > 1)
