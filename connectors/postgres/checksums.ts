import { PipelineError } from '../../core/errors/index.js';
import type { ChecksumQuery, ChecksumReader, ReadContext, ReadRequest, SourceBatch } from '../source.js';
import type { PostgresConnection } from './connection-settings.js';
import { canonicalText, checksumSql, type ChecksumScope } from './checksum-sql.js';
import { copyBatches } from './copy-batches.js';
import { describe } from './describe.js';
import { createJsonLines } from './json-lines.js';
import type { PostgresOptions } from './options.js';
import { planRead } from './plan-read.js';
import { applicationName, millraceSettings } from './read.js';
import { openSession, orPostgresFailure, setLocal, type Session } from './session.js';

/** The settings and options of one request, checked. */
export type ReadSettings = (request: ReadRequest) => {
  readonly connection: PostgresConnection;
  readonly options: PostgresOptions;
};

/** Checksums of a table or a query, computed by the server; what is deleted is left out. */
export function createChecksums(settingsOf: ReadSettings): ChecksumReader {
  return {
    plan: (request, columns, context) =>
      inSession(settingsOf(request), request, context, async (_, { described, follows }) => {
        const isRendered = columns.map(
          (column) =>
            described.columns.includes(column.source) && canonicalText(column, described) !== undefined,
        );
        return {
          columns: columns.filter((_column, index) => isRendered[index]),
          notCompared: columns
            .filter((_column, index) => isRendered[index] !== true)
            .map(({ name, source, type }) => {
              const form = described.forms.get(source);
              return form === undefined || !described.columns.includes(source)
                ? `${name}: the source has no column "${source}"`
                : `${name}: ${form.typeName} and ${type.type} have no text that both sides share`;
            }),
          key: described.key,
          ...(follows === undefined ? {} : { follows }),
        };
      }),
    read: (request, query, context) => readChecksums(settingsOf(request), request, query, context),
  };
}

async function* readChecksums(
  settings: ReturnType<ReadSettings>,
  request: ReadRequest,
  query: ChecksumQuery,
  context: ReadContext,
): AsyncGenerator<SourceBatch> {
  const { connection, options } = settings;
  const session = await openSession(connection, applicationName(request), context.signal);
  try {
    const scope = await scopeOf(session, options, request);
    if (query.within !== undefined)
      await setLocal(session, millraceSettings({ buckets: `{${query.within.buckets.join(',')}}` }));
    if (query.window !== undefined)
      await setLocal(session, millraceSettings({ lower: query.window.from, upper: query.window.to }));
    const { sql, columns } = checksumSql(scope, query);
    const toLines = createJsonLines(columns);
    const texts = copyBatches(session.copy(`COPY (${sql}) TO STDOUT`));
    for await (const text of orPostgresFailure(texts, connection, context.signal)) {
      context.heartbeat();
      yield { kind: 'rows', ...toLines(text) };
    }
  } finally {
    await session.close();
  }
}

async function inSession<Result>(
  { connection, options }: ReturnType<ReadSettings>,
  request: ReadRequest,
  { signal }: ReadContext,
  work: (session: Session, scope: ChecksumScope) => Promise<Result>,
): Promise<Result> {
  const session = await openSession(connection, applicationName(request), signal);
  try {
    return await work(session, await scopeOf(session, options, request));
  } finally {
    await session.close();
  }
}

/** @throws PipelineError CONFIG_INVALID as a read does */
async function scopeOf(
  session: Session,
  options: PostgresOptions,
  request: ReadRequest,
): Promise<ChecksumScope> {
  if ('sql' in options.from) await setLocal(session, millraceSettings(options.from.values));
  const described = await describe(session, options);
  const plan = planRead(described, options, request);
  if ('problems' in plan) throw new PipelineError('CONFIG_INVALID', { problems: plan.problems });
  const follows = options.intervalColumn ?? request.cursorPath;
  return { described, alive: plan.alive, follows };
}
