import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createRestServer, type RestServer } from '../../testing/index.js';
import { TestProject } from '../helpers/project.js';

const dags = `
import { defineDag, file, rest } from 'millrace';
export const people = defineDag({ id: 'people', tasks: ({ extract, load, task }) => {
  const raw = extract('read', { from: file.records({ path: 'people.ndjson', format: 'ndjson' }), read: 'full' });
  load('store', raw, { into: 'people', disposition: 'append' });
  task('tell', { run: () => null });
} });
export const items = defineDag({ id: 'items', tasks: ({ extract }) => {
  extract('pull', { from: rest({ connection: 'api', path: 'v1/offset', dataSelector: 'data',
    deleted: { path: 'label', equals: ['none'], key: ['id'], version: ['updated_at'] },
    paginator: { type: 'offset', limit: 10, totalPath: 'total' } }), read: 'full' });
} });
export const made = defineDag({ id: 'made', tasks: ({ extract }) => {
  extract('make', { read: 'interval', from: function* ({ interval }) { for (let n = 0; ; n += 1) yield { n, from: interval.start }; } });
} });
`;

interface Sample {
  readonly lines: readonly string[];
  readonly columns: readonly { readonly name: string; readonly kinds: readonly string[] }[];
}

let server: RestServer;
let project: TestProject;

beforeAll(async () => {
  server = await createRestServer({ seed: 5, records: 1_000, pageMaxRecords: 10 });
  project = await TestProject.create(
    { 'dags.ts': dags },
    {
      connections: {
        api: {
          connector: 'rest',
          baseUrl: server.url,
          auth: { type: 'bearer', token: server.token },
          allowPrivateNetwork: true,
        },
      },
    },
  );
  project.write(
    'people.ndjson',
    '{"id":9007199254740993,"name":"Ann"}\n{"id":2,"tags":["a"]}\n{"id":3,"name":null}\n',
  );
});

afterAll(() => server.close());

const sample = (...args: readonly string[]): Promise<Sample> =>
  project.json<Sample>('dag', 'sample', ...args);

describe('millrace dag sample', () => {
  test('shows the first records of a source to the digit, and the kinds of their members', async () => {
    expect(await sample('people', 'read')).toMatchObject({
      lines: ['{"id":9007199254740993,"name":"Ann"}', '{"id":2,"tags":["a"]}', '{"id":3,"name":null}'],
      columns: [
        { name: 'id', kinds: ['integer'] },
        { name: 'name', kinds: ['missing', 'null', 'string'] },
        { name: 'tags', kinds: ['array', 'missing'] },
      ],
    });
    const { stdout } = await project.run('dag', 'sample', 'people', 'read', '--rows', '1');
    expect(stdout).toContain('people/read ← file/records · records: 1, deletions: 0');
    expect(stdout).toContain('{"id":9007199254740993,"name":"Ann"}');
  });

  test('asks for no more of an API than it shows', async () => {
    const { lines } = await sample('items', 'pull', '--rows', '12');
    expect(lines).toHaveLength(12);
    expect(server.requests()).toHaveLength(2);
  });

  test('leaves a function that never ends, and gives it the interval', async () => {
    const { lines } = await sample(
      'made',
      'make',
      '--rows',
      '2',
      '--from',
      '2026-01-01',
      '--to',
      '2026-01-02',
    );
    expect(lines).toEqual([
      '{"n":0,"from":"2026-01-01T00:00:00.000Z"}',
      '{"n":1,"from":"2026-01-01T00:00:00.000Z"}',
    ]);
  });

  test('says what is no task that reads', async () => {
    const wrongTask = await project.run('dag', 'sample', 'people', 'tell');
    expect(wrongTask.stderr).toContain('Its extract tasks: read');
    const wrongDag = await project.run('dag', 'sample', 'peopel', 'read');
    expect(wrongDag.stderr).toContain('items, made, people');
    expect([wrongTask.code, wrongDag.code]).not.toContain(0);
  });
});
