export { answeredAtMs } from './answered-at.js';
export { httpDownload } from './download.js';
export { protocolFailure } from './failure.js';
export { publicNetwork, type PublicNetwork } from './public-network.js';
export { pauseForRateLimit } from './rate-limit.js';
export { nextPageUrl } from './link-header.js';
export { inRequestScope, type RequestScopeOptions } from './request-scope.js';
export { rateRulesOf } from './rate-settings.js';
export { httpRequest } from './request.js';
export { parseRetryAfter } from './retry-after.js';
export type {
  Credentials,
  HttpRequest,
  HttpResponse,
  RefusedAnswer,
  RequestRate,
  RequestTarget,
} from './types.js';
