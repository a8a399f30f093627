import { limits } from '../../core/limits.js';
import { protocolFailure } from '../http/index.js';
import {
  readByChange,
  type Keyed,
  type KeysetPage,
  type KeysetPlace,
  type KeysetQuestion,
  type KeysetStep,
} from '../keyset.js';
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

/**
 * Changed objects, by the time of their last change; each page a search of its own, as a search also gives no more than
 * 10,000 results.
 *
 * @throws PipelineError SOURCE_*
 */
export function searchChanged(
  api: HubspotApi,
  settings: HubspotSettings,
  { start, end }: ChangeSpan,
  from?: KeysetPlace,
): AsyncGenerator<KeysetStep<CrmObject & Keyed>> {
  const { changedProperty } = settings;
  const search = createSearch(api, settings);
  const before = end === undefined ? [] : [filter(changedProperty, 'LT', millisOf(end))];
  const ask = (question: KeysetQuestion) =>
    search(
      [...filtersOf(question, changedProperty), ...before],
      question.by === 'id' ? 'hs_object_id' : changedProperty,
    );
  return readByChange('hubspot', start, ask, from);
}

function filtersOf(question: KeysetQuestion, changedProperty: string): Filter[] {
  if (question.by === 'id')
    return [
      filter(changedProperty, 'EQ', millisOf(question.at)),
      filter('hs_object_id', 'GT', question.afterId),
    ];
  const { from } = question;
  return from === undefined
    ? []
    : [filter(changedProperty, from.isInclusive ? 'GTE' : 'GT', millisOf(from.at))];
}

function createSearch(api: HubspotApi, { object, properties, pageSize, changedProperty }: HubspotSettings) {
  const guard = createPageGuard('hubspot', limits.sourceMaxPages);
  return async (filters: readonly Filter[], sortedBy: string): Promise<KeysetPage<CrmObject & Keyed>> => {
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
    return { records: objects.map((object) => keyed(object, changedProperty)), hasMore };
  };
}

function keyed(object: CrmObject, changedProperty: string): CrmObject & Keyed {
  const at = changedAt(object, changedProperty);
  return at === undefined ? object : { ...object, changedAt: at };
}

function filter(propertyName: string, operator: Filter['operator'], value: string): Filter {
  return { propertyName, operator, value };
}

function millisOf(instant: string): string {
  return String(Date.parse(instant));
}
