import { encode } from './oauth1.js';

/** Conditions of a search that the source asks for. */
export interface SearchFilter {
  readonly field: string;
  readonly condition: 'gteq' | 'gt' | 'lt' | 'eq';
  readonly value: string;
}

/** One search; only its first page is ever asked for. */
export interface Search {
  /** All must hold. */
  readonly filters: readonly SearchFilter[];
  readonly sortBy: readonly string[];
  readonly pageSize: number;
  readonly fields?: readonly string[];
}

/**
 * The query of a search, encoded as a signature encodes it: a space as `%20`, never `+` (Adobe Commerce web API
 * documentation, "Search using REST endpoints"). Filters of one group are alternatives, so each has a group of its own;
 * without a direction the order would be descending.
 */
export function searchQuery({ filters, sortBy, pageSize, fields }: Search): string {
  const pairs: (readonly [string, string])[] = [];
  const add = (name: string, value: string): void => void pairs.push([`searchCriteria${name}`, value]);
  filters.forEach(({ field, condition, value }, index) => {
    const place = `[filter_groups][${String(index)}][filters][0]`;
    add(`${place}[field]`, field);
    add(`${place}[condition_type]`, condition);
    add(`${place}[value]`, value);
  });
  sortBy.forEach((field, index) => {
    add(`[sortOrders][${String(index)}][field]`, field);
    add(`[sortOrders][${String(index)}][direction]`, 'ASC');
  });
  add('[pageSize]', String(pageSize));
  add('[currentPage]', '1');
  if (fields !== undefined) pairs.push(['fields', `items[${fields.join(',')}],total_count`]);
  return pairs.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&');
}

/** Times of Magento are UTC without a zone, to the second. As ISO 8601; `undefined` for what is none. */
export function fromMagentoTime(text: string): string | undefined {
  const found = /^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2})$/.exec(text);
  return found === null || text.startsWith('0000') ? undefined : `${found[1] ?? ''}T${found[2] ?? ''}.000Z`;
}

/** An instant as Magento writes it; `round` says which second a fraction belongs to. */
export function toMagentoTime(instant: string, round: 'down' | 'up'): string {
  const seconds = Date.parse(instant) / 1000;
  const whole = round === 'down' ? Math.floor(seconds) : Math.ceil(seconds);
  return new Date(whole * 1000).toISOString().slice(0, 19).replace('T', ' ');
}
