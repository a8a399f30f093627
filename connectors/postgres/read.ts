import { PipelineError } from '../../core/errors/index.js';
import type { JsonValue } from '../../core/json.js';
import { laterCursor } from '../cursor.js';
import type { ReadContext, ReadRequest, SourceBatch } from '../source.js';
import type { PostgresConnection } from './connection-settings.js';
import { copyBatches } from './copy-batches.js';
import { batchCursor } from './cursor-bounds.js';
import { describe } from './describe.js';
import { createJsonLines } from './json-lines.js';
import type { PostgresOptions } from './options.js';
import { planRead, type ReadPlan } from './plan-read.js';
import { copySql } from './row-sql.js';
import { openSession, orPostgresFailure, setLocal, type Session } from './session.js';

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
    const toJson = createJsonLines(query.columns.map(([name, { encoding }]) => ({ name, encoding })));
    for await (const { bytes, rowCount } of copyBatches(session.copy(copySql(query)), toJson)) {
      if (plan.cursor !== undefined)
        cursor = laterCursor(cursor, batchCursor(bytes, plan.cursor.name, plan.cursor.kind));
      context.heartbeat();
      yield { kind, bytes, rowCount, ...(cursor !== undefined && { cursor }) };
    }
  }
}

/** What the server shows about who reads. */
export function applicationName({ reader = '' }: Pick<ReadRequest, 'reader'>): string {
  return `millrace ${reader}`.trim().slice(0, applicationNameMax);
}

/** Settings of the transaction under the names by which statements look them up. */
export function millraceSettings(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`millrace.${name}`, value]));
}
