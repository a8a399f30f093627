"""fakesnow's translation of a statement, made once for each text.

fakesnow walks the tree of a statement some seventy times to make DuckDB's SQL of it, and does so again for each row of
binds. For the kinds of statement below the outcome depends on the text alone. The tables of one attempt of a load have a
stem of their own in their names; texts that differ in it only are one text here.
"""

from __future__ import annotations

import gc
import importlib
import re
from typing import Any

from fakesnow import dialect
from fakesnow.cursor import FakeSnowflakeCursor
from sqlglot import Expr, exp

MAX_TEXTS = 5_000
KEY = "memo"
STAND_IN = "_MILLRACE_TMP_0"
stems = re.compile(r"_MILLRACE_TMP_[0-9A-Z_]+?(?=_(?:BATCH|JUDGED|HISTORY|QUARANTINE)\b)")
by_text_alone = re.compile(
    r"\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|MERGE INTO|BEGIN|COMMIT|ROLLBACK|DROP TABLE|CREATE (TRANSIENT )?TABLE)\b"
)
# These look at binds, at the session or at the columns that a table has, or are chance.
by_more = re.compile(r"IDENTIFIER\s*\(|RESULT_SCAN|RANDOM|\bAS\s+SELECT|\bCLONE\b|SAMPLE|INFORMATION_SCHEMA\.DATABASES", re.I)

read = dialect.parse_one
execute = FakeSnowflakeCursor.execute
explode = FakeSnowflakeCursor._transform_explode
transform = FakeSnowflakeCursor._transform


class Known:
    """What is known of one text. Nobody changes these trees."""

    def __init__(self, text: str) -> None:
        self.tree = read(text)
        self.tree.meta[KEY] = (self, 0)
        self.parts: list[Expr] | None = None
        self.transformed: dict[int, Expr] = {}

    def __deepcopy__(self, _memo: Any) -> Known:
        return self


by_text: dict[str, Known] = {}
# The outcome of a statement without rows, such as SELECT 2 as 'number of rows inserted', and a look at the table of columns.
always_alike = re.compile(r"SELECT ('[\w .]+'|[0-9]) as '?[\w ]+'?|SELECT [\w, ]+ FROM _FS_INFORMATION_SCHEMA\._FS_COLUMNS\b.*", re.I)
descriptions: dict[str, list[Any]] = {}


def stem_of(command: str) -> str | None:
    found = stems.search(command)
    return None if found is None else found[0]


def parse_one(command: str) -> Expr:
    if by_text_alone.match(command) is None or by_more.search(command) is not None:
        return read(command)
    if len(set(stems.findall(command))) > 1:
        return read(command)
    stem = stem_of(command)
    text = command if stem is None else command.replace(stem, STAND_IN)
    known = by_text.get(text)
    if known is None:
        if len(by_text) >= MAX_TEXTS:
            return read(command)
        known = by_text[text] = Known(text)
    return known.tree


def execute_by_text(self: FakeSnowflakeCursor, command: str, *args: Any, **kwargs: Any) -> FakeSnowflakeCursor:
    self.stem = stem_of(command)  # type: ignore[attr-defined]
    return execute(self, command, *args, **kwargs)


def transform_explode(self: FakeSnowflakeCursor, expression: Expr) -> list[Expr]:
    if KEY not in expression.meta:
        return explode(self, expression)
    known: Known = expression.meta[KEY][0]
    if known.parts is None:
        parts = explode(self, known.tree.copy())
        for number, part in enumerate(parts):
            part.meta[KEY] = (known, number)
        known.parts = parts
    return known.parts


def transform_once(self: FakeSnowflakeCursor, expression: Expr, params: Any) -> Expr:
    if KEY not in expression.meta:
        return transform(self, expression, params)
    known, number = expression.meta[KEY]
    if number not in known.transformed:
        known.transformed[number] = transform(self, expression.copy(), params)
    own = known.transformed[number].copy()
    if self.stem is not None:  # type: ignore[attr-defined]
        for name in own.find_all(exp.Identifier):
            if name.name.startswith(STAND_IN):
                name.set("this", self.stem + name.name[len(STAND_IN) :])  # type: ignore[attr-defined]
    return own


def describe_last_sql(self: FakeSnowflakeCursor) -> list[Any]:
    """As fakesnow does; DuckDB reads the SQL that was made for it without another parse here."""
    sql = self._last_sql
    if sql in descriptions:
        return descriptions[sql]
    rows = self._duck_conn.execute(f"DESCRIBE {sql}", self._last_params).fetchall()
    if always_alike.fullmatch(sql) is not None:
        descriptions[sql] = rows
    return rows


def install() -> None:
    # Trees refer to themselves, and fakesnow keeps those of every statement: looking for rubbish among them takes long.
    gc.set_threshold(100_000, 50, 1_000)
    # The tables of tests are small: what several threads save is less than what waking them costs.
    importlib.import_module("fakesnow.server").shared_fs.duck_conn.execute("SET threads = 1")
    for name in ("fakesnow.cursor", "fakesnow.server"):
        importlib.import_module(name).parse_one = parse_one  # type: ignore[attr-defined]
    FakeSnowflakeCursor.execute = execute_by_text  # type: ignore[method-assign]
    FakeSnowflakeCursor._transform_explode = transform_explode  # type: ignore[method-assign]
    FakeSnowflakeCursor._transform = transform_once  # type: ignore[method-assign]
    FakeSnowflakeCursor._describe_last_sql = describe_last_sql  # type: ignore[method-assign]
