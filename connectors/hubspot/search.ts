import { limits } from '../../core/limits.js';
import { protocolFailure } from '../http/index.js';
import { createPageGuard } from '../page-guard.js';
import type { HubspotApi } from './api.js';
import { changedAt, nextAfter, objectsOf, type CrmObject } from './crm-object.js';
import type { HubspotSettings } from './settings.js';

/** Span of the time of last change, ISO 8601; half-open. */
export interface ChangeSpan {
  readonly start?: string;
  readonly end?: string;
}

interface Filter {
  readonly propertyName: string;
  readonly operator: 'GTE' | 'GT' | 'LT' | 'EQ';
  readonly value: string;
}

/** The end of what was read: the time of the last change, and the objects with that very time that came already. */
interface Position {
  readonly at: string;
  readonly ids: ReadonlySet<string>;
}

/**
 * Changed objects, by the time of their last change. Each page is a search of its own that begins where the one before
 * ended, never a later page of the same search: pages of a search are counted by position, so an object that changes
 * meanwhile would push another one out of sight, and a search gives no more than 10,000 results. Where more objects than
 * fit on a page have the very same time, they are read by id.
 *
 * @throws PipelineError SOURCE_*
 */
export async function* searchChanged(
  api: HubspotApi,
  settings: HubspotSettings,
  span: ChangeSpan,
): AsyncGenerator<readonly CrmObject[]> {
  const { changedProperty } = settings;
  const ask = createSearch(api, settings);
  const before = span.end === undefined ? [] : [filter(changedProperty, 'LT', millisOf(span.end))];
  let from = span.start === undefined ? [] : [filter(changedProperty, 'GTE', millisOf(span.start))];
  let position: Position | undefined;
  for (;;) {
    const { objects, hasMore } = await ask([...from, ...before], changedProperty);
    yield objects.filter(({ id }) => position?.ids.has(id) !== true);
    if (!hasMore) return;
    const times = objects.map((object) => changedAt(object, changedProperty) ?? '');
    if (times.some((at, index) => at === '' || at < (times[index - 1] ?? position?.at ?? '')))
      throw protocolFailure('hubspot', 'the results of a search are not in the order asked for');
    const [first, last] = [times[0], times.at(-1)] as [string, string];
    const ids = new Set(objects.filter((_object, index) => times[index] === last).map(({ id }) => id));
    if (first === last) {
      const seen = position?.at === last ? new Set([...position.ids, ...ids]) : ids;
      yield* searchTies(ask, changedProperty, { at: last, ids: seen });
      from = [filter(changedProperty, 'GT', millisOf(last))];
      position = { at: last, ids: new Set() };
    } else {
      from = [filter(changedProperty, 'GTE', millisOf(last))];
      position = { at: last, ids };
    }
  }
}

/** All objects with one time of change, by id. */
async function* searchTies(
  ask: ReturnType<typeof createSearch>,
  changedProperty: string,
  { at, ids }: Position,
): AsyncGenerator<readonly CrmObject[]> {
  let after = '0';
  for (;;) {
    const filters = [filter(changedProperty, 'EQ', millisOf(at)), filter('hs_object_id', 'GT', after)];
    const { objects, hasMore } = await ask(filters, 'hs_object_id');
    yield objects.filter(({ id }) => !ids.has(id));
    if (!hasMore) return;
    const last = objects.at(-1)?.id ?? after;
    if (BigInt(last) <= BigInt(after))
      throw protocolFailure('hubspot', 'the results of a search are not in the order asked for');
    after = last;
  }
}

function createSearch(api: HubspotApi, { object, properties, pageSize }: HubspotSettings) {
  const guard = createPageGuard('hubspot', limits.sourceMaxPages);
  return async (filters: readonly Filter[], sortedBy: string) => {
    const question = {
      filterGroups: filters.length === 0 ? [] : [{ filters }],
      sorts: [{ propertyName: sortedBy, direction: 'ASCENDING' }],
      properties,
      limit: pageSize,
    };
    guard.refuseRepeat(JSON.stringify(question));
    const page = await api.post(`/crm/v3/objects/${object}/search`, question);
    const objects = objectsOf(page);
    guard.take(page.body, objects.length);
    const hasMore = nextAfter(page) !== undefined;
    if (hasMore && objects.length === 0)
      throw protocolFailure('hubspot', 'a page is empty, and there is said to be more');
    return { objects, hasMore };
  };
}

function filter(propertyName: string, operator: Filter['operator'], value: string): Filter {
  return { propertyName, operator, value };
}

function millisOf(instant: string): string {
  return String(Date.parse(instant));
}
