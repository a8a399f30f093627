import { PipelineError } from '../../core/errors/index.js';
import type { JsonValue } from '../../core/json.js';
import { laterCursor } from '../cursor.js';
import type { ReadContext, ReadRequest, SourceBatch } from '../source.js';
import type { PostgresConnection } from './connection-settings.js';
import { copyBatches } from './copy-batches.js';
import { batchCursor } from './cursor-bounds.js';
import { describe } from './describe.js';
import { createJsonLines, type JsonLines } from './json-lines.js';
import type { PostgresOptions } from './options.js';
import { planRead, type ReadPlan } from './plan-read.js';
import { copySql } from './row-sql.js';
import { openSession, orPostgresFailure, setLocal, type Session } from './session.js';
import { typedColumns } from './typed-columns.js';

const lineFeed = 0x0a;
/** Longest name of a client (PostgreSQL documentation, "application_name": shorter than NAMEDATALEN). */
const applicationNameMax = 63;

/**
 * Reads a table or a query in one read-only snapshot: rows first, then deletions. Each part is one COPY, so that neither
 * side holds more than a few buffers of it.
 *
 * @throws PipelineError CONFIG_INVALID for tables and columns that are not there, naming all; SOURCE_*
 */
export async function* readPostgres(
  connection: PostgresConnection,
  options: PostgresOptions,
  request: ReadRequest,
  context: ReadContext,
): AsyncGenerator<SourceBatch> {
  const session = await openSession(connection, applicationName(request), context.signal);
  try {
    // Before the query is looked at: the server may evaluate what it looks up when it plans.
    if ('sql' in options.from) await setLocal(session, millraceSettings(options.from.values));
    const plan = planRead(await describe(session, options), options, request);
    if ('problems' in plan) throw new PipelineError('CONFIG_INVALID', { problems: plan.problems });
    await setLocal(
      session,
      millraceSettings({ ...plan.bounds, ...(request.keys !== undefined && { keys: request.keys.rows }) }),
    );
    yield* orPostgresFailure(readParts(session, plan, request.cursor, context), connection, context.signal);
  } finally {
    await session.close();
  }
}

async function* readParts(
  session: Session,
  plan: ReadPlan,
  before: JsonValue | undefined,
  context: ReadContext,
): AsyncGenerator<SourceBatch> {
  let cursor = before;
  for (const { kind, query } of plan.parts) {
    const toLines = createJsonLines(query.columns.map(([name, { encoding }]) => ({ name, encoding })));
    const columns = kind === 'rows' ? typedColumns(query.columns) : undefined;
    for await (const text of copyBatches(session.copy(copySql(query)))) {
      if (plan.cursor !== undefined) cursor = laterCursor(cursor, textCursor(text, toLines, plan.cursor));
      context.heartbeat();
      yield {
        kind,
        // Rows that are taken by their types never become JSON.
        get bytes() {
          return toLines(text).bytes;
        },
        rowCount: countRows(text),
        ...(columns !== undefined && { typed: { columns, text, toLines } }),
        ...(cursor !== undefined && { cursor }),
      };
    }
  }
}

/** What the server shows about who reads. */
export function applicationName({ reader = '' }: Pick<ReadRequest, 'reader'>): string {
  return `millrace ${reader}`.trim().slice(0, applicationNameMax);
}

/** The cursor of the last row that has one; only as many rows become JSON as it takes. */
function textCursor(
  text: Uint8Array,
  toLines: (text: Uint8Array) => JsonLines,
  { name, kind }: NonNullable<ReadPlan['cursor']>,
): JsonValue | undefined {
  for (let end = text.length; end > 0;) {
    const start = end < 2 ? 0 : text.lastIndexOf(lineFeed, end - 2) + 1;
    const cursor = batchCursor(toLines(text.subarray(start, end)).bytes, name, kind);
    if (cursor !== undefined) return cursor;
    end = start;
  }
  return undefined;
}

function countRows(text: Uint8Array): number {
  let rows = 0;
  for (let at = text.indexOf(lineFeed); at >= 0; at = text.indexOf(lineFeed, at + 1)) rows += 1;
  return rows;
}

/** Settings of the transaction under the names by which statements look them up. */
export function millraceSettings(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`millrace.${name}`, value]));
}
