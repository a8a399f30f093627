import type { DataInterval } from '../../core/interval.js';
import type { Ga4TableState } from './tables.js';

/**
 * Columns that tell events apart, for they have no id. Those of batches exist since 2024. Source:
 * https://support.google.com/analytics/answer/7029846.
 */
export const identity = [
  'stream_id',
  'user_pseudo_id',
  'event_timestamp',
  'event_name',
  'event_bundle_sequence_id',
  'batch_page_id',
  'batch_ordering_id',
  'batch_event_index',
] as const;

/**
 * The events of a table as JSON texts, and the number of each among those that its identity does not tell apart, in the order
 * of their texts: it is the same each time. Texts hold whole numbers beyond 2^53 in quotes, so that none loses a digit.
 */
export function eventsStatement(
  project: string,
  dataset: string,
  { name, columns }: Ga4TableState,
  events: readonly string[],
  interval: DataInterval | undefined,
): string {
  const known = identity.filter((column) => columns.has(column));
  const conditions = [
    ...(events.length === 0 ? [] : [`event_name IN (${events.map((event) => `'${event}'`).join(', ')})`]),
    ...(interval === undefined
      ? []
      : [`event_timestamp >= ${microsOf(interval.start)}`, `event_timestamp < ${microsOf(interval.end)}`]),
  ];
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
  return (
    `SELECT event, ROW_NUMBER() OVER (PARTITION BY ${known.join(', ')} ORDER BY event) AS twin ` +
    `FROM (SELECT ${[...known, 'TO_JSON_STRING(e) AS event'].join(', ')} FROM \`${project}.${dataset}.${name}\` AS e${where})`
  );
}

function microsOf(instant: string): string {
  return String(BigInt(Date.parse(instant)) * 1_000n);
}
