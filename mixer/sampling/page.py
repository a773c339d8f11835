"""A sample as one page that works offline and on paper: a card a record, a bubble a turn, small copies of its images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from mixer import atomic
from mixer.conversation import media
from mixer.reporting import thumbnails
from mixer.reporting.markup import Html, element, join, text, void
from mixer.sampling.records import About, Shown, answers, turns

PICTURES = 500
"""Of a page at most, so that its size is bounded."""


def write(out: Path, about: About, records: Iterable[Shown]) -> list[str]:
    """Write the sample's file; give what a reader should be told."""
    pictures = _Pictures(about.media)
    with atomic.replacing_file(out) as file:
        file.write(_head(about).encode() + b"\n")
        for shown in records:
            file.write(_article(shown, pictures).encode() + b"\n")
        file.write(b"</main>\n</body>\n</html>\n")
    return list(pictures.notes())


def _head(about: About) -> str:
    style = Html(Path(__file__).with_name("page.css").read_text(encoding="utf-8"))
    title = f"Sample of {about.name}"
    head = element(
        "head",
        void("meta", charset="utf-8"),
        void("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", style),
    )
    leaves = [element("li", f"{leaf}: {count:,}") for leaf, count in about.leaves.items()]
    opening = join(
        [
            element("h1", title),
            element("p", f"{about.said}; mix {about.mix_id[:16]}", class_="soft"),
            element("ul", *leaves, aria_label="records by source"),
        ]
    )
    return f'<!DOCTYPE html>\n<html lang="en">\n{head}\n<body>\n{element("header", opening)}\n<main>'


def _article(shown: Shown, pictures: _Pictures) -> Html:
    record = shown.record
    images = [] if record.image is None else [record.image] if isinstance(record.image, str) else record.image
    figures = [pictures.figure(path) for path in images]
    figures += [element("p", path, class_="soft") for path in media(record)[len(images) :]]
    source = "" if shown.source == shown.leaf else f" ({shown.source})"
    return element(
        "article",
        element("h2", f"{shown.position:,} · {shown.leaf}{source}"),
        element("p", record.id, class_="soft"),
        element("div", *figures, class_="media") if figures else Html(),
        *(_bubble(who, said) for who, said in [*turns(record), *answers(record)]),
    )


def _bubble(who: str, said: str) -> Html:
    return element(
        "div", element("p", who, class_="who"), element("p", text(said), dir="auto"), class_=f"turn {who.lower()}"
    )


class _Pictures:
    """Small copies of images, as long as there is room for them."""

    def __init__(self, roots: tuple[Path, ...]) -> None:
        self._roots = roots
        self._missing = thumbnails.missing_library() if roots else None
        self._left = 0 if self._missing else PICTURES
        self._over = self._unseen = 0

    def figure(self, path: str) -> Html:
        """Show an image with its path, or say why it is not shown."""
        try:
            return element("figure", self._copy(path), element("figcaption", path))
        except thumbnails.Unseen as why:
            self._unseen += 1
            return element("figure", element("figcaption", f"{path}: {why}"))

    def _copy(self, path: str) -> Html:
        if not self._roots or self._missing:
            return Html()
        if not self._left:
            self._over += 1
            return Html()
        copy = thumbnails.small(thumbnails.find(self._roots, path))
        self._left -= 1
        return void("img", src=copy.address, width=str(copy.width), height=str(copy.height), alt="")

    def notes(self) -> Iterator[str]:
        """Say what is not shown."""
        if self._missing:
            yield f"images are named and not shown: {self._missing}"
        if self._unseen:
            yield f"images that could not be shown: {self._unseen:,}; the page says why of each"
        if self._over:
            yield f"the page shows the first {PICTURES:,} images; only named: {self._over:,}"
