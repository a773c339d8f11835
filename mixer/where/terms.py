"""The terms of a parsed `where`: what each means as SQL text and as a polars expression.

Every term is a frozen dataclass with two methods: `sql()`, the one way it is written, and `expr()`, a Boolean
expression that is null where SQL's three-valued logic says unknown. polars is imported only by `expr()`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import polars as pl

Kind = Literal["text", "number", "boolean"]

COLUMNS: Mapping[str, Kind] = MappingProxyType(
    {
        "id": "text",
        "image": "text",
        "subset": "text",
        "split": "text",
        "task": "text",
        "language": "text",
        "rating": "number",
        "turns": "number",
        "images": "number",
        "videos": "number",
        "audios": "number",
        "characters": "number",
        "literal_tokens": "boolean",
    }
)
"""What a `where` may name, and what it holds. `image` is the first of `media`; the others are columns of the index."""


class Term(Protocol):
    """A condition: true, false or unknown for each record."""

    def sql(self) -> str: ...  # noqa: D102 - described above

    def expr(self) -> pl.Expr: ...  # noqa: D102


@dataclass(frozen=True)
class Column:
    """A column by name; alone it is a condition if it is Boolean."""

    name: str

    @property
    def kind(self) -> Kind:
        """What the column holds."""
        return COLUMNS[self.name]

    def sql(self) -> str:  # noqa: D102 - of Term
        return self.name

    def expr(self) -> pl.Expr:  # noqa: D102 - of Term
        import polars as pl

        return pl.col(self.name)


@dataclass(frozen=True)
class Constant:
    """A text, number or Boolean written in the recipe. Whole numbers are exact, others the nearest float."""

    value: str | Decimal | bool

    @property
    def kind(self) -> Kind:
        """What the literal is."""
        return "boolean" if isinstance(self.value, bool) else "text" if isinstance(self.value, str) else "number"

    def sql(self) -> str:  # noqa: D102 - of Term
        if isinstance(self.value, bool):
            return str(self.value).upper()
        if isinstance(self.value, str):
            return "'" + self.value.replace("'", "''") + "'"
        return f"{self.value:f}"

    def expr(self) -> pl.Expr:  # noqa: D102 - of Term
        import polars as pl

        if not isinstance(self.value, Decimal):
            return pl.lit(self.value)
        whole = self.value == self.value.to_integral_value()
        # The types are given: a bare 20 would take the column's type, and -1 does not fit an unsigned column.
        return pl.lit(int(self.value), dtype=pl.Int64) if whole else pl.lit(float(self.value), dtype=pl.Float64)


Operand = Column | Constant

COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = MappingProxyType(
    {
        "=": operator.eq,
        "!=": operator.ne,
        "<": operator.lt,
        "<=": operator.le,
        ">": operator.gt,
        ">=": operator.ge,
    }
)


@dataclass(frozen=True)
class Comparison:
    """Two operands of one kind; text compares by code points."""

    left: Operand
    sign: str
    right: Operand

    def sql(self) -> str:  # noqa: D102 - of Term
        return f"{self.left.sql()} {self.sign} {self.right.sql()}"

    def expr(self) -> pl.Expr:  # noqa: D102 - of Term
        result: pl.Expr = COMPARISONS[self.sign](self.left.expr(), self.right.expr())
        return result


@dataclass(frozen=True)
class In:
    """A column that equals one of several literals."""

    column: Column
    constants: tuple[Constant, ...]

    def sql(self, negation: str = "") -> str:  # noqa: D102 - of Term
        return f"{self.column.sql()} {negation}IN ({', '.join(constant.sql() for constant in self.constants)})"

    def expr(self) -> pl.Expr:  # noqa: D102 - of Term
        if self.column.kind == "text":
            return self.column.expr().is_in([constant.value for constant in self.constants])
        # Comparisons convert numbers of different types exactly as `=` does; `is_in` refuses to.
        return _balanced(operator.or_, [self.column.expr() == constant.expr() for constant in self.constants])


@dataclass(frozen=True)
class Like:
    """A text that fits a pattern: % is any run of characters, _ any one; the rest stands for itself, case and all."""

    column: Column
    pattern: str

    def sql(self, negation: str = "") -> str:  # noqa: D102 - of Term
        return f"{self.column.sql()} {negation}LIKE {Constant(self.pattern).sql()}"

    def expr(self) -> pl.Expr:  # noqa: D102 - of Term
        import polars as pl

        wild = {"%": ".*", "_": "."}
        regex = "".join(wild.get(character) or pl.escape_regex(character) for character in self.pattern)
        return self.column.expr().str.contains(rf"(?s)\A{regex}\z")


@dataclass(frozen=True)
class IsNull:
    """Whether a column is without value: never unknown."""

    column: Column

    def sql(self, negation: str = "") -> str:  # noqa: D102 - of Term
        return f"{self.column.sql()} IS {negation}NULL"

    def expr(self) -> pl.Expr:  # noqa: D102 - of Term
        return self.column.expr().is_null()


@dataclass(frozen=True)
class Not:
    """The opposite of a condition; unknown stays unknown."""

    term: Term

    def sql(self) -> str:  # noqa: D102 - of Term
        if isinstance(self.term, In | Like | IsNull):
            return self.term.sql("NOT ")
        inner = self.term.sql()
        return f"NOT ({inner})" if isinstance(self.term, Both) else f"NOT {inner}"

    def expr(self) -> pl.Expr:  # noqa: D102 - of Term
        return ~self.term.expr()


@dataclass(frozen=True)
class Both:
    """Two or more conditions joined by AND or by OR."""

    word: Literal["AND", "OR"]
    terms: tuple[Term, ...]

    def sql(self) -> str:  # noqa: D102 - of Term
        return f" {self.word} ".join(self._part(term) for term in self.terms)

    def _part(self, term: Term) -> str:
        loose = isinstance(term, Both) and self.word == "AND"
        return f"({term.sql()})" if loose else term.sql()

    def expr(self) -> pl.Expr:  # noqa: D102 - of Term
        join = operator.and_ if self.word == "AND" else operator.or_
        return _balanced(join, [term.expr() for term in self.terms])


def joined(word: Literal["AND", "OR"], terms: list[Term]) -> Term:
    """Join conditions; joins of the same word inside become part of it, since they mean the same."""
    flat: list[Term] = []
    for term in terms:
        flat += term.terms if isinstance(term, Both) and term.word == word else [term]
    return flat[0] if len(flat) == 1 else Both(word, tuple(flat))


def between(value: Operand, low: Operand, high: Operand) -> Term:
    """BETWEEN, ends included, as the two comparisons that SQL defines it by."""
    compare = partial(Comparison, value)
    return joined("AND", [compare(">=", low), compare("<=", high)])


def _balanced(join: Callable[[pl.Expr, pl.Expr], pl.Expr], parts: list[pl.Expr]) -> pl.Expr:
    """Join expressions in a tree of logarithmic depth: polars walks expressions by recursion."""
    while len(parts) > 1:
        pairs = zip(parts[::2], parts[1::2], strict=False)
        parts = [join(*pair) for pair in pairs] + parts[len(parts) - len(parts) % 2 :]
    return parts[0]
