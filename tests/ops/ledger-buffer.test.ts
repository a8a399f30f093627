import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { join } from 'node:path';
import { pino } from 'pino';
import { createLedgerBuffer, type LedgerBuffer } from '../../activities/ledger/ledger-buffer.js';
import type { LedgerBatch } from '../../core/run/ledger.js';
import { limits } from '../../core/limits.js';
import { openOpsStore, type OpsStore } from '../../ops/store.js';
import { temporaryFolder } from '../helpers/folder.js';
import { waitUntil } from '../helpers/project.js';
import { lineOf, runOf, taskOf } from './records.js';

const folder = temporaryFolder();
let files = 0;
let store: OpsStore;
let buffer: LedgerBuffer;
let logged: string[];
let batches: LedgerBatch[];
/** Injected fault: the store refuses to write while this is set. */
let isBroken: boolean;

beforeEach(async () => {
  files += 1;
  store = await openOpsStore({ path: join(folder, `${String(files)}.db`) });
  logged = [];
  batches = [];
  isBroken = false;
  const logger = pino({ level: 'warn' }, { write: (line: string) => logged.push(line) });
  const record = async (batch: LedgerBatch) => {
    if (isBroken) throw new Error('disk full');
    batches.push(batch);
    await store.ledger.record(batch);
  };
  buffer = createLedgerBuffer({ record }, { worker: 'w', logger });
});

afterEach(async () => {
  await buffer.close();
  await store.close();
});

test('writes by itself, several records at a time, each in its furthest state', async () => {
  buffer.recordRun(runOf({ state: 'success', endedAt: '2026-01-01T00:00:01.000Z' }));
  buffer.recordRun(runOf());
  buffer.recordTask(taskOf({ startedAt: '2026-01-01T00:00:00.000Z' }));
  buffer.recordTask(taskOf({ state: 'success' }));
  buffer.recordTask(taskOf());
  buffer.appendLog(lineOf(1));
  expect(batches).toHaveLength(0);
  await waitUntil('it is written', () => batches.length > 0);
  expect(batches).toEqual([
    {
      runs: [runOf({ state: 'success', endedAt: '2026-01-01T00:00:01.000Z' })],
      tasks: [taskOf({ state: 'success', startedAt: '2026-01-01T00:00:00.000Z' })],
      logs: [lineOf(1)],
    },
  ]);
});

test('writes at once when many records wait', async () => {
  for (let line = 1; line <= limits.ledgerFlushRecords; line += 1) buffer.appendLog(lineOf(line));
  await buffer.flush();
  expect(batches.reduce((sum, { logs = [] }) => sum + logs.length, 0)).toBe(limits.ledgerFlushRecords);
  expect(await store.ledger.logsOf({ ...taskOf(), limit: 10_000 })).toHaveLength(limits.ledgerFlushRecords);
});

test('a store that fails is logged, never raised, and what waited is written when it works again', async () => {
  isBroken = true;
  buffer.recordRun(runOf());
  buffer.recordTask(taskOf());
  buffer.appendLog(lineOf(1));
  await buffer.flush();
  buffer.recordRun(runOf({ state: 'failed' }));
  await buffer.flush();
  expect(logged.join()).toMatch(/disk full.*could not be written/);
  isBroken = false;
  await waitUntil('it is written', () => batches.length > 0);
  expect((await store.ledger.getRun('w'))?.state).toBe('failed');
  expect(await store.ledger.logsOf({ ...taskOf(), limit: 10 })).toEqual([lineOf(1)]);
});

test('what waits is bounded, and what was dropped is said', async () => {
  isBroken = true;
  for (let line = 1; line <= 3 * limits.ledgerMaxWaitingRecords; line += 1) buffer.appendLog(lineOf(line));
  buffer.recordRun(runOf());
  await buffer.flush();
  isBroken = false;
  await buffer.flush();
  await buffer.flush();
  const kept = batches.reduce((sum, { logs = [] }) => sum + logs.length, 0);
  expect(kept).toBeLessThanOrEqual(limits.ledgerMaxWaitingRecords);
  expect(kept).toBeGreaterThan(limits.ledgerMaxWaitingRecords / 4);
  const dropped = logged.map((line) => (JSON.parse(line) as { dropped?: number }).dropped ?? 0);
  expect(dropped.reduce((sum, count) => sum + count, 0) + kept).toBe(3 * limits.ledgerMaxWaitingRecords);
  expect(await store.ledger.getRun('w')).toEqual(runOf());
});

test('closing writes what waits', async () => {
  buffer.recordRun(runOf());
  await buffer.close();
  expect(await store.ledger.getRun('w')).toEqual(runOf());
});

test('the reason of a wait does not stay with a try that went on meanwhile', async () => {
  buffer.recordTask(taskOf({ state: 'deferred', errorCode: 'SOURCE_RATE_LIMITED', errorMessage: 'wait' }));
  buffer.recordTask(taskOf({ state: 'running' }));
  await buffer.flush();
  expect(batches.at(-1)?.tasks).toEqual([taskOf({ state: 'running' })]);
});
