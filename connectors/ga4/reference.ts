import type { SourceRef } from '../../core/dag/dag-spec.js';
import type { Ga4Export } from './settings.js';

/** Options of `ga4.events`. */
export interface Ga4EventsOptions {
  /** Entry of `connections` in the configuration: a BigQuery connection with the dataset of the export. */
  readonly connection: string;
  readonly options?: {
    /** Forms of the export that are read; of each day the first one there is of `daily`, `fresh`, `intraday`. Default: all. */
    readonly exports?: readonly Ga4Export[];
    /** Names of events; default all. */
    readonly events?: readonly string[];
    /** Earliest day of a first read, `YYYY-MM-DD`; default all days. */
    readonly from?: string;
    /** Rows of a page, of which one is held in memory; default 2,000. */
    readonly pageSize?: number;
  };
}

/** References to the export of a Google Analytics 4 property to BigQuery. Plain data: nothing is read before a run asks for it. */
export const ga4 = {
  /** Events, by the time at which the table that holds them changed last (`exported_at`). */
  events: ({ connection, options = {} }: Ga4EventsOptions): SourceRef => ({
    connector: 'ga4',
    stream: 'events',
    connection,
    options: {
      ...options,
      ...(options.exports !== undefined && { exports: [...options.exports] }),
      ...(options.events !== undefined && { events: [...options.events] }),
    } as SourceRef['options'],
  }),
} as const;
