import { setTimeout as sleep } from 'node:timers/promises';
import { isPipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import { networkFailure, protocolFailure, statusFailure } from './failure.js';
import { requestScope } from './request-scope.js';
import { fetchWithinOrigin } from './send-once.js';
import type { HttpRequest } from './types.js';

/**
 * The bytes of a file of any size, as they come. Where the connection breaks, it goes on at the byte where it stopped;
 * `limits.connectorMaxTries` tries without a new byte are a failure; within a request scope they are repeats of the task.
 *
 * @throws PipelineError SOURCE_*; or the reason of `request.signal` when that was aborted
 */
export async function* httpDownload(request: HttpRequest): AsyncGenerator<Uint8Array> {
  const scope = requestScope();
  let received = 0;
  let hasNewBytes = false;
  for (let triesLeft = limits.connectorMaxTries; ;) {
    try {
      for await (const chunk of openAt(request, received)) {
        received += chunk.byteLength;
        triesLeft = limits.connectorMaxTries;
        hasNewBytes = true;
        yield chunk;
      }
      return;
    } catch (error) {
      if (request.signal.aborted) throw request.signal.reason;
      const failure = isPipelineError(error) ? error : networkFailure(request, error);
      triesLeft -= 1;
      const waitMs = failure.retryAfterMs ?? Math.random() * limits.connectorRetryBaseMs;
      if (!failure.retryable || triesLeft === 0 || waitMs > limits.connectorRetryMaxMs) throw failure;
      if (!hasNewBytes && scope?.takeRepeat() === false) throw failure;
      hasNewBytes = false;
      await sleep(waitMs, undefined, { signal: request.signal });
    }
  }
}

async function* openAt(request: HttpRequest, from: number): AsyncGenerator<Uint8Array> {
  const headers = new Headers({
    ...request.headers,
    // Positions of a range count the bytes that travel.
    'accept-encoding': 'identity',
    ...(from > 0 && { range: `bytes=${String(from)}-` }),
  });
  const response = await fetchWithinOrigin(request, headers, request.signal);
  try {
    if (!response.ok)
      throw statusFailure(request, { status: response.status, headers: new Headers([...response.headers]) });
    if (response.headers.get('content-type')?.startsWith('text/html') === true)
      throw protocolFailure(request.source, 'it sent a page for people instead of a file');
    let skip = from;
    if (response.status === 206) {
      const start = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1];
      if (start !== String(from))
        throw protocolFailure(request.source, 'it sent another part of the file than asked for');
      skip = 0;
    }
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      const kept = chunk.subarray(Math.min(skip, chunk.byteLength));
      skip -= chunk.byteLength - kept.byteLength;
      if (kept.byteLength > 0) yield kept;
    }
  } finally {
    await response.body?.cancel().catch(() => undefined);
  }
}
