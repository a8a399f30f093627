import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { limits } from '../../core/limits.js';
import type { Manifest } from '../../core/loading/manifest.js';
import { createRestServer, type RestServer } from '../../testing/index.js';
import { rowSchema } from '../engine/dag-files.js';
import { TestProject, waitUntil } from '../helpers/project.js';

const pages = 10;
const pageRecords = 10;

/** A DAG that reads the fixture; its name is in every request. */
const dagOf = (id: string) => `
import { defineDag, rest } from 'millrace';
export default defineDag({
  id: '${id}',
  defaultArgs: { retries: 100, retryDelay: '200ms', maxRetryDelay: '1s' },
  tasks: ({ extract, validate, load }) => {
    const raw = extract('pull', {
      from: rest({ connection: 'api', path: 'v1/offset', dataSelector: 'data', params: { of: '${id}' },
        paginator: { type: 'offset', limit: ${String(pageRecords)}, totalPath: 'total' } }),
    });
    load('store', validate('check', raw, { schema: 'item.v1', quarantineOver: 0 }), {
      into: '${id}', key: ['id'], version: ['updated_at'] });
  },
});`;

const ids = ['whole', 'killed', 'stopped', 'outage'] as const;
type DagId = (typeof ids)[number];

const item = JSON.parse(rowSchema) as { properties: { id: object; at: object } };
const { id: text, at: instant } = item.properties;
const itemSchema = JSON.stringify({
  ...item,
  $id: 'item.v1',
  required: ['id', 'updated_at'],
  properties: { id: { ...text, type: 'integer', 'x-type': 'int64' }, label: text, updated_at: instant },
});

let server: RestServer;
let project: TestProject;

beforeAll(async () => {
  server = await createRestServer({ seed: 5, records: pages * pageRecords, pageMaxRecords: pageRecords });
  project = await TestProject.create(Object.fromEntries(ids.map((id) => [`${id}.ts`, dagOf(id)])), {
    connections: {
      api: {
        connector: 'rest',
        baseUrl: server.url,
        auth: { type: 'bearer', token: server.token },
        allowPrivateNetwork: true,
      },
    },
  });
  project.write('schemas/item.v1.schema.json', itemSchema);
  await project.startTemporal();
  await project.json('deploy');
}, 300_000);

afterAll(() => server.close());

/** First records of the pages that a DAG has asked for. */
function asked(id: DagId): number[] {
  return server
    .requests()
    .map((request) => new URL(request, server.url).searchParams)
    .filter((params) => params.get('of') === id)
    .map((params) => Number(params.get('offset')));
}

const pagesFrom = (first: number, count: number): number[] =>
  Array.from({ length: count }, (_, index) => (first + index) * pageRecords);

async function begin(id: DagId): Promise<string> {
  return (await project.json<{ workflowId: string }>('dag', 'trigger', id)).workflowId;
}

async function withRun<Result>(
  workflowId: string,
  work: (run: WorkflowHandle) => Promise<Result>,
): Promise<Result> {
  const connection = await Connection.connect({ address: `127.0.0.1:${String(project.temporalPort)}` });
  try {
    return await work(new Client({ connection }).workflow.getHandle(workflowId));
  } finally {
    await connection.close();
  }
}

/** What the reading task said last, as the Temporal server knows it. */
function heartbeatOf(workflowId: string): Promise<Record<string, unknown>> {
  return withRun(workflowId, async (run) => {
    const { raw } = await run.describe();
    const data = raw.pendingActivities?.[0]?.heartbeatDetails?.payloads?.[0]?.data;
    // Beside the count of throttled tries.
    const { own = {} } = data
      ? (JSON.parse(Buffer.from(data).toString('utf8')) as { own?: Record<string, unknown> })
      : {};
    return own;
  });
}

/** Waits for the end of the run; its table and its manifest must be those of a read that nothing disturbed. */
async function expectWhole(id: DagId, workflowId: string): Promise<void> {
  const result: unknown = await withRun(workflowId, (run) => run.result());
  expect(result).toMatchObject({ state: 'success' });
  const columns = 'id, label, updated_at';
  const [{ n } = { n: '' }] = await project.rows(`SELECT count(*) AS n FROM ${id}`);
  expect(n).toBe(String(server.truth().length));
  expect(await project.rows(`SELECT ${columns} FROM ${id} EXCEPT SELECT ${columns} FROM whole`)).toEqual([]);
  const manifest = (await project.results(workflowId))['pull'] as Manifest;
  const { contentHash, files, counts } = (await project.results(wholeRun))['pull'] as Manifest;
  expect(manifest).toMatchObject({ contentHash, files, counts });
}

let wholeRun = '';

describe('a read that is cut goes on at the page where it was', () => {
  test('when its worker is killed, or is stopped, or the source is down for longer than a try', async () => {
    let worker = await project.startWorker();
    wholeRun = await begin('whole');
    await expectWhole('whole', wholeRun);
    expect(asked('whole')).toEqual(pagesFrom(0, pages));

    // Behind the late page it is time to note where the read is.
    server.failNext(
      ...Array.from({ length: 4 }, () => ({ kind: 'none' as const })),
      { kind: 'slow', delayMs: limits.resumeEveryMs + 1_000 },
      { kind: 'hang' },
    );
    const killed = await begin('killed');
    await waitUntil('five pages are noted, and the sixth is asked for', async () => {
      const { rows, checkpoint } = await heartbeatOf(killed);
      return rows === 5 * pageRecords && checkpoint !== undefined && asked('killed').length > 5;
    });
    const details = JSON.stringify(await heartbeatOf(killed));
    expect(details).not.toContain(server.url);
    await worker.end('SIGKILL');
    worker = await project.startWorker();
    await expectWhole('killed', killed);
    expect(asked('killed').slice(0, 5)).toEqual(pagesFrom(0, 5));
    expect(new Set(asked('killed').slice(5))).toEqual(new Set(pagesFrom(5, pages - 5)));

    server.failNext(...Array.from({ length: 3 }, () => ({ kind: 'none' as const })), { kind: 'hang' });
    const stopped = await begin('stopped');
    await waitUntil('the fourth page is asked for', () => asked('stopped').length > 3);
    await worker.end('SIGTERM');
    await project.startWorker();
    await expectWhole('stopped', stopped);
    expect(asked('stopped').slice(0, 3)).toEqual(pagesFrom(0, 3));
    expect(new Set(asked('stopped').slice(3))).toEqual(new Set(pagesFrom(3, pages - 3)));

    server.failNext(
      ...Array.from({ length: 4 }, () => ({ kind: 'none' as const })),
      ...Array.from({ length: 3 * limits.connectorMaxTries }, () => ({
        kind: 'status' as const,
        status: 503,
      })),
    );
    const outage = await begin('outage');
    await expectWhole('outage', outage);
    expect(asked('outage').slice(0, 4)).toEqual(pagesFrom(0, 4));
    expect(new Set(asked('outage').slice(4))).toEqual(new Set(pagesFrom(4, pages - 4)));
  }, 600_000);
});
