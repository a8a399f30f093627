import { PipelineError } from '../../core/errors/index.js';
import type { ChecksumQuery, ChecksumReader, ReadContext, ReadRequest, SourceBatch } from '../source.js';
import { canonicalText, checksumSql, type ChecksumScope } from './checksum-sql.js';
import type { MysqlConnection } from './connection-settings.js';
import { serverText } from './cursor-bounds.js';
import { describe } from './describe.js';
import { createJsonLines } from './json-lines.js';
import type { MysqlOptions } from './options.js';
import { planRead } from './plan-read.js';
import { lineBatches, programName } from './read.js';
import { openSession, type Session } from './session.js';

/** The settings and options of one request, checked. */
export type ReadSettings = (request: ReadRequest) => {
  readonly connection: MysqlConnection;
  readonly options: MysqlOptions;
};

/** Checksums of a table or a query, computed by the server; what is deleted is left out. */
export function createChecksums(settingsOf: ReadSettings): ChecksumReader {
  return {
    async plan(request, columns, context) {
      const settings = settingsOf(request);
      const session = await openSession(settings.connection, programName(request), context.signal);
      try {
        const { described, follows } = await scopeOf(session, settings, request);
        const { forms } = described;
        const isRendered = columns.map(
          (column) =>
            described.columns.includes(column.source) && canonicalText(column, described) !== undefined,
        );
        return {
          columns: columns.filter((_column, index) => isRendered[index]),
          notCompared: columns
            .filter((_column, index) => isRendered[index] !== true)
            .map(({ name, source, type }) => {
              const form = forms.get(source);
              return form === undefined || !described.columns.includes(source)
                ? `${name}: the source has no column "${source}"`
                : `${name}: ${form.typeName} and ${type.type} have no text that both sides share`;
            }),
          key: described.key,
          ...(follows === undefined ? {} : { follows }),
        };
      } finally {
        await session.close();
      }
    },
    read: (request, query, context) => readChecksums(settingsOf(request), request, query, context),
  };
}

async function* readChecksums(
  settings: ReturnType<ReadSettings>,
  request: ReadRequest,
  query: ChecksumQuery,
  context: ReadContext,
): AsyncGenerator<SourceBatch> {
  const session = await openSession(settings.connection, programName(request), context.signal);
  try {
    const scope = await scopeOf(session, settings, request);
    const { window, within } = query;
    await session.setVariables({
      ...(within !== undefined && { buckets: `[${within.buckets.join(',')}]` }),
      ...(window !== undefined && { lower: serverText(window.from), upper: serverText(window.to) }),
    });
    const { sql, columns } = checksumSql(scope, query);
    const toLine = createJsonLines(columns.map((name) => ({ name, encoding: 'text' })));
    const rows = session.stream(sql, scope.described.values);
    for await (const { lines } of lineBatches(rows, toLine, -1)) {
      context.heartbeat();
      yield { kind: 'rows', bytes: Buffer.from(lines.join('')), rowCount: lines.length };
    }
  } finally {
    await session.close();
  }
}

/** @throws PipelineError CONFIG_INVALID as a read does */
async function scopeOf(
  session: Session,
  { connection, options }: ReturnType<ReadSettings>,
  request: ReadRequest,
): Promise<ChecksumScope> {
  const described = await describe(session, options, connection.database);
  const plan = planRead(described, options, request);
  if ('problems' in plan) throw new PipelineError('CONFIG_INVALID', { problems: plan.problems });
  const follows = options.intervalColumn ?? request.cursorPath;
  return { described, alive: plan.alive, follows };
}
