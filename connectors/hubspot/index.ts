import { protocolFailure } from '../http/index.js';
import { exactTextAt } from '../json-page.js';
import type { Source } from '../source.js';
import { createHubspotApi } from './api.js';
import { readObjects } from './read.js';
import { hubspotConnection, hubspotSettings } from './settings.js';

/**
 * HubSpot's CRM. Connection: `accessToken` (of a private app) or a login (`auth`), optionally `url`. Streams: `contacts`,
 * `companies`, `deals`, `tickets`. Source of outside facts: HubSpot developer documentation, "CRM objects", "Search the
 * CRM", "Associations v4", "API usage guidelines"; paths and shapes as in its client for Node.js.
 */
export const source: Source = {
  name: 'hubspot',

  read(request, context) {
    return readObjects(
      hubspotSettings(request.stream, request.connection, request.options, request.credentials),
      request,
      context,
    );
  },

  async test(connection, { signal, credentials }) {
    const { body } = await createHubspotApi(hubspotConnection(connection, credentials), signal).get(
      '/account-info/v3/details',
    );
    const portal = exactTextAt(body, ['portalId']);
    if (portal === undefined) throw protocolFailure('hubspot', 'the answer names no account');
    return { detail: `HubSpot account ${portal}` };
  },
};
