import { isPipelineError, PipelineError } from '../../core/errors/index.js';
import { withinBudget } from './request-scope.js';
import { sendOnce } from './send-once.js';
import type { Credentials, HttpRequest, HttpResponse, RequestTarget } from './types.js';

/**
 * A sender that adds what `request.credentials` says to each try. The first 401 of all tries renews the credentials and
 * repeats the request once; a second one is final.
 *
 * @throws PipelineError as `sendOnce`, those of the credentials, and OAUTH_TOKEN_USELESS
 */
export function authorizedSender(request: HttpRequest): () => Promise<HttpResponse> {
  const { credentials } = request;
  if (credentials === undefined) return () => withinBudget(request, () => sendOnce(request));
  let isRenewed = false;
  return async () => {
    let headers: Readonly<Record<string, string>> = {};
    try {
      return await withinBudget(request, async () => {
        headers = await credentials.headers(request.signal, targetOf(request));
        return sendOnce(withHeaders(request, headers));
      });
    } catch (error) {
      if (!isUnauthorized(error) || credentials.renew === undefined) throw error;
      if (isRenewed) throw useless(request);
      await credentials.renew(headers, request.signal);
      isRenewed = true;
      return await sendRenewed(request, credentials);
    }
  };
}

async function sendRenewed(request: HttpRequest, credentials: Credentials): Promise<HttpResponse> {
  try {
    return await withinBudget(request, async () =>
      sendOnce(withHeaders(request, await credentials.headers(request.signal, targetOf(request)))),
    );
  } catch (error) {
    throw isUnauthorized(error) ? useless(request) : error;
  }
}

function targetOf({ method = 'GET', url }: HttpRequest): RequestTarget {
  return { method, url };
}

function withHeaders(request: HttpRequest, headers: Readonly<Record<string, string>>): HttpRequest {
  return { ...request, headers: { ...request.headers, ...headers } };
}

/** 403 is no matter of the token's age: a new one would be refused as well. */
function isUnauthorized(error: unknown): boolean {
  return isPipelineError(error) && error.code === 'SOURCE_AUTH' && error.context['status'] === 401;
}

function useless({ source, connection, credentials }: HttpRequest): PipelineError {
  return new PipelineError('OAUTH_TOKEN_USELESS', {
    source,
    connection: connection ?? credentials?.connection ?? '-',
  });
}
