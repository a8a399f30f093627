import { reshapeDeletes, withDeclaredDeletes } from '../declared-deletes.js';
import { memberAt } from '../json-page.js';
import type { Source } from '../source.js';
import { createGraphqlApi } from './api.js';
import type { GraphqlEndpoint } from './options.js';
import { readGraphql } from './read.js';
import { graphqlSettings, graphqlTestTarget } from './settings.js';

/**
 * Any GraphQL API, as its options declare it. Connection: as that of `rest`. A stream is only a name for the logs. Source
 * of outside facts: GraphQL specification, "Response"; GraphQL over HTTP; "Relay Cursor Connections Specification".
 */
export const source: Source = {
  name: 'graphql',

  read(request, context) {
    const { target, endpoint } = graphqlSettings(request.connection, request.options, request.credentials);
    const { deleted, incremental } = endpoint;
    const records = readGraphql(target, endpoint, request, context);
    return withDeclaredDeletes(records, deleted, incremental?.cursorPath ?? request.cursorPath);
  },

  reshape(lines, { options, cursorPath }) {
    const { deleted, incremental } = options as unknown as GraphqlEndpoint;
    return Promise.resolve(reshapeDeletes(lines, deleted, incremental?.cursorPath ?? cursorPath));
  },

  async test(connection, { signal, credentials }) {
    const target = graphqlTestTarget(connection, credentials);
    const { document } = await createGraphqlApi(target, signal)({ query: '{ __typename }' });
    return {
      detail: `${target.url.host} answers queries of ${String(memberAt(document, ['data', '__typename']))}`,
    };
  },
};
