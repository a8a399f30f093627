import type { IncomingMessage } from 'node:http';
import { PipelineError } from '../core/errors/index.js';
import { endedRunView } from '../core/hooks.js';
import {
  runStates,
  type EndedFilter,
  type EndPlace,
  type RunRecord,
  type RunState,
} from '../core/run/ledger.js';
import { limits } from '../core/limits.js';
import type { ApiCallers } from './api-callers.js';
import type { Answer } from './http-answer.js';

/** Reads ended runs from the run ledger. @throws PipelineError OPS_UNAVAILABLE */
export type ReadEndedRuns = (filter: EndedFilter) => Promise<readonly RunRecord[]>;

export interface PollApiOptions {
  readonly callers: ApiCallers;
  readonly endedRuns: ReadEndedRuns;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/**
 * `GET /api/runs`: the runs that ended, for platforms that ask instead of being told. Without `after` the newest come first;
 * with it, those after that place, the oldest first, and `next` is where the reader goes on. A reader that has seen all goes
 * on a little earlier, since the end of a run may be recorded late: it meets runs again, and knows them by their `id`.
 */
export class PollApi {
  readonly #options: PollApiOptions;

  constructor(options: PollApiOptions) {
    this.#options = options;
  }

  /** @throws PipelineError API_*, GATEWAY_*, OPS_UNAVAILABLE */
  async answer(request: IncomingMessage): Promise<Answer> {
    if (request.method !== 'GET') throw new PipelineError('GATEWAY_METHOD', { allowed: 'GET' });
    const caller = await this.#options.callers.authenticate(request.headers);
    const { dag, ...wanted } = readQuery(new URLSearchParams(request.url?.split('?')[1] ?? ''));
    if (dag !== undefined) caller.assertMayUse(dag);
    const dagIds = dag === undefined ? caller.dagIds : [dag];
    const asked = this.#options.now();
    const found =
      dagIds?.length === 0
        ? []
        : await this.#options.endedRuns({
            ...wanted,
            limit: wanted.limit + 1,
            ...(dagIds && { dagIds }),
          });
    const runs = found.slice(0, wanted.limit);
    const hasMore = found.length > wanted.limit;
    const last = wanted.after === undefined ? runs[0] : runs.at(-1);
    const isBehind = hasMore && wanted.after !== undefined;
    const next = nextPlace(last, wanted.after, isBehind, asked);
    return { status: 200, body: { runs: runs.map(endedRunView), next: encodePlace(next), hasMore } };
  }
}

/** Where a reader goes on: behind what it has, or, having all, a little before now, but never before where it began. */
function nextPlace(
  last: RunRecord | undefined,
  after: EndPlace | undefined,
  isBehind: boolean,
  asked: number,
): EndPlace {
  const reached = last?.endedAt === undefined ? after : placeOf(last, last.endedAt);
  if (isBehind && reached !== undefined) return reached;
  const early = new Date(asked - limits.pollOverlapMs).toISOString();
  if (reached !== undefined && reached.endedAt < early) return reached;
  return after !== undefined && after.endedAt > early ? after : { endedAt: early };
}

function placeOf({ workflowId, runId }: RunRecord, endedAt: string): EndPlace {
  return { endedAt, workflowId, runId };
}

interface Query {
  readonly dag?: string;
  readonly state?: RunState;
  readonly after?: EndPlace;
  readonly limit: number;
}

const endStates: readonly string[] = runStates.slice(-3);

/** @throws PipelineError GATEWAY_REQUEST_INVALID naming every problem */
function readQuery(query: URLSearchParams): Query {
  const problems: string[] = [];
  const known = ['dag', 'state', 'after', 'limit'];
  for (const name of query.keys())
    if (!known.includes(name)) problems.push(`"${name.slice(0, 64)}" is none of ${known.join(', ')}`);
  const [dag, state, afterText] = ['dag', 'state', 'after'].map((name) => query.get(name) ?? undefined);
  if (state !== undefined && !endStates.includes(state))
    problems.push(`"state" must be one of ${endStates.join(', ')}`);
  const after = afterText === undefined ? undefined : decodePlace(afterText);
  if (afterText !== undefined && after === undefined)
    problems.push('"after" must be the "next" of an earlier answer, or an ISO 8601 time');
  const limit = Number(query.get('limit') ?? limits.pollDefaultRuns);
  if (!Number.isInteger(limit) || limit < 1 || limit > limits.pollMaxRuns)
    problems.push(`"limit" must be a whole number from 1 to ${String(limits.pollMaxRuns)}`);
  if (problems.length > 0)
    throw new PipelineError('GATEWAY_REQUEST_INVALID', { reason: problems.join('; ') });
  return {
    limit,
    ...(dag !== undefined && { dag }),
    ...(state !== undefined && { state: state as RunState }),
    ...(after && { after }),
  };
}

function encodePlace({ endedAt, workflowId, runId }: EndPlace): string {
  const parts = workflowId === undefined ? [endedAt] : [endedAt, workflowId, runId];
  return Buffer.from(JSON.stringify(parts)).toString('base64url');
}

function decodePlace(text: string): EndPlace | undefined {
  if (/^\d{4}-\d{2}-\d{2}/.test(text)) return timeOf(text);
  try {
    const [endedAt, workflowId, runId] = JSON.parse(
      Buffer.from(text, 'base64url').toString('utf8'),
    ) as unknown[];
    const place = timeOf(endedAt);
    const isRun = typeof workflowId === 'string' && typeof runId === 'string';
    return place && isRun ? { ...place, workflowId, runId } : place;
  } catch {
    return undefined;
  }
}

function timeOf(text: unknown): EndPlace | undefined {
  const atMs = typeof text === 'string' ? Date.parse(text) : Number.NaN;
  return Number.isNaN(atMs) ? undefined : { endedAt: new Date(atMs).toISOString() };
}
