import { protocolFailure } from '../http/index.js';
import { memberAt, recordsAt, type PageRecord } from '../json-page.js';
import { sliceAt, sliceMembers } from '../json-slices.js';
import type { KlaviyoPage } from './pages.js';

/** Members of a row before those of its attributes; an attribute of one of these names does not hide them. */
type Row = Map<string, Uint8Array>;

/** The JSON of a profile: its id and its attributes side by side, each as Klaviyo wrote it. */
export function profileRow(record: PageRecord): Uint8Array {
  return join(withAttributes(record, new Map([['id', idOf(record)]])));
}

/** Makes the JSON of events: their attributes, and what the page includes of their metrics and profiles. */
export function eventRows(page: KlaviyoPage): (record: PageRecord) => Uint8Array {
  const included = new Map<string, PageRecord>();
  const list = memberAt(page.document, ['included']);
  if (list !== undefined)
    for (const record of recordsAt('klaviyo', page, ['included']))
      included.set(`${String(record.parsed['type'])}/${String(record.parsed['id'])}`, record);
  return (record) => {
    const row: Row = new Map([['id', idOf(record)]]);
    const related = (name: string, type: string, attribute: string, column: string): void => {
      const place = ['relationships', name, 'data', 'id'];
      const id = memberAt(record.parsed, place);
      row.set(`${name}_id`, sliceAt(record.bytes, place) ?? nothing);
      const other = included.get(`${type}/${String(id)}`);
      row.set(column, (other && sliceAt(other.bytes, ['attributes', attribute])) ?? nothing);
    };
    related('metric', 'metric', 'name', 'metric_name');
    related('profile', 'profile', 'email', 'profile_email');
    return join(withAttributes(record, row));
  };
}

const nothing = Buffer.from('null');

function idOf({ bytes, parsed }: PageRecord): Uint8Array {
  if (typeof parsed['id'] !== 'string') throw protocolFailure('klaviyo', 'a record has no id');
  return sliceAt(bytes, ['id']) as Uint8Array;
}

function withAttributes({ bytes }: PageRecord, row: Row): Row {
  for (const [name, value] of sliceMembers(sliceAt(bytes, ['attributes']) ?? new Uint8Array()))
    if (!row.has(name)) row.set(name, value);
  return row;
}

function join(row: Row): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [name, value] of row)
    parts.push(Buffer.from(`${parts.length === 0 ? '{' : ','}${JSON.stringify(name)}:`), value);
  return Buffer.concat([...parts, Buffer.from('}')]);
}
