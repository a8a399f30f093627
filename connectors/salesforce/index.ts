import { protocolFailure } from '../http/index.js';
import { memberAt } from '../json-page.js';
import type { Source } from '../source.js';
import { openSalesforce } from './api.js';
import { readSalesforce } from './read.js';
import { salesforceConnection, salesforceSettings } from './settings.js';

/**
 * Objects of a Salesforce org. Connection: a login (`auth`), or `url` and `accessToken`; optionally `apiVersion` and
 * `apiReservePercent`. The stream is the API name of an object. Source of outside facts: Salesforce's REST API Developer
 * Guide ("Query", "sObject Describe", "Limits"), Bulk API 2.0 Developer Guide, SOQL and SOSL Reference.
 */
export const source: Source = {
  name: 'salesforce',

  async *read(request, context) {
    const settings = salesforceSettings(
      request.stream,
      request.connection,
      request.options,
      request.credentials,
    );
    yield* readSalesforce(settings, request, context);
  },

  async test(connection, { signal, credentials }) {
    const api = await openSalesforce(salesforceConnection(connection, credentials), signal);
    const { document } = await api.get('limits');
    const [left, total] = ['Remaining', 'Max'].map((name) => memberAt(document, ['DailyApiRequests', name]));
    if (typeof left !== 'number' || typeof total !== 'number')
      throw protocolFailure('salesforce', 'the answer tells no limits');
    return { detail: `Salesforce org ${api.host}, ${left} of ${total} requests of the day left` };
  },
};
