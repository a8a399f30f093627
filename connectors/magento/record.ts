import { protocolFailure } from '../http/index.js';
import { exactTextAt, recordsAt, type JsonPage } from '../json-page.js';
import { sliceMembers, toLine } from '../json-slices.js';
import type { Keyed } from '../keyset.js';
import { fromMagentoTime } from './search.js';

/** One record, and the line that is delivered for it. */
export interface MagentoRecord extends Keyed {
  readonly line: Uint8Array;
}

/** Members that hold a time in UTC; they get their zone, so that nobody reads them as local time. */
const times = ['created_at', 'updated_at'] as const;

/** The records of a page. @throws PipelineError SOURCE_PROTOCOL where one has no id */
export function recordsOf(page: JsonPage, idMember: string): MagentoRecord[] {
  return recordsAt('magento', page, ['items']).map(({ bytes }) => {
    const id = exactTextAt(bytes, [idMember]) ?? '';
    if (!/^\d+$/.test(id)) throw protocolFailure('magento', 'a record has no id');
    const changedAt = fromMagentoTime(exactTextAt(bytes, ['updated_at']) ?? '');
    return { id, line: toLine(withZones(bytes)), ...(changedAt !== undefined && { changedAt }) };
  });
}

function withZones(record: Uint8Array): Uint8Array {
  const members = sliceMembers(record);
  for (const name of times) {
    const instant = fromMagentoTime(exactTextAt(record, [name]) ?? '');
    if (instant !== undefined) members.set(name, Buffer.from(JSON.stringify(instant)));
  }
  const parts: Uint8Array[] = [];
  for (const [name, value] of members)
    parts.push(Buffer.from(`${parts.length === 0 ? '{' : ','}${JSON.stringify(name)}:`), value);
  return Buffer.concat([...parts, Buffer.from('}')]);
}
