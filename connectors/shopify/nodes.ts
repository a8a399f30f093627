import type { GraphqlApi } from '../graphql/api.js';
import { protocolFailure } from '../http/index.js';
import { exactTextAt, memberAt, type JsonPage } from '../json-page.js';
import { sliceAt } from '../json-slices.js';
import { createPageGuard } from '../page-guard.js';
import { nestedQuery } from './queries.js';
import { elementsAt, type ShopifyNode } from './shape.js';
import type { ShopifyStream } from './streams.js';

/** Elements of a nested connection that one query asks for, where an object has more than came with it. */
const nestedPageSize = 100;

/** An object's parts, or the object itself, each with all elements of its nested connection. @throws PipelineError SOURCE_* */
export async function completeNodes(
  ask: GraphqlApi,
  stream: ShopifyStream,
  object: Uint8Array,
): Promise<ShopifyNode[]> {
  const { part } = stream;
  const nodes: ShopifyNode[] = [];
  for (const bytes of part === undefined ? [object] : elementsAt(object, [part.list])) {
    const parent = part === undefined ? {} : { parent: object };
    nodes.push({ bytes, children: await childrenOf(ask, stream, bytes), ...parent });
  }
  return nodes;
}

/** The cursor of the next page of a connection; `undefined` on the last page. @throws PipelineError SOURCE_PROTOCOL */
export function nextCursor(page: JsonPage, connection: readonly string[]): string | undefined {
  const info = memberAt(page.document, ['data', ...connection, 'pageInfo']);
  const [hasNextPage, endCursor] = [memberAt(info, ['hasNextPage']), memberAt(info, ['endCursor'])];
  if (hasNextPage === false) return undefined;
  if (hasNextPage !== true || typeof endCursor !== 'string' || endCursor === '')
    throw protocolFailure('shopify', `"${connection.join('.')}" does not say what its next page is`);
  return endCursor;
}

async function childrenOf(
  ask: GraphqlApi,
  { nested }: ShopifyStream,
  object: Uint8Array,
): Promise<readonly Uint8Array[]> {
  if (nested === undefined) return [];
  const { connection } = nested;
  const found = elementsAt(object, [connection, 'nodes']);
  const id = exactTextAt(object, ['id']);
  const info = sliceAt(object, [connection, 'pageInfo']);
  if (id === undefined || info === undefined)
    throw protocolFailure('shopify', `an object has no "${connection}"`);
  let after = sliceAt(info, ['hasNextPage'])?.[0] === 0x74 ? exactTextAt(info, ['endCursor']) : undefined;
  const guard = createPageGuard('shopify');
  while (after !== undefined) {
    guard.refuseRepeat(after);
    const page = await ask({
      query: nestedQuery(nested),
      variables: { id, first: nestedPageSize, after },
    });
    // The object was deleted meanwhile: its deletion is read after it.
    if (memberAt(page.document, ['data', 'node']) === null) return found;
    const place = ['node', connection];
    const more = elementsAt(page.body, ['data', ...place, 'nodes']);
    guard.take(page.body, more.length);
    found.push(...more);
    after = nextCursor(page, place);
  }
  return found;
}
