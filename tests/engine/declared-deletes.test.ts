import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createServer, type Server } from 'node:http';
import { closeServer, listen, originOf } from '../../testing/listen.js';
import { TestProject } from '../helpers/project.js';
import { statesOf, triggerRun } from '../helpers/runs.js';

const dags = `
import { defineDag, file, rest } from 'millrace';
export const poll = defineDag({ id: 'poll', tasks: ({ extract, validate, load }) => {
  const raw = extract('pull', {
    from: rest({ connection: 'api', path: 'items', incremental: { startParam: 'since' },
      deleted: { path: 'archived', equals: [true], key: ['id'] } }),
    cursor: { path: 'updated_at' },
  });
  load('merge', validate('check', raw, { schema: 'item.v1', quarantineOver: 0 }), {
    into: 'items', key: ['id'], version: ['updated_at'] });
} });
export const snapshot = defineDag({ id: 'snapshot', tasks: ({ extract, validate, load }) => {
  const raw = extract('pull', { read: 'full', from: file.records({ path: 'snapshot.ndjson' }) });
  load('replace', validate('check', raw, { schema: 'item.v1' }), {
    into: 'snapshots', disposition: 'replace', strategy: 'staged-swap' });
} });`;
const schema = {
  $id: 'item.v1',
  type: 'object',
  required: ['id', 'name', 'updated_at'],
  properties: {
    id: { type: 'integer' },
    name: { type: 'string' },
    updated_at: { type: 'string', format: 'date-time' },
  },
};

const item = (id: number, name: string, minute: number) => ({
  id,
  name,
  updated_at: `2026-01-05T08:0${String(minute)}:00.000001Z`,
});

let project: TestProject;
let server: Server;
/** What the API answers next, whatever it is asked. */
let answer: readonly object[] = [];

beforeAll(async () => {
  server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer));
  });
  await listen(server);
  project = await TestProject.create(
    { 'deletes.ts': dags },
    {
      connections: {
        api: { connector: 'rest', baseUrl: originOf(server), allowPrivateNetwork: true },
      },
    },
  );
  project.write('schemas/item.v1.schema.json', JSON.stringify(schema));
  await project.startTemporal();
  await project.json('deploy');
  await project.startWorker();
}, 240_000);

afterAll(async () => {
  await project.close();
  await closeServer(server);
});

const runOf = async (dagId: string) => {
  expect(statesOf(await triggerRun(project, dagId))).toMatchObject({ state: 'success' });
};

describe('what an API or a file says is gone', () => {
  test('a record that a poll finds marked as deleted goes, an older insert does not revive it, a newer one does', async () => {
    const names = () => project.rows('SELECT id, name FROM items ORDER BY id');
    const poll = async (...found: readonly object[]): Promise<void> => {
      answer = found;
      await runOf('poll');
    };
    await poll(item(1, 'Ada', 1), item(2, 'Bob', 1));
    expect(await names()).toEqual([
      { id: '1', name: 'Ada' },
      { id: '2', name: 'Bob' },
    ]);
    // The marked record lacks what the schema needs: deletions skip it.
    await poll({ id: 1, archived: true, updated_at: item(1, '', 3).updated_at });
    expect(await names()).toEqual([{ id: '2', name: 'Bob' }]);
    await poll(item(1, 'late', 2), item(2, 'Bea', 4));
    expect(await names()).toEqual([{ id: '2', name: 'Bea' }]);
    await poll(item(1, 'new', 5));
    expect(await names()).toEqual([
      { id: '1', name: 'new' },
      { id: '2', name: 'Bea' },
    ]);
  }, 240_000);

  test('a full read that is loaded with replace leaves only what the snapshot holds, also none', async () => {
    const ids = () => project.rows('SELECT id FROM snapshots ORDER BY id');
    const lines = (...items: readonly object[]): string =>
      items.map((one) => `${JSON.stringify(one)}\n`).join('');
    project.write('snapshot.ndjson', lines(item(1, 'Ada', 1), item(2, 'Bob', 1)));
    await runOf('snapshot');
    expect(await ids()).toEqual([{ id: '1' }, { id: '2' }]);
    project.write('snapshot.ndjson', lines(item(2, 'Bob', 1)));
    await runOf('snapshot');
    expect(await ids()).toEqual([{ id: '2' }]);
    project.write('snapshot.ndjson', '');
    await runOf('snapshot');
    expect(await ids()).toEqual([]);
  }, 240_000);
});
