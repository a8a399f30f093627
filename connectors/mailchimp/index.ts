import { protocolFailure } from '../http/index.js';
import { memberAt } from '../json-page.js';
import { lineBatch } from '../line-batch.js';
import type { Source } from '../source.js';
import { openMailchimp } from './api.js';
import { emailRows } from './email-events.js';
import { readMailchimp } from './read.js';
import { mailchimpConnection, mailchimpSettings } from './settings.js';

/**
 * Mailchimp (Marketing API 3.0). Connection: `apiKey` or a login (`auth`), optionally `dataCenter`. Streams: `members`,
 * `campaigns`, `email-events`. Source of outside facts: https://mailchimp.com/developer/marketing/api/, and where it is silent
 * Mailchimp's own client, https://github.com/mailchimp/mailchimp-marketing-node (names of parameters, time-out, authorisation).
 */
export const source: Source = {
  name: 'mailchimp',

  async *read(request, context) {
    const { stream, connection, options, credentials } = request;
    yield* readMailchimp(mailchimpSettings(stream, connection, options, credentials), request, context);
  },

  // What happened, as the source rejected it; of other streams lines are delivered as they are.
  reshape(lines, { stream }) {
    if (stream !== 'email-events') return Promise.resolve(undefined);
    const activities = Buffer.from(lines)
      .toString('utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => Buffer.from(line));
    const { lines: found, rejects } = emailRows(activities);
    return Promise.resolve({ ...lineBatch('rows', found, undefined), rejects });
  },

  async test(connection, { signal, credentials }) {
    const api = await openMailchimp(mailchimpConnection(connection, credentials), signal);
    const { document } = await api.get('', { fields: 'account_id' });
    const id = memberAt(document, ['account_id']);
    if (typeof id !== 'string') throw protocolFailure('mailchimp', 'the answer names no account');
    return { detail: `Mailchimp account ${id} at ${api.host}` };
  },
};
