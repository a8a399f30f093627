import type { ShopState } from './shop-state.js';

/** One page of a list: its body, and the token of the next page. */
export interface ShopPage {
  readonly body: Readonly<Record<string, unknown>>;
  readonly next: string | undefined;
}

interface Entry {
  readonly id: bigint;
  readonly instantMs: number;
  readonly value: object;
}

/** What a page token carries: the filters of the first request and the last entry shown. */
interface PageToken {
  readonly min: number | null;
  readonly max: number | null;
  readonly after: { readonly instantMs: number; readonly id: string };
}

/** Default and greatest page sizes of the API. */
const defaultPageSize = 50;
const maxPageSize = 250;

/** A page of `orders` or `events`, by time and id; `undefined` for an unknown resource. */
export function listPage(
  state: ShopState,
  resource: string,
  query: URLSearchParams,
): ShopPage | { readonly errors: string } | undefined {
  const list = entriesOf(state, resource, query);
  if (list === undefined) return undefined;
  const limit = Number(query.get('limit') ?? defaultPageSize);
  if (!Number.isInteger(limit) || limit < 1 || limit > maxPageSize)
    return { errors: 'limit must be 1 to 250' };
  const pageInfo = query.get('page_info');
  if (pageInfo?.startsWith('endless-')) return { body: { [resource]: [] }, next: undefined };
  const token = pageInfo === null ? firstToken(list.timeMember, query) : readToken(pageInfo);
  if (token === undefined) return { errors: 'a filter or page_info cannot be read' };

  const { min, max } = token;
  const shown = list.entries
    .filter((entry) => (min === null || entry.instantMs >= min) && (max === null || entry.instantMs <= max))
    .filter((entry) => !('after' in token) || comesAfter(entry, token.after))
    .sort((a, b) => a.instantMs - b.instantMs || (a.id < b.id ? -1 : 1));
  const page = shown.slice(0, limit);
  const last = page.at(-1);
  const next =
    last !== undefined && shown.length > limit
      ? writeToken({ min, max, after: { instantMs: last.instantMs, id: String(last.id) } })
      : undefined;
  return { body: { [resource]: page.map((entry) => entry.value) }, next };
}

function entriesOf(state: ShopState, resource: string, query: URLSearchParams) {
  if (resource === 'orders') {
    const isAny = query.get('status') === 'any' || query.has('page_info');
    const entries = [...state.orders.values()]
      .filter((order) => isAny || order.cancelled_at === null)
      .map((order) => ({ id: order.id, instantMs: Date.parse(order.updated_at), value: order }));
    return { timeMember: 'updated_at', entries };
  }
  if (resource !== 'events') return undefined;
  const gone = state.deletions.filter(
    ({ subject_type }) => subject_type === (query.get('filter') ?? subject_type),
  );
  const entries: Entry[] = gone.map((deletion) => ({
    id: deletion.id,
    instantMs: Date.parse(deletion.created_at),
    value: {
      id: deletion.id,
      subject_id: deletion.subject_id,
      created_at: deletion.created_at,
      subject_type: deletion.subject_type,
      verb: 'destroy',
      arguments: [],
      message: null,
    },
  }));
  return { timeMember: 'created_at', entries };
}

function firstToken(timeMember: string, query: URLSearchParams) {
  const bound = (name: string): number | null => {
    const text = query.get(name);
    return text === null ? null : Date.parse(text);
  };
  const [min, max] = [bound(`${timeMember}_min`), bound(`${timeMember}_max`)];
  return Number.isNaN(min) || Number.isNaN(max) ? undefined : { min, max };
}

function readToken(text: string): PageToken | undefined {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as PageToken;
  } catch {
    return undefined;
  }
}

function writeToken(token: PageToken): string {
  return Buffer.from(JSON.stringify(token)).toString('base64url');
}

function comesAfter(entry: Entry, after: PageToken['after']): boolean {
  if (entry.instantMs !== after.instantMs) return entry.instantMs > after.instantMs;
  return entry.id > BigInt(after.id);
}
