import type { ReadRequest, Source } from '../../connectors/source.js';
import type { StagingStore } from '../../connectors/staging.js';
import type { JsonValue } from '../../core/json.js';

/** What one read delivered. */
export interface ReadResult {
  readonly rows: readonly string[];
  readonly deletes: readonly string[];
  readonly cursor: JsonValue | undefined;
  readonly heartbeats: number;
}

/** Reads a source to its end; without staging unless it is given. */
export async function readAll(
  source: Source,
  request: Partial<ReadRequest>,
  signal: AbortSignal = new AbortController().signal,
  staging: StagingStore = undefined as never,
): Promise<ReadResult> {
  const lines: Record<'rows' | 'deletes', string[]> = { rows: [], deletes: [] };
  let cursor: JsonValue | undefined = request.cursor;
  let heartbeats = 0;
  const whole = { stream: 'records', options: {}, connection: {}, lagMs: 0, waitMs: 0, ...request };
  for await (const batch of source.read(whole, { signal, staging, heartbeat: () => (heartbeats += 1) })) {
    const found = Buffer.from(batch.bytes ?? [])
      .toString('utf8')
      .split('\n')
      .slice(0, -1);
    if (found.length !== batch.rowCount)
      throw new Error(`batch announces ${batch.rowCount}, holds ${found.length}`);
    lines[batch.kind].push(...found);
    cursor = batch.cursor ?? cursor;
  }
  return { ...lines, cursor, heartbeats };
}

/** The code and message of what a promise rejects with; fails when it does not reject. */
export async function rejection(promise: Promise<unknown>): Promise<Error & Record<string, unknown>> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(outcome instanceof Error)) throw new Error('it did not reject with an error');
  return outcome as Error & Record<string, unknown>;
}
