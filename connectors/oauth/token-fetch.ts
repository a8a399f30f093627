import { isPipelineError, PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import { networkFailure, statusFailure } from '../http/failure.js';
import { isSafe } from './settings.js';

/** What the OAuth library asks to be sent. */
export interface TokenRequest {
  readonly method: 'GET' | 'POST';
  readonly headers: Record<string, string>;
  readonly body?: URLSearchParams | undefined;
}

/**
 * The `fetch` of the OAuth library: bounded in time and size, to https or this machine only. It ends by its own time alone:
 * a request that was given up half-way may have used up a refresh token.
 *
 * @returns a function that throws PipelineError SOURCE_UNAVAILABLE, SOURCE_RATE_LIMITED, OAUTH_REFUSED
 */
export function tokenFetch(connection: string) {
  const source = `authorization server of "${connection}"`;
  const signal = AbortSignal.timeout(limits.oauthRequestTimeoutMs);
  return async (address: string, { method, headers, body }: TokenRequest): Promise<Response> => {
    const url = new URL(address);
    if (!isSafe(address)) {
      throw new PipelineError('OAUTH_REFUSED', {
        connection,
        reason: 'the issuer names an address that is neither https nor on this machine',
      });
    }
    const request = { source, connection, url, method, signal };
    try {
      const response = await fetch(url, {
        method,
        headers,
        redirect: 'manual',
        signal,
        ...(body !== undefined && { body }),
      });
      if (isTransient(response.status)) {
        await response.body?.cancel();
        throw statusFailure(request, response);
      }
      return plainResponse(response, withTokenType(await readText(response, source), response.ok));
    } catch (error) {
      throw isPipelineError(error) ? error : networkFailure(request, error);
    }
  };
}

function isTransient(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || status >= 500;
}

/** Without `WWW-Authenticate`, so that the library reads the error code in the body. */
function plainResponse(response: Response, text: string): Response {
  const type = response.headers.get('content-type');
  const hasBody = ![204, 205, 304].includes(response.status);
  return new Response(hasBody ? text : null, {
    status: response.status,
    headers: type === null ? {} : { 'content-type': type },
  });
}

/**
 * RFC 6749 §5.1 asks for `token_type`; several vendors leave it out and mean Bearer. It knows no member without a value;
 * Mailchimp's `"scope": null` is one that is not there.
 */
function withTokenType(text: string, isOk: boolean): string {
  if (!isOk || !text.includes('"access_token"')) return text;
  try {
    const members = Object.entries(JSON.parse(text) as object).filter(([, value]) => value !== null);
    return JSON.stringify({ token_type: 'bearer', ...Object.fromEntries(members) });
  } catch {
    return text;
  }
}

async function readText(response: Response, source: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > limits.oauthAnswerMaxBytes) {
      throw new PipelineError('SOURCE_PROTOCOL', {
        source,
        reason: `the answer is larger than ${String(limits.oauthAnswerMaxBytes)} bytes`,
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size).toString('utf8');
}
