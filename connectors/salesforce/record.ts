import { parseInstant } from '../../core/interval.js';
import { exactTextAt } from '../json-page.js';
import { sliceMembers, toLine } from '../json-slices.js';
import type { SoqlField } from './soql.js';

/** One record in the form in which it is delivered. */
export interface SalesforceRecord {
  readonly id: string;
  /** A line of NDJSON: the fields in their order, each value as Salesforce wrote it. */
  readonly line: Uint8Array;
  /** Time of the last change as ISO 8601 UTC text; absent where the object has none. */
  readonly changedAt?: string;
  readonly isDeleted: boolean;
}

const numericTypes: ReadonlySet<string> = new Set(['int', 'long', 'double', 'currency', 'percent']);
const jsonNumber = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/** A record of a page of JSON; `attributes` is left out. `undefined` where it has no id. */
export function recordOfJson(
  bytes: Uint8Array,
  fields: readonly SoqlField[],
  changedField: string | undefined,
): SalesforceRecord | undefined {
  const members = sliceMembers(bytes);
  const values = fields.map(({ name, type }) => {
    const value = Buffer.from(members.get(name) ?? 'null').toString('utf8');
    return type === 'datetime' ? withColon(value) : value;
  });
  return recordOf(values, fields, changedField);
}

/** A record of a row of CSV, where every value is text and nothing is `null`. */
export function recordOfCsv(
  row: readonly string[],
  fields: readonly SoqlField[],
  changedField: string | undefined,
): SalesforceRecord | undefined {
  const values = fields.map(({ type }, index) => {
    const text = row[index] ?? '';
    if (text === '') return 'null';
    if (type === 'boolean' && (text === 'true' || text === 'false')) return text;
    if (numericTypes.has(type) && jsonNumber.test(text)) return text;
    return type === 'datetime' ? withColon(JSON.stringify(text)) : JSON.stringify(text);
  });
  return recordOf(values, fields, changedField);
}

/** A deletion: key, and time of the last change. */
export function deletionLine(
  { id, changedAt }: SalesforceRecord,
  changedField: string | undefined,
): Uint8Array {
  const row = { Id: id, ...(changedField !== undefined && { [changedField]: changedAt ?? null }) };
  return Buffer.from(`${JSON.stringify(row)}\n`);
}

function recordOf(
  values: readonly string[],
  fields: readonly SoqlField[],
  changedField: string | undefined,
): SalesforceRecord | undefined {
  const members = fields.map(({ name }, index) => `${JSON.stringify(name)}:${values[index] ?? 'null'}`);
  const line = toLine(Buffer.from(`{${members.join(',')}}`, 'utf8'));
  const id = exactTextAt(line, ['Id']);
  if (id === undefined || id === '') return undefined;
  const changed = changedField === undefined ? undefined : exactTextAt(line, [changedField]);
  const changedAt = changed === undefined ? undefined : parseInstant(changed);
  return {
    id,
    line,
    isDeleted: Buffer.from(sliceMembers(line).get('IsDeleted') ?? '').toString('utf8') === 'true',
    ...(changedAt !== undefined && { changedAt }),
  };
}

/** The REST API writes offsets as `+0000`, which is no RFC 3339; bulk results have `Z`. One form for both. */
function withColon(json: string): string {
  return json.replace(/\+0000"$/, 'Z"').replace(/([+-]\d{2})(\d{2})"$/, '$1:$2"');
}
