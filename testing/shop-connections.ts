import { GraphQLError } from 'graphql';

/** Arguments of a connection. */
export interface ConnectionArguments {
  readonly first?: number | null;
  readonly after?: string | null;
  readonly query?: string | null;
}

/** One element of a connection: its place in the order, and what it resolves to. */
export interface ConnectionEntry {
  readonly id: bigint;
  readonly instantMs: number;
  readonly node: object;
}

/** How connections are answered. */
export interface ConnectionRules {
  /** Inside a bulk operation all elements come; outside of one, `first` is needed. */
  readonly isBulk: boolean;
  /** Elements of a nested connection that one answer holds, whatever is asked for. */
  readonly nestedMaxObjects: number;
  /** The next page is this one again. */
  readonly isLoop: boolean;
  /** Every page has a next one, and it is empty. */
  readonly isEndless: boolean;
  /** Number of the request, for cursors that never repeat. */
  readonly count: number;
}

/** A search by time, in the order of time and id; a cursor is the place of the last element. */
export function searchConnection(
  entries: readonly ConnectionEntry[],
  timeTerm: string,
  { first, after, query }: ConnectionArguments,
  rules: ConnectionRules,
) {
  const size = sizeOf(first, rules);
  const isWithin = boundsOf(query ?? '', timeTerm);
  const from = after === undefined || after === null ? undefined : placeOf(after);
  const found = entries
    .filter(({ instantMs }) => !rules.isEndless && isWithin(instantMs))
    .filter((entry) => from === undefined || compare(entry, from) > 0)
    .sort(compare);
  const shown = found.slice(0, size);
  const last = shown.at(-1);
  const next = rules.isLoop
    ? after
    : rules.isEndless
      ? place({ instantMs: 0, id: BigInt(rules.count) })
      : undefined;
  return answer(
    shown.map(({ node }) => node),
    rules.isLoop || rules.isEndless || found.length > shown.length,
    next ?? (last === undefined ? null : place(last)),
  );
}

/** A list by position, as connections of an object are. */
export function nestedConnection(
  nodes: readonly object[],
  { first, after }: ConnectionArguments,
  rules: ConnectionRules,
) {
  const size = rules.isBulk ? nodes.length : Math.min(sizeOf(first, rules), rules.nestedMaxObjects);
  const from = Number(after ?? 0);
  const shown = nodes.slice(from, from + size);
  return answer(shown, from + size < nodes.length, String(from + shown.length));
}

function answer(nodes: readonly object[], hasNextPage: boolean, endCursor: string | null) {
  return {
    nodes,
    edges: nodes.map((node) => ({ cursor: 'fixture', node })),
    pageInfo: { hasNextPage, endCursor },
  };
}

function sizeOf(first: number | null | undefined, { isBulk }: ConnectionRules): number {
  if (isBulk) return Number.POSITIVE_INFINITY;
  if (first === undefined || first === null || first < 1 || first > 250)
    throw new GraphQLError('you must provide "first", from 1 to 250', {
      extensions: { code: 'BAD_REQUEST' },
    });
  return first;
}

/** Terms of Shopify's search syntax that compare a time; others are not bounds. */
function boundsOf(query: string, timeTerm: string): (instantMs: number) => boolean {
  const bounds = [...query.matchAll(/(\w+):(>=|<=)'([^']+)'/g)].filter(([, name]) => name === timeTerm);
  return (instantMs) =>
    bounds.every(([, , sign, at = '']) =>
      sign === '>=' ? instantMs >= Date.parse(at) : instantMs <= Date.parse(at),
    );
}

type Place = Pick<ConnectionEntry, 'id' | 'instantMs'>;

function place({ instantMs, id }: Place): string {
  return Buffer.from(`${String(instantMs)}|${String(id)}`).toString('base64url');
}

function placeOf(cursor: string): Place {
  const [instantMs = '0', id = '0'] = Buffer.from(cursor, 'base64url').toString().split('|');
  return { instantMs: Number(instantMs), id: BigInt(id) };
}

function compare(a: Place, b: Place): number {
  return a.instantMs - b.instantMs || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}
