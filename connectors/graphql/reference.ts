import type { SourceRef } from '../../core/dag/dag-spec.js';
import { PipelineError } from '../../core/errors/index.js';
import type { JsonObject } from '../../core/json.js';
import type { GraphqlEndpoint } from './options.js';
import { endpointProblems } from './settings.js';

/** What `graphql` takes. */
export interface GraphqlOptions extends GraphqlEndpoint {
  /** Entry of `connections` in the configuration: `baseUrl` and credentials. */
  readonly connection: string;
}

/**
 * A reference to records of any GraphQL API. Plain data: nothing is read before a run asks for it, but the text of the
 * query is checked at once.
 *
 * @throws PipelineError CONFIG_INVALID naming every problem, a syntax error with its line and column
 */
export function graphql({ connection, ...endpoint }: GraphqlOptions): SourceRef {
  const options = JSON.parse(JSON.stringify(endpoint)) as JsonObject;
  const problems = endpointProblems(options);
  if (problems.length > 0) throw new PipelineError('CONFIG_INVALID', { problems });
  return { connector: 'graphql', stream: endpoint.dataSelector, connection, options };
}
