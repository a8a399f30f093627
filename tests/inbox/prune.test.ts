import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { keepInbox } from '../../activities/upkeep/inbox-upkeep.js';
import { createSource } from '../../connectors/inbox/index.js';
import { formatSequence, openSegmentName, sealedSegmentName } from '../../connectors/inbox/segments.js';
import type { DagSpec } from '../../core/dag/dag-spec.js';
import { inboxReportMark, type InboxReport } from '../../core/inbox-report.js';
import type { JsonValue } from '../../core/json.js';
import { openOpsStore, type OpsStore } from '../../ops/store.js';
import { temporaryFolder } from '../helpers/folder.js';
import { readAll } from '../sources/read-all.js';

const folder = temporaryFolder();
const dayMs = 86_400_000;
const nowMs = Date.now();
let store: OpsStore;

beforeAll(async () => {
  store = await openOpsStore({ path: join(folder, 'ops.db') });
});
afterAll(() => store.close());

const sequenceOf = (daysAgo: number) => formatSequence(BigInt(Math.floor(nowMs - daysAgo * dayMs)) * 1000n);

/** A stream with a sealed segment for each age in days, and an open one. */
function writeStream(dataDirectory: string, stream: string, ages: readonly number[]): string {
  const directory = join(dataDirectory, 'inbox', stream);
  mkdirSync(directory, { recursive: true });
  for (const age of ages) {
    const line = `${JSON.stringify({ eventId: `e-${String(age)}`, body: {} })}\n`;
    const sha256 = createHash('sha256').update(line).digest('hex');
    writeFileSync(join(directory, sealedSegmentName(sequenceOf(age), sha256)), line);
  }
  writeFileSync(join(directory, openSegmentName(sequenceOf(0))), '');
  return directory;
}

/** Ages of the sealed segments that are left, in days. */
function agesIn(directory: string): number[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.ndjson'))
    .sort()
    .map((name) => Math.round((nowMs - Number(BigInt(name.slice(0, 20)) / 1000n)) / dayMs));
}

interface Reader {
  readonly dag: string;
  readonly stream: string;
  readonly more?: readonly string[];
  readonly read?: 'full' | 'cursor';
  readonly cursor?: JsonValue;
  readonly isReconciled?: boolean;
  readonly isMapped?: boolean;
}

async function round(dataDirectory: string, readers: readonly Reader[]): Promise<InboxReport> {
  const specs = readers.map(({ dag, stream, more, read = 'cursor', isReconciled, isMapped }) => ({
    id: dag,
    groups: isMapped === true ? [{ id: 'shops', expand: {} }] : [],
    tasks: [
      {
        id: 'pull',
        kind: 'extract',
        ...(isMapped === true ? { group: 'shops' } : {}),
        config: { read, from: { connector: 'inbox', stream, options: more === undefined ? {} : { more } } },
      },
      { id: 'check', kind: 'validate', input: 'pull' },
      { id: 'store', kind: 'load', input: 'check', ...(isReconciled === true ? { reconcile: {} } : {}) },
    ],
  })) as unknown as DagSpec[];
  const report = await keepInbox({
    dataDirectory,
    deployed: () => Promise.resolve(specs),
    warehouse: {
      latestCursor: (dagId) => {
        const value = readers.find(({ dag }) => dag === dagId)?.cursor;
        return Promise.resolve(value === undefined ? undefined : { taskId: 'pull', value });
      },
    },
    store,
    retentionMs: 30 * dayMs,
  });
  if (report === undefined) throw new Error('there is an inbox');
  return report;
}

test('what every reader has loaded goes when it is old; the slowest reader keeps the rest, and nothing young goes', async () => {
  const data = join(folder, 'slowest');
  const directory = writeStream(data, 'segment', [90, 80, 60, 40, 20, 1]);
  const fast = { dag: 'fast', stream: 'segment', cursor: sequenceOf(1) };
  const report = await round(data, [fast, { dag: 'paused', stream: 'segment', cursor: sequenceOf(80) }]);
  expect(agesIn(directory)).toEqual([60, 40, 20, 1]);
  expect(report.streams).toMatchObject([
    { stream: 'segment', segments: 4, unread: 4, young: 0, removedSegments: 2 },
  ]);
  expect(JSON.parse((await store.leases.getMark(inboxReportMark)) ?? '')).toEqual(report);

  // A DAG that has loaded nothing yet keeps everything.
  await round(data, [fast, { dag: 'new', stream: 'segment' }]);
  expect(agesIn(directory)).toEqual([60, 40, 20, 1]);
  // The paused one has caught up.
  const later = await round(data, [fast, { dag: 'paused', stream: 'segment', cursor: sequenceOf(1) }]);
  expect(agesIn(directory)).toEqual([20, 1]);
  expect(later.streams).toMatchObject([{ segments: 2, unread: 0, young: 2, removedSegments: 2 }]);
  expect(readdirSync(directory).some((name) => name.endsWith('.open'))).toBe(true);
});

test.each<[string, Omit<Reader, 'dag' | 'stream'>]>([
  ['reads the whole stream each time', { read: 'full', cursor: sequenceOf(1) }],
  ['is reconciled with it', { isReconciled: true, cursor: sequenceOf(1) }],
  ['reads it in a mapped group', { isMapped: true, cursor: sequenceOf(1) }],
])('a DAG that %s keeps everything', async (name, reader) => {
  const data = join(folder, `keeps ${name}`);
  const directory = writeStream(data, 'push/orders', [90, 40, 1]);
  const report = await round(data, [{ dag: 'whole', stream: 'push/orders', ...reader }]);
  expect(agesIn(directory)).toEqual([90, 40, 1]);
  expect(report.streams[0]?.readers).toMatchObject([{ dagId: 'whole', keepsAll: expect.any(String) }]);
});

test('a stream that nobody reads stays whole; of several streams each has its own position', async () => {
  const data = join(folder, 'several');
  const mail = writeStream(data, 'webhooks/mail', [90, 60, 40, 1]);
  const shop = writeStream(data, 'webhooks/shop', [90, 60, 40, 1]);
  const nobody = writeStream(data, 'webhooks/unread', [90, 40]);
  const cursor = { 'webhooks/mail': sequenceOf(60), 'webhooks/shop': sequenceOf(90) };
  await round(data, [{ dag: 'both', stream: 'webhooks/mail', more: ['shop'], cursor }]);
  expect([mail, shop, nobody].map(agesIn)).toEqual([
    [40, 1],
    [60, 40, 1],
    [90, 40],
  ]);
});

test('the newest segment stays however old it is, so that the sequences of the stream go on from it', async () => {
  const data = join(folder, 'newest');
  const directory = writeStream(data, 'segment', [90, 80]);
  const report = await round(data, [{ dag: 'all', stream: 'segment', cursor: sequenceOf(80) }]);
  expect(agesIn(directory)).toEqual([80]);
  expect(report.streams).toMatchObject([{ segments: 1, newest: 1 }]);
});

test('a process that is killed in between leaves the youngest, readable, and the next round goes on', async () => {
  const data = join(folder, 'killed');
  const directory = writeStream(data, 'webhooks/shop', [90, 80, 70, 60, 1]);
  const script = `
    const { pruneStream } = await import('${new URL('../../dist/connectors/inbox/prune.js', import.meta.url).href}');
    await pruneStream({
      inboxDirectory: ${JSON.stringify(join(data, 'inbox'))}, stream: 'webhooks/shop',
      readThrough: '${sequenceOf(1)}', beforeMs: ${String(nowMs - 30 * dayMs)},
    });`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    env: { ...process.env, MILLRACE_FAULT_POINT: 'inbox-pruned@2' },
  });
  await once(child, 'exit');
  expect(child.signalCode).toBe('SIGKILL');
  expect(agesIn(directory)).toEqual([70, 60, 1]);
  const source = createSource({ projectDirectory: folder, dataDirectory: data });
  const rest = await readAll(source, { stream: 'webhooks/shop', cursor: sequenceOf(80) });
  expect(rest.rows.map((row) => (JSON.parse(row) as { eventId: string }).eventId)).toEqual([
    'e-70',
    'e-60',
    'e-1',
  ]);
  await round(data, [{ dag: 'all', stream: 'webhooks/shop', cursor: sequenceOf(1) }]);
  expect(agesIn(directory)).toEqual([1]);
});
