import type { ServerResponse } from 'node:http';
import { seededRandom } from './seeded-random.js';

/** What can go wrong with one request. */
export type ShopFault =
  | { readonly kind: 'none' }
  /** 429; the header is left out when `retryAfter` is absent. */
  | { readonly kind: 'rate-limit'; readonly retryAfter?: string }
  | { readonly kind: 'status'; readonly status: number; readonly retryAfter?: string }
  /** The connection ends inside the body. */
  | { readonly kind: 'truncated' }
  /** Status 200 with a page for people. */
  | { readonly kind: 'error-page' }
  /** Status 200 with the right type and a body that is not whole JSON. */
  | { readonly kind: 'half-json' }
  /** The second half of the body comes late. */
  | { readonly kind: 'slow'; readonly delayMs: number }
  /** The second half of the body never comes. */
  | { readonly kind: 'hang' }
  | { readonly kind: 'redirect'; readonly location: string }
  /** The link to the next page leads back to this page. */
  | { readonly kind: 'loop' }
  /** Every page has a next one, and it is empty. */
  | { readonly kind: 'endless' };

/** Decides the fault of each request: first those asked for, then seeded ones. */
export interface FaultPlan {
  next(): ShopFault;
  queue(faults: readonly ShopFault[]): void;
  setSeeded(isOn: boolean): void;
}

/** About one request in six fails; never more than two in a row, as a source's own retries expect. */
export function createFaultPlan(seed: number, isSeeded: boolean): FaultPlan {
  const random = seededRandom(seed ^ 0x5eed);
  const queued: ShopFault[] = [];
  let seeded = isSeeded;
  let sinceFault = 2;
  return {
    queue: (faults) => void queued.push(...faults),
    setSeeded: (isOn) => void (seeded = isOn),
    next() {
      const asked = queued.shift();
      if (asked !== undefined) return asked;
      sinceFault += 1;
      if (!seeded || sinceFault < 2 || !random.chance(0.16)) return { kind: 'none' };
      const fault = random.pick<ShopFault>([
        { kind: 'rate-limit', retryAfter: '1' },
        { kind: 'rate-limit', retryAfter: new Date(Date.now() + 1_000).toUTCString() },
        { kind: 'rate-limit' },
        { kind: 'status', status: 500 },
        { kind: 'status', status: 502 },
        { kind: 'status', status: 503, retryAfter: '1' },
        { kind: 'truncated' },
        { kind: 'error-page' },
        { kind: 'slow', delayMs: 150 },
      ]);
      if (fault.kind === 'status' && random.chance(0.5)) queued.push(fault);
      sinceFault = 0;
      return fault;
    },
  };
}

const json = { 'content-type': 'application/json; charset=utf-8' };

/**
 * Answers with the fault instead of the body. Returns false for faults that only change paging.
 *
 * @param headers of the answer, where its body comes at least in part
 */
export function answerWithFault(
  fault: ShopFault,
  response: ServerResponse,
  body: Uint8Array,
  headers: Readonly<Record<string, string>> = json,
): boolean {
  const half = body.subarray(0, Math.floor(body.length / 2));
  switch (fault.kind) {
    case 'none':
    case 'loop':
    case 'endless':
      return false;
    case 'rate-limit':
    case 'status': {
      const status = fault.kind === 'status' ? fault.status : 429;
      response.writeHead(status, {
        ...json,
        ...(fault.retryAfter !== undefined && { 'retry-after': fault.retryAfter }),
      });
      response.end('{"errors":"try again later"}');
      return true;
    }
    case 'truncated':
      response.writeHead(200, { ...headers, 'content-length': body.length });
      response.write(half, () => response.destroy());
      return true;
    case 'error-page':
      response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Back in a minute</h1>');
      return true;
    case 'half-json':
      response.writeHead(200, headers).end(half);
      return true;
    case 'slow':
    case 'hang': {
      response.writeHead(200, { ...headers, 'content-length': body.length });
      response.write(half);
      if (fault.kind === 'hang') return true;
      const timer = setTimeout(() => response.end(body.subarray(half.length)), fault.delayMs);
      response.once('close', () => clearTimeout(timer));
      return true;
    }
    case 'redirect':
      response.writeHead(302, { location: fault.location }).end();
      return true;
  }
}
