
    def piece(self, edge: int, length: int, stop: int, decode: Decode) -> Batch | None:
        """Decode about `length` bytes at once, or give None: a record is bad or the guess was false."""
        body = self._body(edge)
        if body is None:
            return Batch([], len(self.view))
        end = self._likely_end(edge, length, stop)
        if end is None or end <= body:
            return None
        try:
            items = decode(self._wrapped(body, end))
        except FAULTS:
            return None
        if end == self.closer:
            self._body(end)
            end = len(self.view)
        return Batch(items, end)

    def singly(self, edge: int, stop: int, decode: Decode) -> Batch:
        """Judge each record by itself up to the first edge at or after `stop`."""
        items: list[Any] = []
        while edge < stop or edge == len(self.view):
            body = self._body(edge)
            if body is None:
                return Batch(items, len(self.view))
            edge = self._record_end(body)
            items.append(self._judged(body, edge, decode))
        return Batch(items, edge)

    def _likely_end(self, edge: int, length: int, stop: int) -> int | None:
        place = edge + length
        if place + length // 2 < stop:
            return self.guess(place, length, stop)
        return self.closer if stop == len(self.view) else stop

    def _wrapped(self, start: int, stop: int) -> bytes:
        return b"".join((self.shape.opening, self.view[start:stop], self.shape.closing))

    def _body(self, edge: int) -> int | None:
        """Give the start of the record behind an edge, or None when the container is closed there."""
        at = self._skip(edge)
        closed = self.view[at : at + 1] == self.shape.closing
        if not closed and edge != self.first:
            if self.view[at : at + 1] != b",":
                raise self._damaged(at, f"`,` or `{self.shape.closing.decode()}`")
            at = self._skip(at + 1)
        if closed:
            return self._nothing_after(at)
        if at == len(self.view) or self.view[at] in b",:]}":
            raise self._damaged(at, "a record")
        return at

    def _nothing_after(self, closer: int) -> None:
        if closer == self.closer:
            return
        if is_json_lines(self.view, self.first - 1):
            raise wrong_start(self.path, self.view, self.first - 1, self.shape.name)
        raise self._damaged(self._skip(closer + 1), f"nothing after the closing `{self.shape.closing.decode()}`")

    def _record_end(self, body: int) -> int:
        try:
            return value_end(self.view, self._value(body) if self.shape.keyed else body)
        except Unbalanced as fault:
            expected = f"{fault.expected} in the record that starts at byte {body}"
            raise damaged(self.path, fault.at, expected, fault.got) from None

    def _value(self, body: int) -> int:
        """Give the start of the value behind a key and its colon."""
        if self.view[body] != ord('"'):
            raise Unbalanced(body, "a key in quotes", shown(self.view, body))
        colon = self._skip(value_end(self.view, body))
        if self.view[colon : colon + 1] != b":":
            raise Unbalanced(colon, "`:`", shown(self.view, colon))
        return self._skip(colon + 1)

    def _judged(self, start: int, stop: int, decode: Decode) -> Any:
        text = self._wrapped(start, stop)
        try:
            return decode(text)[0]
        except FAULTS as error:
            return bad(error, text, start, wrapped=1)

    def _skip(self, at: int) -> int:
        blanks = _BLANKS.match(self.view, at)
        assert blanks is not None  # it matches the empty text, too
        return blanks.end()

    def _damaged(self, at: int, expected: str) -> DamagedFile:
        return damaged(self.path, at, expected, shown(self.view, at))


def _rstripped(view: memoryview) -> int:
    """Give the length of a file without the blanks at its end."""
    end = len(view)
    while end:
        block = bytes(view[max(0, end - 4096) : end])
        if kept := len(block.rstrip(b" \t\r\n")):
            return end - len(block) + kept
        end -= len(block)
    return 0
