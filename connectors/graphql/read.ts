import type { JsonObject } from '../../core/json.js';
import { protocolFailure } from '../http/index.js';
import { memberAt, recordsAt, toRecord, type JsonPage, type PageRecord } from '../json-page.js';
import { sliceAt } from '../json-slices.js';
import { closedObject } from '../option-problems.js';
import { createPageGuard } from '../page-guard.js';
import { restWindow } from '../rest/incremental.js';
import type { RestIncremental } from '../rest/options.js';
import { pathOf } from '../rest/paths.js';
import { createWindowReader, windowPlaceSchema, type WindowPlace } from '../rest/window-reader.js';
import { resumeOf } from '../resume.js';
import type { ReadContext, ReadRequest, SourceBatch } from '../source.js';
import { createGraphqlApi, type GraphqlTarget } from './api.js';
import type { GraphqlEndpoint, GraphqlIncremental } from './options.js';
import { createPages } from './paginators.js';

const words = { source: 'graphql', startParam: 'startVariable', endParam: 'endVariable' };

/**
 * Reads page after page. The cursor never passes the moment at which the read began, by the source's own clock: a record
 * that changes after its page was read must lie behind the cursor of the next read, whatever the order of the pages.
 *
 * @throws PipelineError SOURCE_*, CONFIG_INVALID
 */
export async function* readGraphql(
  target: GraphqlTarget,
  endpoint: GraphqlEndpoint,
  request: ReadRequest,
  context: ReadContext,
): AsyncGenerator<SourceBatch> {
  const { query, operationName, dataSelector } = endpoint;
  const ask = createGraphqlApi(target, context.signal);
  const window = restWindow(incrementalOf(endpoint.incremental), request, words);
  const pages = createPages(endpoint);
  const guard = createPageGuard('graphql', endpoint.maximumPages);
  const from = resumeOf('graphql', request, placeSchema) as GraphqlPlace | undefined;
  const reader = createWindowReader('graphql', window, request, from?.window);
  if (from !== undefined) pages.resume?.(from.turn);
  let turn: JsonObject | undefined = from?.turn ?? pages.first;
  while (turn !== undefined) {
    guard.refuseRepeat(JSON.stringify(turn));
    const variables: JsonObject = { ...endpoint.variables, ...window.params, ...turn };
    const page = await ask({ query, variables, ...(operationName !== undefined && { operationName }) });
    const found = nodesAt('graphql', page, pathOf(dataSelector));
    guard.take(page.body, found.length);
    context.heartbeat();
    const batch = reader.take(found, page.answeredAtMs);
    turn = pages.next({ page, records: found });
    yield turn === undefined ? batch : { ...batch, resume: { turn, window: reader.place() } };
  }
  reader.finish();
}

/** Variables of the next page. */
type GraphqlPlace = { turn: JsonObject; window: WindowPlace };

const placeSchema = closedObject({ turn: { type: 'object' }, window: windowPlaceSchema }, ['turn', 'window']);

/** The records at a path below `data`; of a list named `edges`, the `node` of each. @throws PipelineError SOURCE_PROTOCOL */
export function nodesAt(source: string, page: JsonPage, path: readonly string[]): PageRecord[] {
  const place = ['data', ...path];
  const selected = memberAt(page.document, place);
  if (selected === null) return [];
  if (typeof selected === 'object' && !Array.isArray(selected))
    return [toRecord(sliceAt(page.body, place) as Uint8Array, selected)];
  const found = recordsAt(source, page, place);
  if (path.at(-1) !== 'edges') return found;
  return found.map(({ bytes, parsed }) => {
    const node = sliceAt(bytes, ['node']);
    if (node === undefined) throw protocolFailure(source, 'an edge has no node');
    return toRecord(node, parsed['node']);
  });
}

function incrementalOf({ startVariable, endVariable, ...rest }: GraphqlIncremental = {}): RestIncremental {
  return {
    ...rest,
    ...(startVariable !== undefined && { startParam: startVariable }),
    ...(endVariable !== undefined && { endParam: endVariable }),
  };
}
