import { createHash } from 'node:crypto';
import { protocolFailure } from '../http/index.js';
import { exactTextAt } from '../json-page.js';
import { sliceAt, sliceElements, sliceMembers, toLine } from '../json-slices.js';
import { identity } from './statement.js';
import type { Ga4TableState } from './tables.js';

/** Columns of a row that pass on as they are, where the table has them. */
const plain = [
  'event_timestamp',
  'event_name',
  'user_id',
  'user_pseudo_id',
  'stream_id',
  'platform',
  'event_bundle_sequence_id',
  'batch_page_id',
  'batch_ordering_id',
  'batch_event_index',
  'is_active_user',
  'user_first_touch_timestamp',
  'event_previous_timestamp',
  'event_value_in_usd',
  'event_server_timestamp_offset',
  'device',
  'geo',
  'app_info',
  'traffic_source',
  'collected_traffic_source',
  'session_traffic_source_last_click',
  'ecommerce',
  'items',
] as const;

/** What visitors agreed to, beside the other columns. */
const consents = ['analytics_storage', 'ads_storage', 'uses_transient_token'] as const;

const nothing = Buffer.from('null');

/**
 * The line of an event: its id, its times without loss, its parameters and properties as one object each, consent as columns
 * of its own. Every value is as BigQuery wrote it.
 *
 * @param twin its number among those that nothing tells apart, from 1
 * @throws PipelineError SOURCE_PROTOCOL
 */
export function eventLine(text: string, twin: string, table: Ga4TableState): Uint8Array {
  const bytes = Buffer.from(text);
  const members = sliceMembers(bytes);
  const micros = exactTextAt(bytes, ['event_timestamp']);
  const date = exactTextAt(bytes, ['event_date']);
  if (micros === undefined || !/^\d{1,18}$/.test(micros) || date === undefined || !/^\d{8}$/.test(date))
    throw protocolFailure('ga4', `an event of table ${table.name} has no time or no date that can be read`);
  const head = JSON.stringify({
    event_id: idOf(bytes, twin),
    event_date: `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}`,
    occurred_at: instantOf(BigInt(micros)),
    exported_at: new Date(table.modifiedMs).toISOString(),
    export: table.export,
  });
  const parts: [string, Uint8Array][] = [
    ...plain.map((name): [string, Uint8Array] => [name, integerOf(name, members.get(name))]),
    ...consents.map((name): [string, Uint8Array] => [
      name,
      sliceAt(bytes, ['privacy_info', name]) ?? nothing,
    ]),
    ['params', flattened(members.get('event_params'))],
    ['user_properties', flattened(members.get('user_properties'))],
  ];
  const rest = parts.flatMap(([name, value]) => [Buffer.from(`,${JSON.stringify(name)}:`), value]);
  return toLine(Buffer.concat([Buffer.from(head.slice(0, -1)), ...rest, Buffer.from('}')]));
}

function idOf(event: Uint8Array, twin: string): string {
  const hash = createHash('sha256');
  for (const name of identity) hash.update(JSON.stringify(exactTextAt(event, [name]) ?? null)).update('\n');
  return `${hash.digest('hex').slice(0, 40)}${twin === '1' ? '' : `-${twin}`}`;
}

/** `[{"key":"a","value":{"int_value":1,…}}]` as `{"a":1}`; where a key comes twice, the last one counts. */
function flattened(list: Uint8Array | undefined): Uint8Array {
  const members = new Map<string, Uint8Array>();
  for (const entry of sliceElements(list ?? Buffer.from('[]'))) {
    const key = exactTextAt(entry, ['key']);
    if (key === undefined) continue;
    const values = ['string_value', 'int_value', 'float_value', 'double_value'].flatMap((name) => {
      const value = sliceAt(entry, ['value', name]);
      return value === undefined || isNull(value) ? [] : [integerOf(name, value)];
    });
    members.set(key, values[0] ?? nothing);
  }
  const parts = [...members].flatMap(([key, value], index) => [
    Buffer.from(`${index === 0 ? '' : ','}${JSON.stringify(key)}:`),
    value,
  ]);
  return Buffer.concat([Buffer.from('{'), ...parts, Buffer.from('}')]);
}

/** Columns of whole numbers, which BigQuery puts in quotes where a double could not hold them. */
const integers: ReadonlySet<string> = new Set([
  ...['int_value', 'event_timestamp', 'event_bundle_sequence_id', 'batch_page_id', 'batch_ordering_id'],
  ...['batch_event_index', 'user_first_touch_timestamp', 'event_previous_timestamp'],
  'event_server_timestamp_offset',
]);

function integerOf(name: string, value: Uint8Array | undefined): Uint8Array {
  if (value === undefined) return nothing;
  if (!integers.has(name)) return value;
  const digits = /^"(-?\d+)"$/.exec(Buffer.from(value).toString())?.[1];
  return digits === undefined ? value : Buffer.from(digits);
}

function isNull(value: Uint8Array): boolean {
  return Buffer.from(value).equals(nothing);
}

/** Microseconds since 1970 as ISO 8601 text with six digits. */
function instantOf(micros: bigint): string {
  const seconds = new Date(Number(micros / 1_000_000n) * 1_000).toISOString().slice(0, 19);
  return `${seconds}.${String(micros % 1_000_000n).padStart(6, '0')}Z`;
}
