import { Agent, fetch, type Response } from 'undici';
import { isPipelineError, PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import { networkFailure, protocolFailure, statusFailure } from './failure.js';
import type { HttpRequest, HttpResponse } from './types.js';

/** Of this package's own version of the client; the one that Node brings along may be another. */
const anyNetwork = new Agent();

/**
 * Sends one request once and reads the whole answer.
 *
 * @throws PipelineError SOURCE_UNAVAILABLE, SOURCE_RATE_LIMITED, SOURCE_AUTH, SOURCE_REFUSED, SOURCE_PROTOCOL,
 * CONFIG_INVALID; or the reason of `request.signal` when that was aborted.
 */
export async function sendOnce(request: HttpRequest): Promise<HttpResponse> {
  const timeoutMs = request.timeoutMs ?? limits.sourceRequestTimeoutMs;
  const deadline = AbortSignal.timeout(timeoutMs);
  const signal = AbortSignal.any([request.signal, deadline]);
  const explain = (error: unknown, otherwise: () => PipelineError): unknown => {
    if (request.signal.aborted) return request.signal.reason;
    if (deadline.aborted) {
      return new PipelineError('SOURCE_UNAVAILABLE', {
        source: request.source,
        reason: `no whole answer within ${timeoutMs} ms`,
      });
    }
    return isPipelineError(error) ? error : otherwise();
  };

  let response: Response;
  try {
    response = await fetchWithinOrigin(request, requestHeaders(request), signal);
  } catch (error) {
    throw explain(error, () => networkFailure(request, error));
  }
  try {
    const { status } = response;
    const headers = new Headers([...response.headers]);
    if (!response.ok) {
      const body = await readErrorBody(request, response);
      throw (
        request.explainRefusal?.({ status, headers, body }) ??
        statusFailure(request, { status, headers }, body)
      );
    }
    checkMediaType(request, response);
    const answer = { status, headers, body: await readBody(request, response) };
    const refused = request.refuse?.(answer);
    if (refused !== undefined) throw refused;
    return answer;
  } catch (error) {
    await response.body?.cancel().catch(() => undefined);
    throw explain(error, () => protocolFailure(request.source, 'the body ended early or is damaged'));
  }
}

function requestHeaders(request: HttpRequest): Headers {
  try {
    return new Headers({ ...(request.accept && { accept: request.accept }), ...request.headers });
  } catch {
    throw new PipelineError('CONFIG_INVALID', {
      problems: `connection "${request.connection ?? '-'}" holds a value that cannot be sent as an HTTP header`,
    });
  }
}

/** The answer of one request, redirects followed within the origin. */
export async function fetchWithinOrigin(
  request: HttpRequest,
  headers: Headers,
  signal: AbortSignal,
): Promise<Response> {
  let url = request.url;
  for (let redirects = 0; redirects <= limits.sourceMaxRedirects; redirects += 1) {
    request.network?.refuseLiteral(url);
    const response = await fetch(url, {
      method: request.method ?? 'GET',
      headers: [...headers],
      signal,
      redirect: 'manual',
      ...(request.body !== undefined && { body: request.body }),
      dispatcher: request.network?.agent ?? anyNetwork,
    });
    const location = response.headers.get('location');
    if (response.status < 300 || response.status > 399 || location === null) return response;
    await response.body?.cancel();
    url = redirectTarget(request, response.status, location, url);
  }
  throw protocolFailure(request.source, `more than ${limits.sourceMaxRedirects} redirects`);
}

function redirectTarget(request: HttpRequest, status: number, location: string, from: URL): URL {
  const target = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  const isRead = (request.method ?? 'GET') === 'GET';
  if (target?.origin === request.url.origin && isRead) return target;
  throw new PipelineError('SOURCE_REFUSED', {
    source: request.source,
    status,
    reason: isRead ? 'it redirects to another origin, which is never followed' : 'it redirects a write',
  });
}

function checkMediaType(request: HttpRequest, response: Response): void {
  if (request.accept === undefined) return;
  const mediaType = response.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase();
  const isJson = request.accept === 'application/json' && mediaType?.endsWith('+json') === true;
  if (mediaType !== request.accept && !isJson) {
    throw protocolFailure(
      request.source,
      `the content type is ${mediaType ?? 'absent'}, not ${request.accept}`,
    );
  }
}

/** The beginning of a refusal's body, for a source that says there what was wrong, or which limit a 429 is about. */
async function readErrorBody(request: HttpRequest, response: Response): Promise<string> {
  const isLimit = response.status === 429 && request.rateLimitWaitMs !== undefined;
  if (!isLimit && request.explainRefusal === undefined) return '';
  const maxBytes = limits.sourceErrorBodyMaxBytes;
  try {
    return Buffer.from(await readBody({ ...request, maxBytes }, response)).toString('utf8');
  } catch (error) {
    // Too long a page for people; the status still tells.
    if (isPipelineError(error)) return '';
    throw error;
  }
}

async function readBody(request: HttpRequest, response: Response): Promise<Uint8Array> {
  const maxBytes = request.maxBytes ?? limits.sourceBodyMaxBytes;
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > maxBytes) throw protocolFailure(request.source, `the body is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}
