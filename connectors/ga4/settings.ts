import { isPipelineError, PipelineError } from '../../core/errors/index.js';
import type { JsonObject } from '../../core/json.js';
import { bigQuerySettings, type BigQuerySettings } from '../bigquery/settings.js';
import { closedObject, optionProblems } from '../option-problems.js';

/** Forms of the export, the one that counts first. `fresh` is for Google Analytics 360. */
export const ga4Exports = ['daily', 'fresh', 'intraday'] as const;

/** One of them. */
export type Ga4Export = (typeof ga4Exports)[number];

const optionSchema = closedObject({
  exports: { type: 'array', minItems: 1, uniqueItems: true, items: { enum: [...ga4Exports] } },
  events: {
    type: 'array',
    minItems: 1,
    maxItems: 500,
    uniqueItems: true,
    items: { type: 'string', pattern: '^\\w{1,40}$' },
  },
  from: { type: 'string', pattern: '^\\d{4}-\\d{2}-\\d{2}$' },
  pageSize: { type: 'integer', minimum: 1, maximum: 10_000 },
});

/** Rows of one page, where nobody says. */
const defaultPageRows = 2_000;

/** A connection and the options of one read, checked. */
export interface Ga4Settings {
  readonly bigQuery: BigQuerySettings;
  readonly exports: readonly Ga4Export[];
  /** Names of events; empty for all. */
  readonly events: readonly string[];
  /** Earliest day of a first read, `YYYYMMDD`. */
  readonly from: string;
  readonly pageSize: number;
}

/** @throws PipelineError CONFIG_INVALID naming every problem, never a value */
export function ga4Settings(stream: string, connection: JsonObject, options: JsonObject): Ga4Settings {
  const problems = optionProblems(optionSchema, options, 'ga4');
  if (stream !== 'events') problems.push(`connector "ga4" has no stream "${stream}"; it has events`);
  const bigQuery = settingsOf(connection, problems);
  if (problems.length > 0 || bigQuery === undefined) throw new PipelineError('CONFIG_INVALID', { problems });
  const { exports = ['daily', 'fresh', 'intraday'], events = [], from = '', pageSize } = options;
  return {
    bigQuery,
    exports: exports as Ga4Export[],
    events: events as string[],
    from: (from as string).replaceAll('-', ''),
    pageSize: (pageSize ?? defaultPageRows) as number,
  };
}

function settingsOf(connection: JsonObject, problems: string[]): BigQuerySettings | undefined {
  try {
    return bigQuerySettings(connection);
  } catch (error) {
    if (!isPipelineError(error)) throw error;
    problems.push(...(error.context['problems'] as string[]));
    return undefined;
  }
}
