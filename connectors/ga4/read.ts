import { limits } from '../../core/limits.js';
import { BigQueryJobs } from '../bigquery/jobs.js';
import { cursorLessLag, laterCursor } from '../cursor.js';
import { protocolFailure } from '../http/index.js';
import { lineBatch } from '../line-batch.js';
import { listPlaceSchema, listRead, type ListPlace } from '../list-place.js';
import { resumeOf } from '../resume.js';
import type { ReadContext, ReadRequest, SourceBatch } from '../source.js';
import { isMissing, sourceFailure } from './failure.js';
import { eventLine } from './rows.js';
import type { Ga4Settings } from './settings.js';
import { eventsStatement } from './statement.js';
import { stateOf, tablesByDay, type Ga4Table, type Ga4TableState } from './tables.js';

const dayMs = 86_400_000;

/**
 * Events of the tables that changed since the cursor, each such table whole: Google writes late events into tables of days
 * that are past, and puts the daily table in the place of the others. The cursor is the time of a table's last change. A read
 * by data interval takes the events of that time, from whatever tables have them. A day without a table is one that was not
 * exported yet.
 *
 * @throws PipelineError SOURCE_*
 */
export async function* readGa4(
  settings: Ga4Settings,
  request: ReadRequest,
  context: ReadContext,
): AsyncGenerator<SourceBatch> {
  const jobs = new BigQueryJobs(settings.bigQuery);
  try {
    const tables = await changedTables(jobs, settings, request, context);
    const from = resumeOf('ga4', request, listPlaceSchema) as ListPlace | undefined;
    const list = listRead('ga4', tables, ({ name, modifiedMs }) => `${name} ${String(modifiedMs)}`, from);
    let cursor = request.cursor;
    for (const { modifiedMs } of list.done) cursor = laterCursor(cursor, new Date(modifiedMs).toISOString());
    for (const table of list.left) {
      for await (const lines of linesOf(jobs, settings, table, request, context)) {
        context.heartbeat();
        yield lineBatch('rows', lines, cursor);
      }
      cursor = laterCursor(cursor, new Date(table.modifiedMs).toISOString());
      yield lineBatch('rows', [], cursor, list.behindNext());
    }
  } catch (error) {
    throw sourceFailure(error);
  }
}

/** Tables to read, the one that changed first coming first. */
async function changedTables(
  jobs: BigQueryJobs,
  { bigQuery, exports, from }: Ga4Settings,
  request: ReadRequest,
  { signal, heartbeat }: ReadContext,
): Promise<Ga4TableState[]> {
  const sinceMs = Date.parse(cursorLessLag(request.cursor, request.lagMs) ?? '');
  const changed: Ga4TableState[] = [];
  for (const table of await tablesByDay(jobs.client, bigQuery.dataset, exports, signal)) {
    if (!mayHoldMore(table, sinceMs, from, request)) continue;
    signal.throwIfAborted();
    heartbeat();
    const state = await stateOf(jobs.client, bigQuery.dataset, table);
    if (state === undefined) continue;
    if (request.interval === undefined && state.modifiedMs < sinceMs) continue;
    changed.push(state);
  }
  return changed.sort((a, b) => a.modifiedMs - b.modifiedMs);
}

/** Without asking for the table's state: its day, or when it was made, tells that it cannot have changed. */
function mayHoldMore(
  { day, createdMs }: Ga4Table,
  sinceMs: number,
  from: string,
  { interval }: ReadRequest,
): boolean {
  const dayOf = (atMs: number): string => new Date(atMs).toISOString().slice(0, 10).replaceAll('-', '');
  // Days are those of the property's time zone.
  if (interval !== undefined)
    return day >= dayOf(Date.parse(interval.start) - dayMs) && day <= dayOf(Date.parse(interval.end) + dayMs);
  if (Number.isNaN(sinceMs)) return day >= from;
  return createdMs >= sinceMs || day >= dayOf(sinceMs - limits.ga4RewrittenDays * dayMs);
}

/** The events of a table; none where it was replaced since: the next read finds what took its place. */
async function* linesOf(
  jobs: BigQueryJobs,
  { bigQuery, events, pageSize }: Ga4Settings,
  table: Ga4TableState,
  { interval }: ReadRequest,
  { signal }: ReadContext,
): AsyncGenerator<Uint8Array[]> {
  const sql = eventsStatement(bigQuery.project, bigQuery.dataset, table, events, interval);
  try {
    for await (const rows of jobs.pages(sql, { table: table.name }, pageSize, signal))
      yield rows.map(([event, twin]) => {
        if (typeof event !== 'string' || typeof twin !== 'string')
          throw protocolFailure('ga4', `table ${table.name} gave a row without an event`);
        return eventLine(event, twin, table);
      });
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}
