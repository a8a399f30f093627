import type { IncomingMessage } from 'node:http';
import type { Logger } from 'pino';
import { PipelineError } from '../core/errors/index.js';
import { ApiCallers, type ApiCaller } from './api-callers.js';
import type { AlarmStore } from '../ops/alarm-book.js';
import type { HookStore } from '../ops/hook-store.js';
import type { Leases } from '../ops/leases.js';
import type { DeliveryCounter } from './delivery-counts.js';
import { startHookDeliverer } from './hook-deliverer.js';
import { HooksApi } from './hooks-api.js';
import type { Answer } from './http-answer.js';
import type { Intake } from './intake.js';
import { PollApi, type ReadEndedRuns } from './poll-api.js';
import { PushApi } from './push-api.js';
import { FileSpool } from './push-file.js';
import { RunsApi, type RunStarter } from './runs-api.js';

/** Who may use `/api/`, where runs are started, and the streams that take records and files. */
export interface ApiOptions {
  readonly callers: Readonly<Record<string, ApiCaller>>;
  readonly starter: RunStarter;
  readonly streams?: readonly string[];
  /** Where ended runs are read; without it, `/api/runs` is not there. */
  readonly endedRuns?: ReadEndedRuns;
  /** Where hooks are kept; without it, or without `endedRuns`, `/api/hooks` is not there. */
  readonly hooks?: {
    /** @throws PipelineError OPS_UNAVAILABLE */
    ops(): Promise<{ readonly hooks: HookStore; readonly leases: Leases; readonly alarms: AlarmStore }>;
    readonly allowPrivateNetwork: boolean;
  };
}

/** What the rest of the gateway gives to the API. */
export interface ApiParts {
  readonly inboxDirectory: string;
  readonly intake: Intake;
  readonly counter: DeliveryCounter;
  readonly logger: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** All that lies below `/api/`. */
export interface Api {
  /** @throws PipelineError API_*, GATEWAY_*, PUSH_DIFFERS, and those of the starter */
  answer(request: IncomingMessage): Promise<Answer>;
  /** Tells hooks no more. */
  close(): Promise<void>;
}

/** The streams of the inbox that the API writes to. */
export function apiStreams(api: ApiOptions | undefined): readonly string[] {
  return (api?.streams ?? []).map((name) => `push/${name}`);
}

/** Call this when the inbox is open. @throws PipelineError CONFIG_INVALID */
export async function createApi(
  { callers: settings, starter, streams = [], endedRuns, hooks: hookPlace }: ApiOptions,
  { inboxDirectory, intake, counter, logger, now }: ApiParts,
): Promise<Api> {
  assertKnownStreams(settings, streams);
  const callers = new ApiCallers(settings);
  const runs = new RunsApi({ callers, starter, logger });
  const spool = await FileSpool.open(inboxDirectory);
  const push = new PushApi({ callers, streams, intake, spool, counter });
  const poll = endedRuns && new PollApi({ callers, endedRuns, now });
  const hooks = endedRuns && hookPlace && new HooksApi({ callers, endedRuns, logger, ...hookPlace });
  // Without callers there are no hooks, and nobody opens the store.
  const deliverer =
    hookPlace && Object.keys(settings).length > 0
      ? startHookDeliverer({ callers, logger, ...hookPlace })
      : undefined;
  return {
    async close() {
      await deliverer?.stop();
    },
    async answer(request) {
      const path = (request.url ?? '/').split('?', 1)[0]?.split('/').slice(2).map(decode) ?? [];
      if (path[0] === 'runs' && path.length === 1 && poll !== undefined) return poll.answer(request);
      if (path[0] === 'hooks' && hooks !== undefined) return hooks.answer(path.slice(1), request);
      return path[0] === 'streams' ? push.answer(path.slice(1), request) : runs.answer(path, request);
    },
  };
}

function assertKnownStreams(callers: ApiOptions['callers'], streams: readonly string[]): void {
  const problems = Object.entries(callers).flatMap(([name, caller]) =>
    (caller.streams ?? [])
      .filter((stream) => stream !== '*' && !streams.includes(stream))
      .map(
        (stream) => `gateway.api.callers.${name}.streams names "${stream}", which gateway.api.streams lacks`,
      ),
  );
  if (problems.length > 0) throw new PipelineError('CONFIG_INVALID', { problems });
}

/** @throws PipelineError GATEWAY_REQUEST_INVALID */
function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new PipelineError('GATEWAY_REQUEST_INVALID', {
      reason: 'the address is not valid percent-encoding',
    });
  }
}
