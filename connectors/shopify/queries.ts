import type { ShopifyStream } from './streams.js';

const pageInfo = 'pageInfo { hasNextPage endCursor }';

/** A page of objects by `updated_at`. Variables: `first`, `after`, `query`. */
export function pageQuery(stream: ShopifyStream): string {
  return `query($first: Int!, $after: String, $query: String) {
  ${stream.root}(first: $first, after: $after, sortKey: UPDATED_AT, query: $query) {
    nodes { ${objectFields(stream, nestedPage(stream))} }
    ${pageInfo}
  }
}`;
}

/** What is beyond the first elements of an object's nested connection. Variables: `id`, `first`, `after`. */
export function nestedQuery({ type, connection, fields }: NonNullable<ShopifyStream['nested']>): string {
  return `query($id: ID!, $first: Int!, $after: String) {
  node(id: $id) { ... on ${type} { ${connection}(first: $first, after: $after) { nodes { ${fields} } ${pageInfo} } } }
}`;
}

/** All objects, for a bulk operation, which knows connections by their edges only. */
export function bulkQuery(stream: ShopifyStream): string {
  const { nested } = stream;
  const below = nested === undefined ? '' : `${nested.connection} { edges { node { ${nested.fields} } } }`;
  return `{ ${stream.root} { edges { node { ${objectFields(stream, below)} } } } }`;
}

/** Deletions by the time they happened. Variables: `after`, `query`. */
export const deletionsQuery = `query($after: String, $query: String) {
  events(first: 100, after: $after, sortKey: CREATED_AT, query: $query) {
    nodes { id action createdAt ... on BasicEvent { subjectId subjectType } }
    ${pageInfo}
  }
}`;

/** Starts a bulk operation, objects below their parents. That is the only way in versions before 2025-07. */
export function bulkStartQuery(apiVersion: string): string {
  const grouped = apiVersion === 'unstable' || apiVersion >= '2025-07' ? ', groupObjects: true' : '';
  return `mutation($query: String!) {
  bulkOperationRunQuery(query: $query${grouped}) {
    bulkOperation { id status createdAt }
    userErrors { field code }
  }
}`;
}

/** The state of a bulk operation. Variable: `id`. */
export const bulkStateQuery = `query($id: ID!) {
  node(id: $id) { ... on BulkOperation { id status errorCode createdAt objectCount url } }
}`;

/** Stops a bulk operation that nobody waits for. Variable: `id`. */
export const bulkCancelQuery = `mutation($id: ID!) {
  bulkOperationCancel(id: $id) { bulkOperation { id status } }
}`;

function nestedPage({ nested }: ShopifyStream): string {
  if (nested === undefined) return '';
  return `${nested.connection}(first: ${String(nested.first)}) { nodes { ${nested.fields} } ${pageInfo} }`;
}

/** The nested connection belongs to the row's object, which may be a part of the object that is searched. */
function objectFields({ fields, part }: ShopifyStream, below: string): string {
  return part === undefined ? `${fields} ${below}` : `${fields} ${part.list} { ${part.fields} ${below} }`;
}
