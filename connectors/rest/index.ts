import { reshapeDeletes, withDeclaredDeletes } from '../declared-deletes.js';
import type { Source } from '../source.js';
import type { RestEndpoint } from './options.js';
import { readRest, send } from './read.js';
import { below, restConnection, restSettings } from './settings.js';

/**
 * Any HTTP API that answers in JSON, as its options declare it. Connection: `baseUrl`, optionally `auth`, `headers`,
 * `allowPrivateNetwork`, `testPath`. A stream is only a name for the logs.
 */
export const source: Source = {
  name: 'rest',

  read(request, context) {
    const { connection, endpoint } = restSettings(request.connection, request.options, request.credentials);
    const { deleted, incremental } = endpoint;
    const records = readRest(connection, endpoint, request, context);
    return withDeclaredDeletes(records, deleted, incremental?.cursorPath ?? request.cursorPath);
  },

  reshape(lines, { options, cursorPath }) {
    const { deleted, incremental } = options as unknown as RestEndpoint;
    return Promise.resolve(reshapeDeletes(lines, deleted, incremental?.cursorPath ?? cursorPath));
  },

  async test(connection, { signal, credentials }) {
    const settings = restConnection(connection, credentials);
    const url = below(settings.baseUrl, settings.testPath) as URL;
    const { status } = await send(settings, {}, { url, json: undefined }, signal);
    return { detail: `${url.host} answers with status ${String(status)}` };
  },
};
