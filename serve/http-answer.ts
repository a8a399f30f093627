import type { ServerResponse } from 'node:http';
import { isPipelineError, PipelineError, type ErrorCode } from '../core/errors/index.js';
import { limits } from '../core/limits.js';

/** HTTP status of each refusal; what is not listed is our own fault. */
const statuses: Partial<Record<ErrorCode, number>> = {
  GATEWAY_REQUEST_INVALID: 400,
  GATEWAY_WRITE_KEY: 401,
  GATEWAY_SIGNATURE: 401,
  GATEWAY_NOT_FOUND: 404,
  GATEWAY_METHOD: 405,
  GATEWAY_TIMEOUT: 408,
  GATEWAY_LENGTH_REQUIRED: 411,
  GATEWAY_TOO_LARGE: 413,
  GATEWAY_MEDIA_TYPE: 415,
  GATEWAY_BUSY: 429,
  GATEWAY_NO_KEY: 503,
  GATEWAY_UNAVAILABLE: 503,
  API_CALLER: 401,
  API_FORBIDDEN: 403,
  API_RUN_DIFFERS: 409,
  HOOK_LIMIT: 409,
  HOOK_NOT_FOUND: 404,
  SECRET_KEYS_MISSING: 503,
  PUSH_DIFFERS: 409,
  DAG_NOT_FOUND: 404,
  RUN_NOT_FOUND: 404,
  PARAMS_INVALID: 422,
  TEMPORAL_UNAVAILABLE: 503,
  OPS_UNAVAILABLE: 503,
};

/** Status, JSON body and headers of an answer. */
export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>> | readonly unknown[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** The answer to a request that failed; an error that is not catalogued shows nothing of itself. */
export function errorAnswer(error: unknown): Answer {
  const known = isPipelineError(error)
    ? error
    : new PipelineError('INTERNAL', { where: 'the gateway', reason: 'see its log' });
  const status = statuses[known.code] ?? 500;
  const retryAfterMs = known.retryAfterMs ?? (status === 503 ? limits.gatewayRetryAfterMs : undefined);
  return {
    status,
    body: { error: { code: known.code, message: known.message } },
    headers: {
      ...(retryAfterMs !== undefined && { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) }),
      ...(status === 401 && { 'www-authenticate': 'Basic realm="millrace"' }),
      ...(status === 405 && { allow: String(known.context['allowed'] ?? '') }),
      // The rest of a refused body is not read, so the connection cannot serve another request.
      ...([400, 401, 408, 413, 415].includes(status) || status >= 500 ? { connection: 'close' } : {}),
    },
  };
}

/** What is written for a body, with the headers that depend on it alone. */
interface Written {
  readonly text: string;
  readonly headers: Readonly<Record<string, string | number>>;
}

const constants = new WeakMap<Answer['body'], Written>();

/** A body as it is written; a constant one is made once. */
function written(body: Answer['body']): Written {
  const known = constants.get(body);
  if (known !== undefined) return known;
  const text = JSON.stringify(body);
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'x-content-type-options': 'nosniff',
  };
  if (Object.isFrozen(body)) constants.set(body, { text, headers });
  return { text, headers };
}

/** Writes an answer; a connection that is gone is nobody's error. */
export function send(
  response: ServerResponse,
  { status, body, headers }: Answer,
  isOpenToPages: boolean,
): void {
  if (response.headersSent || response.destroyed) return;
  const { text, headers: own } = written(body);
  const isPlain = !isOpenToPages && headers === undefined;
  response.writeHead(
    status,
    isPlain ? own : { ...own, ...(isOpenToPages && { 'access-control-allow-origin': '*' }), ...headers },
  );
  response.end(text);
}
