import { PipelineError } from '../../core/errors/index.js';
import type { JsonValue } from '../../core/json.js';
import { limits } from '../../core/limits.js';
import { laterCursor } from '../cursor.js';
import type { ReadContext, ReadRequest, SourceBatch } from '../source.js';
import type { MysqlConnection } from './connection-settings.js';
import { lastCursor } from './cursor-bounds.js';
import { describe } from './describe.js';
import { createJsonLines } from './json-lines.js';
import type { MysqlOptions } from './options.js';
import { planRead, type ReadPlan } from './plan-read.js';
import { selectSql } from './row-sql.js';
import type { ByteRow } from './row-reader.js';
import { openSession, type QueryValue, type Session } from './session.js';

/**
 * Reads a table or a query in one read-only snapshot: rows first, then deletions. Each part is one statement whose rows
 * are taken from the socket as they are staged, so that neither side holds more than a few buffers of them.
 *
 * @throws PipelineError CONFIG_INVALID for tables and columns that are not there, naming all; SOURCE_*
 */
export async function* readMysql(
  connection: MysqlConnection,
  options: MysqlOptions,
  request: ReadRequest,
  context: ReadContext,
): AsyncGenerator<SourceBatch> {
  const session = await openSession(connection, programName(request), context.signal);
  try {
    const described = await describe(session, options, connection.database);
    const plan = planRead(described, options, request);
    if ('problems' in plan) throw new PipelineError('CONFIG_INVALID', { problems: plan.problems });
    await session.setVariables({
      ...plan.bounds,
      ...(request.keys !== undefined && { keys: request.keys.rows }),
    });
    yield* readParts(session, plan, { values: described.values, before: request.cursor, context });
  } finally {
    await session.close();
  }
}

interface PartsRequest {
  readonly values: readonly QueryValue[];
  readonly before: JsonValue | undefined;
  readonly context: ReadContext;
}

async function* readParts(
  session: Session,
  plan: ReadPlan,
  { values, before, context }: PartsRequest,
): AsyncGenerator<SourceBatch> {
  let cursor = before;
  for (const { kind, query } of plan.parts) {
    const toLine = createJsonLines(query.columns.map(([name, { encoding }]) => ({ name, encoding })));
    const position = query.columns.findIndex(([name]) => name === plan.cursor?.name);
    const rows = session.stream(selectSql(query), values);
    for await (const { lines, passed } of lineBatches(rows, toLine, position)) {
      if (plan.cursor !== undefined) cursor = laterCursor(cursor, lastCursor(passed, plan.cursor.kind));
      context.heartbeat();
      yield {
        kind,
        bytes: Buffer.from(lines.join('')),
        rowCount: lines.length,
        ...(cursor !== undefined && { cursor }),
      };
    }
  }
}

interface LineBatch {
  readonly lines: string[];
  /** Values of the cursor's column, one a line. */
  readonly passed: (ByteRow[number] | undefined)[];
}

/** Gathers lines into pieces that are worth a write. */
export async function* lineBatches(
  chunks: AsyncIterable<readonly ByteRow[]>,
  toLine: (row: ByteRow) => string,
  position: number,
): AsyncGenerator<LineBatch> {
  let batch: LineBatch = { lines: [], passed: [] };
  let size = 0;
  for await (const rows of chunks)
    for (const row of rows) {
      const line = toLine(row);
      batch.lines.push(line);
      if (position >= 0) batch.passed.push(row[position]);
      size += line.length;
      if (size < limits.mysqlBatchBytes) continue;
      yield batch;
      batch = { lines: [], passed: [] };
      size = 0;
    }
  if (batch.lines.length > 0) yield batch;
}

/** What the server shows about who reads. */
export function programName({ reader = '' }: Pick<ReadRequest, 'reader'>): string {
  return `millrace ${reader}`.trim();
}
