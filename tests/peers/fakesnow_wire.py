"""fakesnow, spoken to as the Node driver of Snowflake speaks.

fakesnow answers for the Python connector. Here its answers are rewritten to what the service sends to the Node driver:

- rows as a JSON rowset in Snowflake's text encodings, because that driver cannot read Arrow; `returned` and `total`;
- PUT answered with a stage on the local disk, which the driver fills by copying;
- a request sent again under the same requestId is answered from memory, not run twice;
- a lost race between transactions is Snowflake's lock error instead of an internal one;
- a deleted session rolls its transaction back;
- TO_NUMBER reads hexadecimal digits by a format of X, and TO_VARCHAR writes instants and dates by the formats used here;
- a statement is translated once for each text (`fakesnow_memo.py`).

Run with: python fakesnow_wire.py PORT_FILE  (listens on a free port of 127.0.0.1 and writes its number to PORT_FILE)
"""

from __future__ import annotations

import asyncio
import base64
import collections
import datetime
import decimal
import gzip
import importlib
import json
import os
import re
import sys
from typing import Any
from urllib.parse import unquote

import duckdb
import fakesnow_memo
import pyarrow
import snowflake.connector.errors
import uvicorn
from fakesnow import info_schema, transforms
from fakesnow.cursor import FakeSnowflakeCursor
from fakesnow.transforms import stage
from sqlglot import Expr, exp
from sqlglot.dialects.duckdb import DuckDB
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

# The package's own name `fakesnow.server` is a function, hence the module by its path.
server = importlib.import_module("fakesnow.server")
EPOCH = datetime.datetime(1970, 1, 1)
answers: dict[str, asyncio.Future[tuple[int, dict[str, Any]]]] = {}
# What was asked for, for tests to read.
requests: collections.deque[dict[str, Any]] = collections.deque(maxlen=2_000)


def encode(value: Any) -> str | None:
    """A value as text, in the encoding of Snowflake's JSON result format."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, datetime.datetime):
        is_zoned = value.tzinfo is not None
        value = value.astimezone(datetime.UTC).replace(tzinfo=None) if is_zoned else value
        micros = (value - EPOCH) // datetime.timedelta(microseconds=1)
        text = f"{'-' if micros < 0 else ''}{abs(micros) // 1_000_000}.{abs(micros) % 1_000_000:06d}000"
        return f"{text} 1440" if is_zoned else text
    if isinstance(value, datetime.date):
        return str((value - EPOCH.date()).days)
    if isinstance(value, datetime.time):
        micros = (value.hour * 3600 + value.minute * 60 + value.second) * 1_000_000 + value.microsecond
        return f"{micros // 1_000_000}.{micros % 1_000_000:06d}000"
    if isinstance(value, bytes):
        return value.hex().upper()
    if isinstance(value, decimal.Decimal):
        return f"{value:f}"
    if isinstance(value, float):
        return repr(value)
    return str(value)


def arrow_rowset(payload: str) -> list[list[str | None]]:
    if not payload:
        return []
    with pyarrow.ipc.open_stream(base64.b64decode(payload)) as reader:
        table = reader.read_all()
    columns = [column_values(table.column(i)) for i in range(table.num_columns)]
    return [[encode(value) for value in row] for row in zip(*columns, strict=True)]


def column_values(column: pyarrow.ChunkedArray) -> list[Any]:
    """Values of a column; fakesnow sends instants as a struct of seconds and nanoseconds."""
    if not pyarrow.types.is_struct(column.type):
        return column.to_pylist()
    zone = datetime.UTC if any(field.name == "timezone" for field in column.type) else None
    return [
        None
        if item is None or item["epoch"] is None
        else (
            EPOCH + datetime.timedelta(seconds=item["epoch"], microseconds=item["fraction"] // 1000)
        ).replace(tzinfo=zone)
        for item in column.to_pylist()
    ]


def rewrite(body: dict[str, Any], parameters: dict[str, Any]) -> dict[str, Any]:
    data = body.get("data")
    if not body.get("success") or not isinstance(data, dict):
        return body
    if data.get("command") == "UPLOAD":
        info = data["stageInfo"]
        if "presignedUrl" in info:
            path = unquote(info["presignedUrl"].split("/fs_bucket/", 1)[1])
            location = os.path.join(stage.LOCAL_BUCKET_PATH, os.path.dirname(path))
            data["stageInfo"] = {"locationType": "LOCAL_FS", "location": location, "creds": {}}
        return body
    if data.get("queryResultFormat") == "arrow":
        rowset = arrow_rowset(data.pop("rowsetBase64", ""))
        data.update(queryResultFormat="json", rowset=rowset)
    rowset = data.get("rowset", [])
    data["parameters"] = [{"name": name, "value": value} for name, value in parameters.items()]
    data.update(returned=len(rowset), total=len(rowset))
    return body


async def query_request(request: Request) -> Response:
    request_id = request.query_params.get("requestId") or ""
    known = answers.get(request_id)
    if known is None:
        known = asyncio.get_running_loop().create_future()
        answers[request_id] = known
        # Shielded: the statement goes on when the client hangs up, as it does in the service.
        body = await request.body()
        asyncio.create_task(run(request.scope, body, known))
    status, answer = await asyncio.shield(known)
    return JSONResponse(answer, status_code=status)


async def run(scope: dict[str, Any], body: bytes, answer: asyncio.Future[tuple[int, dict[str, Any]]]) -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    request = Request(scope, receive)
    asked = json.loads(gzip.decompress(body) if request.headers.get("Content-Encoding") == "gzip" else body)
    # What a statement sets, the service repeats in its answer, and the driver formats results by it.
    parameters = asked.get("parameters") or {}
    requests.append({"sql": asked["sqlText"], "binds": asked.get("bindings"), "parameters": parameters})
    response = await server.query_request(request)
    rewritten = rewrite(json.loads(bytes(response.body)), parameters)
    if response.status_code == 500:
        # What fakesnow cannot do is no outage: the driver would ask again and again.
        rewritten = {"data": {"errorCode": "099999"}, "code": "099999", "message": rewritten["message"], "success": False}
    answer.set_result((200 if response.status_code == 500 else response.status_code, rewritten))


async def login(request: Request) -> Response:
    """The number of binds above which a driver uploads them as a file is the service's default, not the 0 of fakesnow."""
    response = await server.login_request(request)
    body = json.loads(bytes(response.body))
    for parameter in body["data"]["parameters"]:
        if parameter["name"] == "CLIENT_STAGE_ARRAY_BINDING_THRESHOLD":
            parameter["value"] = 65_280
    return JSONResponse(body)


async def session(request: Request) -> Response:
    if request.query_params.get("delete"):
        connection = server.sessions.get(server.to_token(request))
        if connection is not None:
            try:
                connection._duck_conn.rollback()
            except duckdb.TransactionException:
                pass
    return await server.session(request)


execute = FakeSnowflakeCursor._execute


def execute_with_locks(self: FakeSnowflakeCursor, transformed: Any, params: Any = None) -> None:
    try:
        execute(self, transformed, params)
    except duckdb.TransactionException as error:
        if not re.search("conflict|aborted", str(error), re.IGNORECASE):
            raise
        raise snowflake.connector.errors.ProgrammingError(
            msg=f"Statement has locked table in transaction, and this lock has not yet been released: {error}",
            errno=625,
            sqlstate="57014",
        ) from error
    except (duckdb.InvalidInputException, duckdb.OutOfRangeException, duckdb.ConstraintException) as error:
        raise snowflake.connector.errors.ProgrammingError(msg=str(error), errno=100035, sqlstate="22007") from error


FakeSnowflakeCursor._execute = execute_with_locks  # type: ignore[method-assign]


def no_notes(*_: Any) -> str:
    """
    fakesnow notes comments and text lengths of tables in a second database. A transaction that wrote to the first must not
    touch it, two that make a table at once lose a race there that the service does not have, and nothing here reads it.
    """
    return "SELECT 1"


info_schema.insert_table_comment_sql = no_notes
info_schema.insert_text_lengths_sql = no_notes
fakesnow_memo.install()

to_decimal = transforms.to_decimal


def to_decimal_or_hexadecimal(expression: Expr) -> Expr:
    digits = expression.args.get("format") if isinstance(expression, exp.ToNumber) else None
    if not isinstance(digits, exp.Literal) or set(digits.name) != {"X"}:
        return to_decimal(expression)
    text = exp.DPipe(this=exp.Literal.string("0x"), expression=expression.this)
    return exp.Cast(this=exp.Paren(this=text), to=exp.DataType.build("BIGINT"))


transforms.to_decimal = to_decimal_or_hexadecimal
time_formats = {"YYYY-MM-DD HH24:MI:SS.FF6": "%Y-%m-%d %H:%M:%S.%f", "YYYY-MM-DD": "%Y-%m-%d"}


def to_char(self: Any, expression: exp.ToChar) -> str:
    pattern = expression.args.get("format")
    known = None if pattern is None else time_formats.get(pattern.name)
    if known is None:
        return self.sql(exp.cast(expression.this, "TEXT"))
    return self.func("STRFTIME", expression.this, exp.Literal.string(known))


DuckDB.Generator.TRANSFORMS[exp.ToChar] = to_char


async def asked_for(_request: Request) -> Response:
    return JSONResponse(list(requests))


routes = [
    Route("/tests/requests", asked_for, methods=["GET"]),
    Route("/queries/v1/query-request", query_request, methods=["POST"]),
    Route("/session/v1/login-request", login, methods=["POST"]),
    Route("/session", session, methods=["POST"]),
    *server.routes,
]
app = Starlette(routes=routes)


async def main(port_file: str) -> None:
    uvicorn_server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    serving = asyncio.create_task(uvicorn_server.serve())
    while not uvicorn_server.started:
        if serving.done():
            serving.result()
        await asyncio.sleep(0.02)
    port = uvicorn_server.servers[0].sockets[0].getsockname()[1]
    with open(f"{port_file}.tmp", "w", encoding="utf8") as file:
        file.write(str(port))
    os.replace(f"{port_file}.tmp", port_file)
    await serving


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
