import { networkFailure } from '../connectors/http/failure.js';
import { parseRetryAfter, publicNetwork } from '../connectors/http/index.js';
import { fetchWithinOrigin } from '../connectors/http/send-once.js';
import { standardHeaders } from '../connectors/standard-webhooks/signer.js';
import { isPipelineError } from '../core/errors/index.js';
import { limits } from '../core/limits.js';

export interface HookDelivery {
  readonly url: string;
  readonly secret: string;
  readonly eventId: string;
  readonly body: string;
  readonly allowPrivateNetwork: boolean;
  readonly signal: AbortSignal;
}

const privateProblem =
  'its host lies in a private network, which gateway.api.hooks.allowPrivateNetwork has to allow';

/** What came of a delivery; no status where there was no answer. */
export type HookAnswer =
  | { readonly isTaken: true; readonly status: number }
  | {
      readonly isTaken: false;
      readonly status?: number;
      readonly retryAfterMs?: number;
      readonly problem: string;
    };

/**
 * POSTs one event to a hook, signed as Standard Webhooks asks, once; what the answer says beside its status is not read.
 * Throws the reason of `signal` only.
 */
export async function sendHook(delivery: HookDelivery): Promise<HookAnswer> {
  const { secret, eventId: id, body, allowPrivateNetwork } = delivery;
  const deadline = AbortSignal.timeout(limits.hookTimeoutMs);
  const signal = AbortSignal.any([delivery.signal, deadline]);
  const request = {
    source: 'the hook',
    url: new URL(delivery.url),
    method: 'POST' as const,
    body,
    signal,
    ...(!allowPrivateNetwork && { network: publicNetwork }),
  };
  const headers = new Headers({
    'content-type': 'application/json',
    'user-agent': 'millrace',
    ...standardHeaders({ id, body, at: new Date() }, secret),
  });
  try {
    const response = await fetchWithinOrigin(request, headers, signal);
    await response.body?.cancel().catch(() => undefined);
    const { status, ok } = response;
    if (ok) return { isTaken: true, status };
    const retryAfterMs = parseRetryAfter(response.headers.get('retry-after'), Date.now());
    return {
      isTaken: false,
      status,
      problem: `it answered ${String(status)}`,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    };
  } catch (error) {
    delivery.signal.throwIfAborted();
    if (deadline.aborted)
      return { isTaken: false, problem: `no answer within ${String(limits.hookTimeoutMs)} ms` };
    const known = isPipelineError(error) ? error : networkFailure(request, error);
    const isPrivate = known.code === 'SOURCE_PRIVATE_NETWORK';
    return { isTaken: false, problem: isPrivate ? privateProblem : known.message };
  }
}
