import { expect } from '@jest/globals';
import type { ReadContext, ReadRequest, Source } from '../../connectors/source.js';
import type { JsonValue } from '../../core/json.js';
import { readAll } from './read-all.js';

/** What one read delivered, and where the one after it goes on. */
interface CutRead {
  readonly rows: readonly string[];
  readonly deletes: readonly string[];
  readonly cursor: JsonValue | undefined;
  readonly resume: JsonValue | undefined;
}

/** Requests that a server has seen, those that only open a session left out. */
export type SeenRequests = () => readonly string[];

/**
 * Reads a source whole, and then once for each place that it names: up to there, and on by a new read that is given it. Both
 * together must deliver what the whole read does, with the same cursor, and ask for nothing that it does not ask for.
 *
 * @returns how many places there are
 */
export async function expectResumes(
  source: Source,
  request: Partial<ReadRequest>,
  requests: SeenRequests,
): Promise<number> {
  const before = requests().length;
  const { rows, deletes, cursor } = await readAll(source, request);
  const asked = requests().slice(before).sort();
  for (let places = 1; ; places += 1) {
    const start = requests().length;
    const first = await readUntil(source, request, places);
    if (first === undefined) return places - 1;
    // As it comes back from a staged file.
    const resume = JSON.parse(JSON.stringify(first.resume)) as JsonValue;
    const rest = await readAll(source, { ...request, resume });
    expect([...first.rows, ...rest.rows]).toEqual(rows);
    expect([...first.deletes, ...rest.deletes]).toEqual(deletes);
    expect(rest.cursor ?? first.cursor).toEqual(cursor);
    expect(requests().slice(start).sort()).toEqual(asked);
  }
}

/** A read that is left behind the n-th place that it names; `undefined` where it names fewer. */
export async function readUntil(
  source: Source,
  request: Partial<ReadRequest>,
  places: number,
): Promise<CutRead | undefined> {
  const lines: Record<'rows' | 'deletes', string[]> = { rows: [], deletes: [] };
  let cursor: JsonValue | undefined = request.cursor;
  let found = 0;
  const whole = { stream: 'records', options: {}, connection: {}, lagMs: 0, waitMs: 0, ...request };
  const context: ReadContext = {
    signal: new AbortController().signal,
    staging: undefined as never,
    heartbeat: () => undefined,
  };
  // Left as a killed process leaves it: the source is not told that nobody reads on.
  const batches = source.read(whole, context)[Symbol.asyncIterator]();
  for (;;) {
    const { done, value: batch } = await batches.next();
    if (done === true) return undefined;
    const text = Buffer.from(batch.bytes ?? []).toString('utf8');
    lines[batch.kind].push(...text.split('\n').slice(0, -1));
    cursor = batch.cursor ?? cursor;
    if (batch.resume === undefined) continue;
    found += 1;
    if (found === places) return { ...lines, cursor, resume: batch.resume };
  }
}
