import { bigQuerySettings } from '../bigquery/settings.js';
import { BigQueryJobs } from '../bigquery/jobs.js';
import type { Source } from '../source.js';
import { sourceFailure } from './failure.js';
import { readGa4 } from './read.js';
import { ga4Exports, ga4Settings } from './settings.js';
import { tablesByDay } from './tables.js';

/**
 * The export of a Google Analytics 4 property to BigQuery. Connection: as of the warehouse (`project`, `dataset`, `location`,
 * `credentials`, `maximumBytesBilled`), with the dataset `analytics_<property>`. Stream: `events`. Source of outside facts:
 * https://support.google.com/analytics/answer/7029846 (schema), https://support.google.com/analytics/answer/9358801 (kinds).
 */
export const source: Source = {
  name: 'ga4',

  async *read(request, context) {
    yield* readGa4(ga4Settings(request.stream, request.connection, request.options), request, context);
  },

  async test(connection, { signal }) {
    const settings = bigQuerySettings(connection);
    try {
      const { client } = new BigQueryJobs(settings);
      const tables = await tablesByDay(client, settings.dataset, ga4Exports, signal);
      const [first, last] = [tables[0], tables.at(-1)];
      const days =
        first === undefined || last === undefined
          ? 'nothing was exported yet'
          : `${String(tables.length)} days, ${first.day} to ${last.day} (${last.export})`;
      return { detail: `dataset ${settings.project}.${settings.dataset}: ${days}` };
    } catch (error) {
      throw sourceFailure(error);
    }
  },
};
