import { executeGraphql, type GraphqlBody, type GraphqlResult } from './graphql-execution.js';
import { searchConnection, type ConnectionArguments, type ConnectionRules } from './shop-connections.js';
import { shopNodes } from './shop-graphql-nodes.js';
import { shopSchema } from './shop-graphql-schema.js';
import type { ShopState } from './shop-state.js';

/** How the GraphQL API of a fixture shop behaves. */
export interface ShopGraphqlOptions {
  /** Elements of a nested connection that one answer holds; default 250. */
  readonly nestedMaxObjects?: number;
  /** How often a bulk operation is asked after before it has completed; default 2. */
  readonly bulkPolls?: number;
}

interface BulkOperation {
  readonly __typename: 'BulkOperation';
  readonly id: string;
  readonly createdAt: string;
  readonly lines: readonly string[];
  status: string;
  pollsLeft: number;
}

/** What distorts one answer. */
export type Distortion = Pick<ConnectionRules, 'isLoop' | 'isEndless' | 'count'>;

/** The GraphQL Admin API over the state of a fixture shop, bulk operations included. */
export function createShopGraphql(state: ShopState, options: ShopGraphqlOptions, origin: () => string) {
  const operations: BulkOperation[] = [];
  const rules = { isBulk: false, nestedMaxObjects: options.nestedMaxObjects ?? 250 };
  const whole = { ...rules, isBulk: true, isLoop: false, isEndless: false, count: 0 };

  const shown = ({ lines, pollsLeft, status, ...operation }: BulkOperation) => ({
    ...operation,
    status: status === 'CREATED' && pollsLeft <= 0 ? 'COMPLETED' : status,
    errorCode: null,
    objectCount: String(lines.length),
    url:
      pollsLeft <= 0 && lines.length > 0
        ? `${origin()}/bulk/${operation.id.split('/').at(-1) ?? ''}.jsonl`
        : null,
  });
  const start = async ({ query, groupObjects }: { query: string; groupObjects: boolean }) => {
    if (operations.some((operation) => operation.status === 'CREATED'))
      return { bulkOperation: null, userErrors: [userError('OPERATION_IN_PROGRESS')] };
    const result = await executeGraphql(shopSchema, queryResolvers(state, whole), { query });
    if (result['errors'] !== undefined || !groupObjects || /\bnodes\b|refunds/.test(query))
      return { bulkOperation: null, userErrors: [userError('INVALID')] };
    const operation: BulkOperation = {
      __typename: 'BulkOperation',
      id: `gid://shopify/BulkOperation/${String(720_918 + operations.length)}`,
      createdAt: new Date().toISOString(),
      lines: linesOf(result['data'] as Record<string, unknown>),
      status: 'CREATED',
      pollsLeft: options.bulkPolls ?? 2,
    };
    operations.push(operation);
    return { bulkOperation: shown(operation), userErrors: [] };
  };
  const byId = (id: string) => operations.find((operation) => operation.id === id);
  return {
    execute(body: GraphqlBody, distortion: Distortion): Promise<GraphqlResult> {
      const resolvers = queryResolvers(state, { ...rules, ...distortion });
      const root = {
        ...resolvers,
        node({ id }: { id: string }) {
          const operation = byId(id);
          if (operation === undefined) return resolvers.node({ id });
          operation.pollsLeft -= 1;
          const answer = shown(operation);
          operation.status = answer.status;
          return answer;
        },
        bulkOperationRunQuery: start,
        bulkOperationCancel({ id }: { id: string }) {
          const operation = byId(id);
          if (operation !== undefined) operation.status = 'CANCELED';
          return { bulkOperation: operation === undefined ? null : shown(operation), userErrors: [] };
        },
      };
      return executeGraphql(shopSchema, root, body);
    },
    /** The file of a bulk operation by its path; `undefined` where there is none. */
    file(path: string): Uint8Array | undefined {
      const number = /^\/bulk\/(\d+)\.jsonl$/.exec(path)?.[1];
      const operation = byId(`gid://shopify/BulkOperation/${number ?? ''}`);
      return operation === undefined
        ? undefined
        : Buffer.from(operation.lines.map((line) => `${line}\n`).join(''));
    },
    bulkStatuses: () => operations.map(({ status }) => status),
  };
}

function queryResolvers(state: ShopState, rules: ConnectionRules) {
  const nodes = shopNodes(state, rules);
  const search = (name: 'orders' | 'customers' | 'products') => (asked: ConnectionArguments) => {
    const entries = {
      orders: () =>
        [...state.orders.values()].map((order) => ({
          id: order.id,
          instantMs: Date.parse(order.updated_at),
          node: nodes.order(order),
        })),
      customers: () =>
        [...state.customers.values()].map((one) => ({
          id: one.id,
          instantMs: one.updatedAtMs,
          node: nodes.customer(one),
        })),
      products: () =>
        [...state.products.values()].map((one) => ({
          id: one.id,
          instantMs: one.updatedAtMs,
          node: nodes.product(one),
        })),
    }[name]();
    return searchConnection(entries, 'updated_at', asked, rules);
  };
  return {
    shop: { id: 'gid://shopify/Shop/690933842', name: 'Fixture Records' },
    orders: search('orders'),
    customers: search('customers'),
    products: search('products'),
    events(asked: ConnectionArguments) {
      const type = /subject_type:(\w+)/.exec(asked.query ?? '')?.[1];
      const entries = state.deletions
        .filter(({ subject_type }) => type === undefined || subject_type.toUpperCase() === type)
        .map((one) => ({ id: one.id, instantMs: Date.parse(one.created_at), node: nodes.deletion(one) }));
      return searchConnection(entries, 'created_at', asked, rules);
    },
    node({ id }: { id: string }) {
      const number = BigInt(/\d+$/.exec(id)?.[0] ?? 0);
      const [order, product] = [state.orders.get(number), state.products.get(number)];
      if (id.includes('/Order/') && order !== undefined) return nodes.order(order);
      if (id.includes('/Product/') && product !== undefined) return nodes.product(product);
      for (const [orderId, refunds] of state.refunds)
        for (const refund of refunds)
          if (refund.id === number) return nodes.refund(refund, state.orders.get(orderId)?.currency ?? 'EUR');
      return null;
    },
  };
}

/** Each object a line; those of its connections below it, with its id. */
function linesOf(data: Readonly<Record<string, unknown>>): string[] {
  const lines: string[] = [];
  const write = (node: Readonly<Record<string, unknown>>, parentId: unknown): void => {
    const members = Object.entries(node);
    const own = members.filter(([, value]) => !isConnection(value));
    lines.push(
      JSON.stringify({ ...Object.fromEntries(own), ...(parentId !== undefined && { __parentId: parentId }) }),
    );
    for (const [, value] of members)
      if (isConnection(value)) for (const edge of value.edges) write(edge.node, node['id']);
  };
  for (const value of Object.values(data))
    if (isConnection(value)) for (const edge of value.edges) write(edge.node, undefined);
  return lines;
}

function isConnection(value: unknown): value is { edges: { node: Record<string, unknown> }[] } {
  return typeof value === 'object' && value !== null && 'edges' in value;
}

function userError(code: string) {
  return { field: null, message: 'told by the fixture', code };
}
