export { protocolFailure } from './failure.js';
export { nextPageUrl } from './link-header.js';
export { httpRequest } from './request.js';
export { parseRetryAfter } from './retry-after.js';
export type { Credentials, HttpRequest, HttpResponse } from './types.js';
