import { isPipelineError, PipelineError } from '../core/errors/index.js';
import { limits } from '../core/limits.js';
import type { ParsedBody } from './parse-json.js';

const eventCalls = ['identify', 'track', 'page', 'screen', 'group', 'alias'] as const;

/** Calls of the Segment HTTP tracking API. Source: Segment documentation, "HTTP API Source". */
export type SegmentCall = (typeof eventCalls)[number] | 'batch';

/** Addresses of the calls: their names, `import`, which is a batch of old events, and the short forms of analytics.js. */
const addresses: Readonly<Record<string, SegmentCall>> = {
  ...Object.fromEntries(eventCalls.map((call) => [call, call])),
  batch: 'batch',
  import: 'batch',
  i: 'identify',
  t: 'track',
  p: 'page',
  s: 'screen',
  g: 'group',
  a: 'alias',
  b: 'batch',
};

/** The call of an address below `/v1/`. */
export function segmentCallAt(address: string): SegmentCall | undefined {
  return Object.hasOwn(addresses, address) ? addresses[address] : undefined;
}

/** What is wrong with one event of a call; the event is kept all the same. */
export interface EventProblem {
  readonly index: number;
  readonly code: string;
  readonly message: string;
}

/** What the gateway reads from a call. */
export interface SegmentRequest {
  readonly writeKey: unknown;
  /** Ids of the events that have one, in order. Empty where an event lacks it, so that nothing counts as a repeat. */
  readonly messageIds: readonly string[];
  readonly problems: readonly EventProblem[];
}

/**
 * Looks into a call: one event, or a batch of them. An event that lacks what the specification requires is named, and
 * goes on to the quarantine; a call that is no call is refused.
 *
 * @throws PipelineError GATEWAY_REQUEST_INVALID, GATEWAY_TOO_LARGE
 */
export function readSegmentCall(call: SegmentCall, parsed: ParsedBody, bodyBytes: number): SegmentRequest {
  const { value: body, largestInnerBytes } = parsed;
  // Of a batch, no event is larger than the largest inner value; a single call is the event itself.
  const largestBytes = call === 'batch' ? largestInnerBytes : bodyBytes;
  if (Array.isArray(body)) throw invalid('the body is an array; send an object');
  const object = body as Readonly<Record<string, unknown>>;
  const events = call === 'batch' ? object['batch'] : [object];
  if (!Array.isArray(events)) throw invalid('"batch" is not an array');
  if (events.length > limits.segmentBatchMaxEvents) {
    throw new PipelineError('GATEWAY_TOO_LARGE', {
      what: 'The number of events',
      limit: 'segmentBatchMaxEvents',
      allowed: limits.segmentBatchMaxEvents,
    });
  }
  const problems: EventProblem[] = [];
  const messageIds: string[] = [];
  for (const [index, event] of (events as unknown[]).entries()) {
    const problem = problemOf(event, call, largestBytes);
    if (problem !== undefined) problems.push({ index, code: problem.code, message: problem.message });
    const id =
      typeof event === 'object' && event !== null
        ? (event as Record<string, unknown>)['messageId']
        : undefined;
    if (typeof id === 'string' && id !== '' && id.length <= limits.segmentMessageIdMaxLength)
      messageIds.push(id);
  }
  return {
    writeKey: object['writeKey'],
    messageIds: messageIds.length === events.length ? messageIds : [],
    problems,
  };
}

function problemOf(event: unknown, call: SegmentCall, largestBytes: number): PipelineError | undefined {
  try {
    assertEvent(event, call, largestBytes);
    return undefined;
  } catch (error) {
    if (isPipelineError(error)) return error;
    throw error;
  }
}

function assertEvent(event: unknown, call: SegmentCall, largestBytes: number): void {
  const refuse = (problem: string) => new PipelineError('GATEWAY_EVENT_INVALID', { problem });
  if (typeof event !== 'object' || event === null || Array.isArray(event)) throw refuse('is not an object');
  const members = event as Record<string, unknown>;
  const { userId, anonymousId, messageId } = members;
  const type = call === 'batch' ? members['type'] : call;
  if (!(eventCalls as readonly unknown[]).includes(type)) throw refuse('has no known "type"');
  if (!isId(userId) && !isId(anonymousId)) throw refuse('has neither "userId" nor "anonymousId"');
  const needed = neededMember[type as (typeof eventCalls)[number]];
  if (needed !== undefined && !isId(members[needed]))
    throw refuse(`is a ${String(type)} call without "${needed}"`);
  if (
    messageId !== undefined &&
    (typeof messageId !== 'string' || messageId.length > limits.segmentMessageIdMaxLength)
  )
    throw refuse(
      `has a "messageId" that is no text of at most ${String(limits.segmentMessageIdMaxLength)} characters`,
    );
  if (largestBytes <= limits.segmentEventMaxBytes) return;
  const actual = Buffer.byteLength(JSON.stringify(event));
  if (actual > limits.segmentEventMaxBytes)
    throw new PipelineError('GATEWAY_EVENT_TOO_LARGE', { actual, allowed: limits.segmentEventMaxBytes });
}

/** What a type asks for besides a user. */
const neededMember: Partial<Record<(typeof eventCalls)[number], string>> = {
  track: 'event',
  group: 'groupId',
  alias: 'previousId',
};

function isId(value: unknown): boolean {
  return (typeof value === 'string' && value !== '') || typeof value === 'number';
}

function invalid(reason: string): PipelineError {
  return new PipelineError('GATEWAY_REQUEST_INVALID', { reason });
}
