import { LosslessNumber } from 'lossless-json';
import type {
  MagentoFixtureRecord,
  MagentoFixtureStream,
  MagentoState,
  MagentoValue,
} from './magento-state.js';

/** A refusal, or an answer, of the fixture shop. */
export interface MagentoFixtureAnswer {
  readonly status: number;
  readonly body: object;
}

interface Filter {
  readonly field: string;
  readonly condition: string;
  readonly value: string;
}

/** Streams by their paths below `V1/`. */
export const magentoPaths: Readonly<Record<string, MagentoFixtureStream>> = {
  orders: 'orders',
  'customers/search': 'customers',
  products: 'products',
  creditmemos: 'creditmemos',
};

/** A search as Magento answers it: without a direction descending, and behind its end the last page again. */
export function searchAnswer(
  state: MagentoState,
  stream: MagentoFixtureStream,
  query: URLSearchParams,
): MagentoFixtureAnswer {
  const criteria = criteriaOf(query);
  if (criteria === undefined)
    return { status: 400, body: { message: '"%fieldName" is required. Enter and try again.' } };
  const { groups, sortBy, pageSize, currentPage } = criteria;
  const found = state
    .records(stream)
    .filter((record) => groups.every((group) => group.some((filter) => passes(stream, record, filter))))
    .sort((a, b) => {
      for (const { field, isDescending } of sortBy) {
        const order = compare(textOf(stream, a, field), textOf(stream, b, field));
        if (order !== 0) return isDescending ? -order : order;
      }
      return 0;
    });
  const lastPage = Math.max(1, Math.ceil(found.length / pageSize));
  const from = (Math.min(currentPage, lastPage) - 1) * pageSize;
  const only = /^items\[([\w,]+)\],total_count$/.exec(query.get('fields') ?? '')?.[1]?.split(',');
  const items = found.slice(from, from + pageSize).map((record) => {
    const whole = magentoRecord(stream, record);
    return only === undefined
      ? whole
      : Object.fromEntries(Object.entries(whole).filter(([name]) => only.includes(name)));
  });
  const trimmed =
    only === undefined ? { search_criteria: { page_size: pageSize, current_page: currentPage } } : {};
  return { status: 200, body: { items, ...trimmed, total_count: found.length } };
}

/** A record as the API writes it. Customers and products name their id `id`. */
export function magentoRecord(
  stream: MagentoFixtureStream,
  { id, members, createdAtMs, changedAtMs }: MagentoFixtureRecord,
): Record<string, MagentoValue> {
  const idMember = stream === 'customers' || stream === 'products' ? 'id' : 'entity_id';
  return { [idMember]: id, created_at: time(createdAtMs), updated_at: time(changedAtMs), ...members };
}

function criteriaOf(query: URLSearchParams) {
  const groups = new Map<string, Map<string, Record<string, string>>>();
  const sorts = new Map<string, Record<string, string>>();
  let hasCriteria = false;
  for (const [name, value] of query) {
    if (!name.startsWith('searchCriteria')) continue;
    hasCriteria = true;
    const filter = /^searchCriteria\[filter_?[gG]roups\]\[(\d+)\]\[filters\]\[(\d+)\]\[(\w+)\]$/.exec(name);
    const sort = /^searchCriteria\[sortOrders\]\[(\d+)\]\[(\w+)\]$/.exec(name);
    if (filter !== null) {
      const [, group = '', place = '', member = ''] = filter;
      const filters = groups.get(group) ?? new Map<string, Record<string, string>>();
      groups.set(group, filters.set(place, { ...filters.get(place), [member]: value }));
    }
    if (sort !== null) {
      const [, place = '', member = ''] = sort;
      sorts.set(place, { ...sorts.get(place), [member]: value });
    }
  }
  if (!hasCriteria) return undefined;
  return {
    groups: [...groups.values()].map((filters) =>
      [...filters.values()].map((filter): Filter => ({
        field: filter['field'] ?? '',
        condition: filter['condition_type'] ?? filter['conditionType'] ?? 'eq',
        value: filter['value'] ?? '',
      })),
    ),
    sortBy: [...sorts.values()].map((sort) => ({
      field: sort['field'] ?? '',
      isDescending: sort['direction'] !== 'ASC',
    })),
    pageSize: Number(query.get('searchCriteria[pageSize]') ?? Number.MAX_SAFE_INTEGER),
    currentPage: Number(query.get('searchCriteria[currentPage]') ?? 1),
  };
}

function passes(stream: MagentoFixtureStream, record: MagentoFixtureRecord, filter: Filter): boolean {
  const text = textOf(stream, record, filter.field);
  const order = compare(text, filter.value);
  const conditions: Readonly<Record<string, boolean>> = {
    eq: order === 0,
    neq: order !== 0,
    gt: order > 0,
    gteq: order >= 0,
    from: order >= 0,
    lt: order < 0,
    lteq: order <= 0,
    to: order <= 0,
    in: filter.value.split(',').includes(text),
  };
  return conditions[filter.condition] ?? false;
}

/** Filters call every id `entity_id`. */
function textOf(stream: MagentoFixtureStream, record: MagentoFixtureRecord, field: string): string {
  if (field === 'entity_id') return String(record.id);
  const value = magentoRecord(stream, record)[field];
  return value instanceof LosslessNumber ? value.value : String(value ?? '');
}

function compare(a: string, b: string): number {
  const isNumeric = /^-?\d+(\.\d+)?$/.test(a) && /^-?\d+(\.\d+)?$/.test(b);
  if (isNumeric) return Number(a) - Number(b);
  return a < b ? -1 : a > b ? 1 : 0;
}

function time(instantMs: number): string {
  return new Date(instantMs).toISOString().slice(0, 19).replace('T', ' ');
}
