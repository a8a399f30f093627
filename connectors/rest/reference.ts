import type { SourceRef } from '../../core/dag/dag-spec.js';
import { PipelineError } from '../../core/errors/index.js';
import type { JsonObject } from '../../core/json.js';
import type { RestEndpoint } from './options.js';
import { endpointProblems } from './settings.js';

/** What `rest` takes. */
export interface RestOptions extends RestEndpoint {
  /** Entry of `connections` in the configuration: `baseUrl` and credentials. */
  readonly connection: string;
}

/**
 * A reference to records of any HTTP API that answers in JSON. Plain data: nothing is read before a run asks for it.
 *
 * @throws PipelineError CONFIG_INVALID naming every problem
 */
export function rest({ connection, ...endpoint }: RestOptions): SourceRef {
  const options = JSON.parse(JSON.stringify(endpoint)) as JsonObject;
  const problems = endpointProblems(options);
  if (problems.length > 0) throw new PipelineError('CONFIG_INVALID', { problems });
  return { connector: 'rest', stream: endpoint.path, connection, options };
}
