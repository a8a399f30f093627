import { buildSchema, type GraphQLSchema } from 'graphql';
import { exactScalar } from './graphql-execution.js';
import type { RestRecord } from './rest-records.js';

const schemaText = `
scalar Int64
scalar Decimal
type Query {
  "The records as a Relay connection."
  items(first: Int = 10, after: String, since: String, until: String): ItemConnection!
  "The records by position."
  list(offset: Int = 0, limit: Int = 10, since: String, until: String): ItemList!
}
type ItemConnection { edges: [ItemEdge!]! nodes: [Item!]! pageInfo: PageInfo! }
type ItemEdge { cursor: String! node: Item! }
type PageInfo { hasNextPage: Boolean! endCursor: String }
type ItemList { items: [Item!]! total: Int! hasMore: Boolean! }
type Item { id: Int64! amount: Decimal! label: String! updated_at: String! updated_s: Int! }
`;

interface Bounds {
  readonly since?: string;
  readonly until?: string;
}

/** How pages are distorted by a fault. */
export interface PageRules {
  readonly pageMaxRecords: number;
  readonly isLoop: boolean;
  readonly isEndless: boolean;
  /** The last record of the page comes twice. */
  readonly isDuplicate: boolean;
  /** Number of the request, for cursors that never repeat. */
  readonly count: number;
}

/** The schema of the fixture API; ids and amounts have more digits than a double. */
export function createItemSchema(): GraphQLSchema {
  const schema = buildSchema(schemaText);
  for (const name of ['Int64', 'Decimal'])
    Object.assign(schema.getType(name) as object, { serialize: exactScalar(name).serialize });
  return schema;
}

/** What its fields resolve to. */
export function itemResolvers(all: readonly RestRecord[], rules: PageRules) {
  const page = (from: number, size: number, bounds: Bounds) => {
    const records = rules.isEndless ? [] : all.filter((record) => isWithin(record, bounds));
    const to = from + Math.min(size, rules.pageMaxRecords);
    const shown = records.slice(from, to);
    const last = shown.at(-1);
    const items = rules.isDuplicate && last !== undefined ? [...shown, last] : shown;
    return { items, to, total: records.length, hasMore: rules.isEndless || to < records.length };
  };
  return {
    items({ first, after, ...bounds }: Bounds & { readonly first: number; readonly after?: string }) {
      const { items, to, hasMore } = page(Number(after ?? 0), first, bounds);
      const next = rules.isLoop ? Number(after ?? 0) : rules.isEndless ? rules.count : to;
      return {
        nodes: items,
        edges: items.map((node) => ({ cursor: String(node.id), node })),
        pageInfo: { hasNextPage: hasMore || rules.isLoop, endCursor: String(next) },
      };
    },
    list({ offset, limit, ...bounds }: Bounds & { readonly offset: number; readonly limit: number }) {
      const { items, total, hasMore } = page(rules.isLoop ? 0 : offset, limit, bounds);
      return { items, total: rules.isEndless ? offset + 1 : total, hasMore: hasMore || rules.isLoop };
    },
  };
}

function isWithin({ updated_s: seconds }: RestRecord, { since, until }: Bounds): boolean {
  return (
    (since === undefined || seconds * 1000 >= Date.parse(since)) &&
    (until === undefined || seconds * 1000 <= Date.parse(until))
  );
}
