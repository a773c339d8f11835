"""The condition of `where`: a closed part of SQL over the columns that every converted record has.

    condition  = both {OR both}          both = single {AND single}          single = NOT single | test
    test       = (condition) | column    (a Boolean one)
               | operand (= != <> < <= > >=) operand
               | operand [NOT] BETWEEN operand AND operand
               | column [NOT] IN (constant, ...) | column [NOT] LIKE 'text' | column IS [NOT] NULL
    operand    = column | constant       constant = 'text' | number | TRUE | FALSE

Keywords may be written in any case, columns as they are; '' inside a text is one quote. There are no functions,
arithmetic, sub-selects or clocks: a condition says the same of a record for ever.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from mixer.errors import did_you_mean
from mixer.where.terms import (
    COLUMNS,
    Column,
    Comparison,
    Constant,
    In,
    IsNull,
    Like,
    Not,
    Operand,
    Term,
    between,
    joined,
)
from mixer.where.tokens import Token, WhereError, tokens

if TYPE_CHECKING:
    import polars as pl

__all__ = ["COLUMNS", "Where", "WhereError", "parse"]

MAX_DEPTH = 100
"""The deepest nesting of parentheses and NOTs; parsing and printing recurse."""
MAX_PATTERN = 1000
"""The longest LIKE pattern: it is compiled, and compiled forms are bounded."""


@dataclass(frozen=True)
class Where:
    """A condition. Two that differ only in blanks, case of keywords or needless parentheses are equal."""

    text: str
    """The condition in its one normal form."""
    columns: tuple[str, ...] = field(compare=False)
    """The columns that it names, sorted."""
    _term: Term = field(compare=False, repr=False)

    def expr(self) -> pl.Expr:
        """Give the condition as a Boolean expression over the index, null where it is unknown."""
        return self._term.expr()


def parse(text: str) -> Where:
    """Read a condition. Raises WhereError."""
    parser = _Parser(text)
    term = parser.condition()
    parser.end()
    return Where(term.sql(), tuple(sorted(parser.columns)), term)


class _Parser:
    """Recursive descent over the tokens; one method a rule of the module's grammar."""

    def __init__(self, text: str) -> None:
        self.tokens = tokens(text)
        self.next = 0
        self.depth = 0
        self.columns: set[str] = set()

    @property
    def token(self) -> Token:
        return self.tokens[self.next]

    def took(self, kind: str, *values: str) -> bool:
        """Step over a token if it is the one asked for."""
        found = self.token.kind == kind and self.token.value in values
        self.next += found
        return found

    def need(self, kind: str, value: str) -> None:
        if not self.took(kind, value):
            raise self.error(f"expected {value}, got {self.token.shown}")

    def error(self, message: str, token: Token | None = None) -> WhereError:
        return WhereError(message, (token or self.token).position)

    def end(self) -> None:
        if self.token.kind != "end":
            raise self.error(f"expected AND, OR or the end, got {self.token.shown}")

    def condition(self) -> Term:
        terms = [self.both()]
        while self.took("keyword", "OR"):
            terms.append(self.both())
        return joined("OR", terms)

    def both(self) -> Term:
        terms = [self.single()]
        while self.took("keyword", "AND"):
            terms.append(self.single())
        return joined("AND", terms)

    def single(self) -> Term:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.error(f"conditions are nested more than {MAX_DEPTH} deep here")
        if self.took("keyword", "NOT"):
            term: Term = Not(self.single())
        elif self.took("mark", "("):
            term = self.condition()
            self.need("mark", ")")
        else:
            term = self.test()
        self.depth -= 1
        return term

    def test(self) -> Term:
        first = self.token
        left = self.operand()
        if self.token.kind == "sign":
            return self.comparison(left, first)
        if self.took("keyword", "IS"):
            negated = self.took("keyword", "NOT")
            self.need("keyword", "NULL")
            return _negated(IsNull(self.column(left, first)), negated)
        negated = self.took("keyword", "NOT")
        if self.took("keyword", "BETWEEN"):
            return _negated(self.between(left, first), negated)
        if self.took("keyword", "IN"):
            return _negated(self.choices(self.column(left, first)), negated)
        if self.took("keyword", "LIKE"):
            return _negated(self.like(self.column(left, first), first), negated)
        if isinstance(left, Column) and left.kind == "boolean" and not negated:
            return left
        raise self.error(f"expected a comparison after {first.shown}, such as = or IN, got {self.token.shown}")

    def operand(self) -> Operand:
        token = self.token
        if token.kind == "word":
            self.next += 1
            if token.value not in COLUMNS:
                if self.token.kind == "mark" and self.token.value == "(":
                    raise self.error(f"{token.value}(...) is a function, and there are none here", token)
                hint = did_you_mean(token.value, COLUMNS)
                raise self.error(f"unknown column {token.value!r}{hint}; a text stands in single quotes", token)
            column = Column(token.value)
            self.columns.add(column.name)
            return column
        return self.constant()

    def constant(self) -> Constant:
        token = self.token
        self.next += 1
        if token.kind == "text":
            return Constant(token.value)
        if token.kind == "number":
            return Constant(Decimal(token.value).normalize() + 0)
        if token.kind == "keyword" and token.value in ("TRUE", "FALSE"):
            return Constant(token.value == "TRUE")
        if token.kind == "keyword" and token.value == "NULL":
            raise self.error("nothing equals NULL: write `column IS NULL`", token)
        raise self.error(f"expected a column or a constant, got {token.shown}", token)

    def column(self, operand: Operand, token: Token) -> Column:
        if not isinstance(operand, Column):
            raise self.error(f"expected a column here, got {token.shown}", token)
        return operand

    def comparison(self, left: Operand, first: Token) -> Term:
        sign = self.token
        self.next += 1
        token = self.token
        right = self.operand()
        self.same_kind(left, right, token)
        if isinstance(left, Constant) and isinstance(right, Constant):
            raise self.error("two constants are compared: one side must be a column", first)
        if left.kind == "boolean" and sign.value not in ("=", "!="):
            raise self.error(f"expected = or != between Booleans, got {sign.shown}", sign)
        return Comparison(left, sign.value, right)

    def between(self, value: Operand, first: Token) -> Term:
        if value.kind == "boolean":
            raise self.error("BETWEEN needs numbers or texts", first)
        low_token, low = self.token, self.operand()
        self.same_kind(value, low, low_token)
        self.need("keyword", "AND")
        high_token, high = self.token, self.operand()
        self.same_kind(value, high, high_token)
        if all(isinstance(part, Constant) for part in (value, low, high)):
            raise self.error("three constants are compared: one must be a column", first)
        return between(value, low, high)

    def choices(self, column: Column) -> Term:
        self.need("mark", "(")
        constants: dict[Constant, None] = {}
        while True:
            token = self.token
            constant = self.constant()
            self.same_kind(column, constant, token)
            constants[constant] = None
            if not self.took("mark", ","):
                break
        self.need("mark", ")")
        return In(column, tuple(constants))

    def like(self, column: Column, first: Token) -> Term:
        if column.kind != "text":
            raise self.error(f"LIKE needs a text column, {column.name} is a {column.kind}", first)
        token = self.token
        pattern = self.constant()
        if not isinstance(pattern.value, str):
            raise self.error(f"expected a pattern in single quotes, got {token.shown}", token)
        if len(pattern.value) > MAX_PATTERN:
            raise self.error(f"expected a pattern of at most {MAX_PATTERN} characters", token)
        return Like(column, pattern.value)

    def same_kind(self, left: Operand, right: Operand, token: Token) -> None:
        if left.kind != right.kind:
            hint = ": texts stand in single quotes" if left.kind == "text" and right.kind == "number" else ""
            raise self.error(f"{left.sql()} is a {left.kind}, {token.shown} is a {right.kind}{hint}", token)


def _negated(term: Term, negated: bool) -> Term:
    return Not(term) if negated else term
