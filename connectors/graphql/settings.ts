import { PipelineError } from '../../core/errors/index.js';
import type { JsonObject, JsonValue } from '../../core/json.js';
import { deletedPaths, deletedProblems } from '../declared-deletes.js';
import type { Credentials } from '../http/index.js';
import { optionProblems, typedProblems } from '../option-problems.js';
import { pathOf } from '../rest/paths.js';
import { below, connectionProblems, restConnection, type RestConnection } from '../rest/settings.js';
import type { GraphqlTarget } from './api.js';
import { queryProblems } from './check-query.js';
import { endpointSchema, paginatorSchemas } from './option-schema.js';
import type { GraphqlEndpoint } from './options.js';
import { paginatorPaths, paginatorVariables } from './paginators.js';

const defaultPath = 'graphql';

/**
 * What is wrong with the options of a read, a sentence each; an empty list where nothing is. Looks at no connection, so
 * a DAG file can be told when it is loaded.
 */
export function endpointProblems(options: JsonObject): string[] {
  const problems = optionProblems(endpointSchema, options, 'graphql');
  const { paginator, path, variables = {} } = options;
  if (isObject(paginator)) problems.push(...typedProblems(paginatorSchemas, paginator, 'graphql.paginator'));
  if (typeof path === 'string' && below(new URL('https://host.invalid/base/'), path) === undefined)
    problems.push(
      'graphql.path must be a path below the baseUrl of the connection, without "..", "?" and "#"',
    );
  problems.push(...deletedProblems(options['deleted'], 'graphql.deleted'));
  if (problems.length > 0) return problems;
  const endpoint = options as unknown as GraphqlEndpoint;
  const { startVariable, endVariable } = endpoint.incremental ?? {};
  const set = [...paginatorVariables(endpoint.paginator), startVariable, endVariable].filter(
    (name) => name !== undefined,
  );
  for (const name of set)
    if (Object.hasOwn(variables as object, name))
      problems.push(`graphql.variables: "${name}" gets its value from the paginator or the cursor`);
  const found = queryProblems(endpoint.query, {
    ...(endpoint.operationName !== undefined && { operationName: endpoint.operationName }),
    variables: [...set, ...Object.keys(variables as object)],
    paths: [recordPath(endpoint), ...paginatorPaths(endpoint), ...markedPaths(endpoint)],
  });
  return [...problems, ...found.map((problem) => `graphql.query: ${problem}`)];
}

/** @throws PipelineError CONFIG_INVALID naming every problem of the options and of the connection, never a value */
export function graphqlSettings(
  connection: JsonObject,
  options: JsonObject,
  credentials?: Credentials,
): { readonly target: GraphqlTarget; readonly endpoint: GraphqlEndpoint } {
  const problems = [...connectionProblems(connection, credentials), ...endpointProblems(options)];
  if (problems.length > 0) throw new PipelineError('CONFIG_INVALID', { problems });
  const endpoint = options as unknown as GraphqlEndpoint;
  return {
    target: targetOf(restConnection(connection, credentials), endpoint.path ?? defaultPath),
    endpoint,
  };
}

/** Where `connections test` asks. @throws PipelineError CONFIG_INVALID naming every problem, never a value */
export function graphqlTestTarget(connection: JsonObject, credentials?: Credentials): GraphqlTarget {
  const checked = restConnection(connection, credentials);
  return targetOf(checked, checked.testPath === '' ? defaultPath : checked.testPath);
}

/** Where records lie below `data`: of a list named `edges`, in the `node` of each. */
function recordPath({ dataSelector }: GraphqlEndpoint): readonly string[] {
  const path = pathOf(dataSelector);
  return path.at(-1) === 'edges' ? [...path, 'node'] : path;
}

/** Where the answer has to hold what deletions are known by. */
function markedPaths(endpoint: GraphqlEndpoint): readonly (readonly string[])[] {
  const record = recordPath(endpoint);
  return endpoint.deleted === undefined
    ? []
    : deletedPaths(endpoint.deleted).map((path) => [...record, ...pathOf(path)]);
}

function targetOf(
  { baseUrl, headers, query, credentials, network }: RestConnection,
  path: string,
): GraphqlTarget {
  const url = below(baseUrl, path) as URL;
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return {
    source: 'graphql',
    url,
    headers,
    ...(credentials !== undefined && { credentials }),
    ...(network !== undefined && { network }),
  };
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
