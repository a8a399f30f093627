import { protocolFailure } from '../http/index.js';
import { exactTextAt, recordsAt, parsePage } from '../json-page.js';
import { lineBatch } from '../line-batch.js';
import type { Source } from '../source.js';
import { emailRows } from './email-events.js';
import { collectionUrl, klaviyoGet } from './pages.js';
import { readKlaviyo } from './read.js';
import { klaviyoConnection, klaviyoSettings } from './settings.js';

/**
 * Klaviyo. Connection: `apiKey` (a private one) or a login (`auth`), optionally `url` and `revision`. Streams: `profiles`,
 * `events`, `email-events`. Source of outside facts: Klaviyo's OpenAPI description, Get Profiles, Get Events, Get Accounts;
 * "Rate limits, status codes, and errors".
 */
export const source: Source = {
  name: 'klaviyo',

  read(request, context) {
    const { stream, connection, options, credentials } = request;
    return readKlaviyo(klaviyoSettings(stream, connection, options, credentials), request, context);
  },

  // Rows of events, as the source rejected them; of other streams lines are delivered as they are.
  reshape(lines, { stream }) {
    if (stream !== 'email-events') return Promise.resolve(undefined);
    const rows = Buffer.from(lines)
      .toString('utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => Buffer.from(line));
    const { lines: found, rejects } = emailRows(rows);
    return Promise.resolve({ ...lineBatch('rows', found, undefined), rejects });
  },

  async test(connection, { signal, credentials }) {
    const settings = klaviyoConnection(connection, credentials);
    const { body } = await klaviyoGet(settings, collectionUrl(settings, 'accounts', {}), signal);
    const [account] = recordsAt('klaviyo', parsePage('klaviyo', body), ['data']);
    const id = account === undefined ? undefined : exactTextAt(account.bytes, ['id']);
    if (id === undefined) throw protocolFailure('klaviyo', 'the answer names no account');
    return { detail: `Klaviyo account ${id}` };
  },
};
