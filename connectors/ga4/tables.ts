import type { BigQuery } from '@google-cloud/bigquery';
import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import { bigQueryFailure } from '../bigquery/failure.js';
import { resourceOf } from '../bigquery/jobs.js';
import { isMissing } from './failure.js';
import { ga4Exports, type Ga4Export } from './settings.js';

/** One table of the export. */
export interface Ga4Table {
  readonly name: string;
  readonly export: Ga4Export;
  /** Day of its events in the time zone of the property, `YYYYMMDD`. */
  readonly day: string;
  readonly createdMs: number;
}

/** A table as it is now. */
export interface Ga4TableState extends Ga4Table {
  readonly modifiedMs: number;
  readonly columns: ReadonlySet<string>;
}

const names = /^events_(?:(intraday|fresh)_)?(\d{8})$/;

/**
 * The table of each day, the oldest day first: the daily one where there is one, for it takes the place of the others. Source:
 * https://support.google.com/analytics/answer/7029846 (daily, intraday),
 * https://support.google.com/analytics/answer/9358801 (fresh daily, of Google Analytics 360).
 *
 * @throws PipelineError WAREHOUSE_*
 */
export async function tablesByDay(
  client: BigQuery,
  dataset: string,
  wanted: readonly Ga4Export[],
  signal: AbortSignal,
): Promise<Ga4Table[]> {
  const byDay = new Map<string, Ga4Table>();
  let pageToken: string | undefined;
  do {
    signal.throwIfAborted();
    const [tables, , answer] = await asked(dataset, () =>
      client.dataset(dataset).getTables({
        autoPaginate: false,
        maxResults: limits.ga4ListedTables,
        ...(pageToken !== undefined && { pageToken }),
      }),
    );
    const { kind, nextPageToken } = { ...(answer as { kind?: string; nextPageToken?: string }) };
    if (kind !== 'bigquery#tableList') throw unreadable('its list of tables');
    for (const { id = '', metadata } of tables) {
      const [, form = 'daily', day] = names.exec(id) ?? [];
      const found = wanted.find((known) => known === form);
      if (day === undefined || found === undefined) continue;
      const other = byDay.get(day);
      if (other !== undefined && rank(other.export) <= rank(found)) continue;
      const { creationTime } = metadata as { creationTime?: string };
      byDay.set(day, { name: id, export: found, day, createdMs: Number(creationTime ?? 0) });
    }
    pageToken = nextPageToken;
  } while (pageToken !== undefined && pageToken !== '');
  return [...byDay.values()].sort((a, b) => (a.day < b.day ? -1 : 1));
}

/** The state of a table; `undefined` where it has gone since it was listed. @throws PipelineError WAREHOUSE_* */
export async function stateOf(
  client: BigQuery,
  dataset: string,
  table: Ga4Table,
): Promise<Ga4TableState | undefined> {
  try {
    const { lastModifiedTime, schema } = await asked(table.name, () =>
      resourceOf<{ lastModifiedTime?: string; schema?: { fields?: { name?: string }[] } }>(
        client.dataset(dataset).table(table.name),
      ),
    );
    const columns = new Set((schema?.fields ?? []).flatMap(({ name }) => (name === undefined ? [] : [name])));
    if (lastModifiedTime === undefined || columns.size === 0) throw unreadable(`table ${table.name}`);
    return { ...table, modifiedMs: Number(lastModifiedTime), columns };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function asked<Result>(object: string, request: () => Promise<Result>): Promise<Result> {
  try {
    return await request();
  } catch (error) {
    throw bigQueryFailure(error, object);
  }
}

/** An answer with status 200 that is none of BigQuery's: taken for one, it would read as "there is nothing". */
function unreadable(what: string): PipelineError {
  return new PipelineError('WAREHOUSE_UNAVAILABLE', {
    warehouse: 'bigquery',
    reason: `the answer tells nothing of ${what}`,
  });
}

function rank(form: Ga4Export): number {
  return ga4Exports.indexOf(form);
}
