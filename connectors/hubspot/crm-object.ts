import { parseInstant } from '../../core/interval.js';
import { protocolFailure } from '../http/index.js';
import { memberAt, recordsAt, type JsonPage } from '../json-page.js';
import { sliceMembers } from '../json-slices.js';

/** One object of the CRM as it came. */
export interface CrmObject {
  readonly id: string;
  readonly bytes: Uint8Array;
  readonly parsed: Readonly<Record<string, unknown>>;
}

/** The objects of a page. @throws PipelineError SOURCE_PROTOCOL where one has no id */
export function objectsOf(page: JsonPage): CrmObject[] {
  return recordsAt('hubspot', page, ['results']).map(({ bytes, parsed }) => {
    const { id } = parsed;
    if (typeof id !== 'string' || !/^\d+$/.test(id)) throw protocolFailure('hubspot', 'an object has no id');
    return { id, bytes, parsed };
  });
}

/** What to send as `after` for the next page; `undefined` on the last. */
export function nextAfter(page: JsonPage): string | undefined {
  const after = memberAt(page.document, ['paging', 'next', 'after']);
  return typeof after === 'string' && after !== '' ? after : undefined;
}

/** Time of an object's last change by a property, as ISO 8601 UTC with milliseconds; very old objects may have none. */
export function changedAt({ parsed }: CrmObject, property: string): string | undefined {
  const text = memberAt(parsed, ['properties', property]);
  return typeof text === 'string' ? parseInstant(text) : undefined;
}

/** One line: members of the object and its properties side by side, each as HubSpot wrote it. */
export function rowLine({ bytes }: CrmObject, associations: Uint8Array | undefined): Uint8Array {
  const members = sliceMembers(bytes);
  const row = new Map<string, Uint8Array>();
  for (const name of ['id', 'createdAt', 'updatedAt', 'archived'])
    if (members.has(name)) row.set(name, members.get(name) as Uint8Array);
  for (const [name, value] of sliceMembers(members.get('properties') ?? new Uint8Array()))
    if (!row.has(name)) row.set(name, value);
  if (associations !== undefined) row.set('associations', associations);
  const parts: Uint8Array[] = [];
  for (const [name, value] of row) {
    parts.push(Buffer.from(`${parts.length === 0 ? '{' : ','}${JSON.stringify(name)}:`), value);
  }
  return Buffer.concat([...parts, Buffer.from('}')]);
}
