import { protocolFailure } from '../http/index.js';
import { memberAt } from '../json-page.js';
import type { Source } from '../source.js';
import { askMagento } from './api.js';
import { readMagento } from './read.js';
import { magentoConnection, magentoSettings } from './settings.js';

/**
 * A shop that runs Magento Open Source or Adobe Commerce. Connection: `url` (or `restUrl`) and keys of an integration
 * (`auth` of type `oauth1`), its token (`accessToken`) or a login of Adobe IMS (`auth` of type `oauth2`). Streams:
 * `orders`, `customers`, `products`, `creditmemos`. Source of outside facts: Adobe Commerce web API documentation, "REST
 * overview", "Search using REST endpoints", "OAuth-based authentication".
 */
export const source: Source = {
  name: 'magento',

  async *read(request, context) {
    const settings = magentoSettings(
      request.stream,
      request.connection,
      request.options,
      request.credentials,
    );
    yield* readMagento(settings, request, context);
  },

  async test(connection, { signal, credentials }) {
    const settings = magentoConnection(connection, credentials);
    const { document } = await askMagento(settings, 'store/storeViews', '', signal);
    if (!Array.isArray(document)) throw protocolFailure('magento', 'the answer is no list of store views');
    const codes = document.map((view) => memberAt(view, ['code'])).filter((code) => typeof code === 'string');
    return { detail: `Magento at ${settings.baseUrl.host}, store views ${codes.join(', ')}` };
  },
};
