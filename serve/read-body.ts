import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { PipelineError } from '../core/errors/index.js';
import { limits } from '../core/limits.js';

const unzip = promisify(gunzip);

/** Counts the bytes of all bodies that are held, so that many slow senders cannot fill the memory. */
export interface BodyBudget {
  readonly maxBytes: number;
  heldBytes: number;
  /** Time in which a body has to be whole. Default `gatewayRequestTimeoutMs`. */
  readonly timeoutMs?: number;
}

/** A body that is whole. */
export interface HeldBody {
  readonly bytes: Buffer;
  /** Gives its bytes back to the budget. */
  release(): void;
}

/** The sender went away before the body was whole; nobody is left to answer. */
export class SenderGone extends Error {}

/** Which bodies an address takes. */
export interface BodyRules {
  /** The first one is assumed where the request names none; `application/json` stands for all types ending in `+json` too. */
  readonly types: readonly string[];
  readonly encodings: readonly string[];
  readonly maxBytes: number;
  /** Taken without a body too, as a request is that names no length (RFC 9112, 6.3). */
  readonly mayLackBody?: boolean;
}

/**
 * Refuses a request by its head alone: method and address are right already.
 *
 * @throws PipelineError GATEWAY_MEDIA_TYPE, GATEWAY_LENGTH_REQUIRED, GATEWAY_TOO_LARGE
 */
export function checkBodyHead(request: IncomingMessage, rules: BodyRules): void {
  const { types, encodings, maxBytes, mayLackBody = false } = rules;
  const { headers } = request;
  const [usual = 'application/json'] = types;
  const type = headers['content-type'] ?? usual;
  if (type !== usual && !types.includes(plainType(type)))
    throw new PipelineError('GATEWAY_MEDIA_TYPE', { what: 'This content type', supported: usual });
  const encoding = headers['content-encoding']?.toLowerCase() ?? 'identity';
  if (!encodings.includes(encoding))
    throw new PipelineError('GATEWAY_MEDIA_TYPE', {
      what: 'This content encoding',
      supported: encodings.join(' or '),
    });
  const length = headers['content-length'];
  if (!mayLackBody && length === undefined && headers['transfer-encoding'] === undefined)
    throw new PipelineError('GATEWAY_LENGTH_REQUIRED');
  if (Number(length ?? 0) > maxBytes) throw tooLarge(maxBytes);
}

function plainType(header: string): string {
  const type = header.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  return /^application\/[\w.-]+\+json$/.test(type) ? 'application/json' : type;
}

/**
 * The body as sent. Its bytes stay in the budget until `release`.
 *
 * @throws PipelineError GATEWAY_TOO_LARGE, GATEWAY_TIMEOUT, GATEWAY_UNAVAILABLE
 * @throws SenderGone
 */
export function readBody(request: IncomingMessage, budget: BodyBudget, maxBytes: number): Promise<HeldBody> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let isDone = false;
    const fail = (error: () => Error) => {
      if (isDone) return;
      isDone = true;
      clearTimeout(timer);
      budget.heldBytes -= size;
      request.removeListener('data', take);
      reject(error());
    };
    const take = (chunk: Buffer) => {
      size += chunk.length;
      budget.heldBytes += chunk.length;
      if (size > maxBytes) fail(() => tooLarge(maxBytes));
      else if (budget.heldBytes > budget.maxBytes)
        fail(() => new PipelineError('GATEWAY_UNAVAILABLE', { reason: 'too many large requests at once' }));
      else chunks.push(chunk);
    };
    const allowedMs = budget.timeoutMs ?? limits.gatewayRequestTimeoutMs;
    // A body that came with its head is whole before the next microtask, and needs no timer.
    let timer: NodeJS.Timeout | undefined;
    queueMicrotask(() => {
      if (isDone || request.complete) return;
      timer = setTimeout(() => fail(() => new PipelineError('GATEWAY_TIMEOUT', { allowedMs })), allowedMs);
    });
    request.on('data', take);
    request.on('end', () => {
      if (isDone) return;
      isDone = true;
      clearTimeout(timer);
      const bytes = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, size);
      resolve({ bytes, release: () => void (budget.heldBytes -= size) });
    });
    request.on('error', () => fail(() => new SenderGone()));
    request.on('close', () => fail(() => new SenderGone()));
  });
}

/** @throws PipelineError GATEWAY_TOO_LARGE, GATEWAY_REQUEST_INVALID */
export async function decompress(
  bytes: Buffer,
  encoding: string | undefined,
  maxBytes: number = limits.gatewayBodyMaxBytes,
): Promise<Buffer> {
  if (encoding?.toLowerCase() !== 'gzip') return bytes;
  try {
    return await unzip(bytes, { maxOutputLength: maxBytes });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxBytes);
    throw new PipelineError('GATEWAY_REQUEST_INVALID', { reason: 'the body is not whole gzip' });
  }
}

/** Limits of bodies; an answer names the one that was passed. */
const bodyLimits = [
  'gatewayBodyMaxBytes',
  'webhookBodyMaxBytes',
  'apiBodyMaxBytes',
  'pushBodyMaxBytes',
  'pushFileMaxBytes',
] as const;

/** The refusal of a body that is larger than allowed. */
export function tooLarge(allowed: number): PipelineError {
  const limit = bodyLimits.find((name) => limits[name] === allowed) ?? 'gatewayBodyMaxBytes';
  return new PipelineError('GATEWAY_TOO_LARGE', { what: 'The body', limit, allowed });
}
