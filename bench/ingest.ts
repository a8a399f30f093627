import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { inboxLine as InboxLine } from '../serve/inbox-line.js';
import type { openInbox as OpenInbox } from '../serve/inbox-writer.js';
import type { parseJsonBody as ParseJsonBody } from '../serve/parse-json.js';
import type { readSegmentCall as ReadSegmentCall } from '../serve/segment-api.js';

/**
 * Batches of the Segment API: events a second of processor time (all threads of the process, the kernel's part included).
 * First the log writer alone (line, hash, write, sync), then with the checks of the call in front of it, which are the same
 * code as in the gateway. `npm run build && npx tsx bench/ingest.ts`
 */
const eventsPerBatch = 500;
const batches = 400;
const atOnce = 8;

const built = (path: string) => import(new URL(`../dist/serve/${path}.js`, import.meta.url).href);
const { openInbox } = (await built('inbox-writer')) as { openInbox: typeof OpenInbox };
const { inboxLine } = (await built('inbox-line')) as { inboxLine: typeof InboxLine };
const { parseJsonBody } = (await built('parse-json')) as { parseJsonBody: typeof ParseJsonBody };
const { readSegmentCall } = (await built('segment-api')) as { readSegmentCall: typeof ReadSegmentCall };

const bodies = Array.from({ length: batches }, (_, batch) => makeBatch(batch));
const bytes = bodies.reduce((sum, body) => sum + body.length, 0);
process.stdout.write(
  `${String(batches * eventsPerBatch)} events of ${(bytes / batches / eventsPerBatch).toFixed(0)} bytes, ${String(eventsPerBatch)} a batch\n`,
);
for (let round = 1; round <= 3; round += 1) {
  await measure(`round ${String(round)} log writer       `, () => undefined);
  await measure(`round ${String(round)} checks and writer`, (body) => {
    readSegmentCall('batch', parseJsonBody(body), body.length);
  });
}

async function measure(name: string, check: (body: Buffer) => void): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  const logger = pino({ level: 'silent' });
  const inbox = await openInbox({ directory, streams: ['segment'], logger });
  try {
    const cpu = process.cpuUsage();
    const startedAt = performance.now();
    let next = 0;
    const send = async () => {
      for (let body = bodies[next++]; body !== undefined; body = bodies[next++]) {
        check(body);
        const head = {
          receivedAt: new Date().toISOString(),
          source: 'segment',
          endpoint: 'batch',
          requestId: 'bench',
        };
        await inbox.append('segment', inboxLine(head, body));
      }
    };
    await Promise.all(Array.from({ length: atOnce }, send));
    const seconds = (performance.now() - startedAt) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    const events = batches * eventsPerBatch;
    process.stdout.write(
      `${name} ${(events / ((user + system) / 1e6)).toFixed(0)} events per core-second (goal: at least 300000), ${(events / seconds).toFixed(0)} events/s by the clock\n`,
    );
  } finally {
    await inbox.close();
    const kept = readdirSync(join(directory, 'segment')).reduce(
      (sum, file) => sum + statSync(join(directory, 'segment', file)).size,
      0,
    );
    if (kept < bytes) process.exitCode = 1;
    rmSync(directory, { recursive: true, force: true });
  }
}

function makeBatch(batch: number): Buffer {
  const events = Array.from({ length: eventsPerBatch }, (_, index) => ({
    type: 'track',
    messageId: `m-${String(batch)}-${String(index)}`,
    anonymousId: `a-${String(index % 97)}`,
    userId: `u-${String(index % 89)}`,
    event: 'Product Viewed',
    timestamp: new Date().toISOString(),
    properties: { product_id: `p-${String(index)}`, price: '42.50', currency: 'EUR', position: index },
    context: { page: { path: '/shop', title: 'Shop' } },
  }));
  return Buffer.from(JSON.stringify({ writeKey: 'bench', sentAt: new Date().toISOString(), batch: events }));
}
