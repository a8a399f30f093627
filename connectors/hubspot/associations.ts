import { protocolFailure } from '../http/index.js';
import { exactTextAt, memberAt, recordsAt } from '../json-page.js';
import { sliceAt, sliceElements } from '../json-slices.js';
import type { HubspotApi } from './api.js';
import type { HubspotObject } from './objects.js';

interface Input {
  readonly id: string;
  readonly after?: string;
}

/**
 * Ids of associated objects, as JSON such as `{"companies":["7","9"]}`, by the id of the object that has them. All are
 * read, also where an object has more than one answer holds.
 *
 * @throws PipelineError SOURCE_*
 */
export async function readAssociations(
  api: HubspotApi,
  object: HubspotObject,
  ids: readonly string[],
  targets: readonly HubspotObject[],
): Promise<ReadonlyMap<string, Uint8Array>> {
  const found = new Map<string, Record<string, string[]>>(ids.map((id) => [id, {}]));
  for (const target of targets) {
    for (const lists of found.values()) lists[target] = [];
    let inputs: readonly Input[] = ids.map((id) => ({ id }));
    for (let asked = ''; inputs.length > 0;) {
      const question = JSON.stringify(inputs);
      if (question === asked)
        throw protocolFailure('hubspot', 'associations come back, so they would never end');
      asked = question;
      inputs = await readOnce(api, `${object}/${target}`, inputs, (id, other) =>
        found.get(id)?.[target]?.push(other),
      );
    }
  }
  return new Map([...found].map(([id, lists]) => [id, Buffer.from(JSON.stringify(sorted(lists)))] as const));
}

/** One request; returns what is left to ask for. */
async function readOnce(
  api: HubspotApi,
  pair: string,
  inputs: readonly Input[],
  take: (id: string, other: string) => void,
): Promise<Input[]> {
  const page = await api.post(`/crm/v4/associations/${pair}/batch/read`, { inputs });
  refuseErrors(memberAt(page.document, ['errors']));
  const rest: Input[] = [];
  for (const { bytes, parsed } of recordsAt('hubspot', page, ['results'])) {
    const id = exactTextAt(bytes, ['from', 'id']);
    if (id === undefined || !Array.isArray(parsed['to']))
      throw protocolFailure('hubspot', 'an association has no ends');
    for (const link of sliceElements(sliceAt(bytes, ['to']) as Uint8Array)) {
      const other = exactTextAt(link, ['toObjectId']);
      if (other === undefined) throw protocolFailure('hubspot', 'an association has no ends');
      take(id, other);
    }
    const after = exactTextAt(bytes, ['paging', 'next', 'after']);
    if (after !== undefined) rest.push({ id, after });
  }
  return rest;
}

/** An object without associations is told as an error; it is none. */
function refuseErrors(errors: unknown): void {
  if (!Array.isArray(errors)) return;
  const isNone = (error: unknown): boolean =>
    memberAt(error, ['subCategory']) === 'crm.associations.NO_ASSOCIATIONS_FOUND';
  if (!errors.every(isNone)) throw protocolFailure('hubspot', 'some associations could not be read');
}

function sorted(lists: Readonly<Record<string, readonly string[]>>): Record<string, string[]> {
  const byNumber = (a: string, b: string): number => (BigInt(a) < BigInt(b) ? -1 : 1);
  return Object.fromEntries(
    Object.entries(lists).map(([name, ids]) => [name, [...new Set(ids)].sort(byNumber)]),
  );
}
