import { memberAt } from '../json-page.js';
import type { Source } from '../source.js';
import { createGraphqlApi } from './api.js';
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
    return readGraphql(target, endpoint, request, context);
  },

  async test(connection, { signal, credentials }) {
    const target = graphqlTestTarget(connection, credentials);
    const { document } = await createGraphqlApi(target, signal)({ query: '{ __typename }' });
    return {
      detail: `${target.url.host} answers queries of ${String(memberAt(document, ['data', '__typename']))}`,
    };
  },
};
