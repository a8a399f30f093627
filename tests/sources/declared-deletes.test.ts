import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createServer, type Server } from 'node:http';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DeclaredDeletes } from '../../connectors/declared-deletes.js';
import { createSource } from '../../connectors/file/index.js';
import { file } from '../../connectors/file/reference.js';
import { source as graphqlSource } from '../../connectors/graphql/index.js';
import { graphql } from '../../connectors/graphql/reference.js';
import { createReplaySource } from '../../connectors/quarantine/replay-source.js';
import { source as restSource } from '../../connectors/rest/index.js';
import { rest } from '../../connectors/rest/reference.js';
import type { SourceBatch } from '../../connectors/source.js';
import { closeServer, listen, originOf } from '../../testing/listen.js';
import { temporaryFolder } from '../helpers/folder.js';
import { readAll, rejection } from './read-all.js';

const folder = temporaryFolder();
const fileSource = createSource({ projectDirectory: folder });
const { signal } = new AbortController();
let server: Server;
let answer = '';
beforeAll(async () => {
  server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(answer);
  });
  await listen(server);
});
afterAll(() => closeServer(server));

const records = `{"id":9007199254740993,"updated_at":"2026-01-01T00:00:00.000001Z","archived":false,"name":"Ada"},
  {"id":9007199254740995,"updated_at":"2026-01-02T00:00:00Z","archived":true},
  {"id":3,"updated_at":"2026-01-03T00:00:00Z","archived":null}`;
const alive = [9007199254740993n, 3n].map(String);
const gone = ['{"id":9007199254740995,"updated_at":"2026-01-02T00:00:00Z"}'];
const idsOf = (rows: readonly string[]): string[] => rows.map((row) => /"id": ?"?(\w+)/.exec(row)?.[1] ?? '');

describe('records that say that they are deleted come as deletions of key and version', () => {
  test('rest: they move the cursor, and its path is the version where none is named', async () => {
    answer = `{"data":[${records}]}`;
    const { options } = rest({
      connection: 'api',
      path: 'items',
      dataSelector: 'data',
      deleted: { path: 'archived', key: ['id'] },
    });
    const connection = { baseUrl: originOf(server), allowPrivateNetwork: true };
    const read = await readAll(restSource, { options, connection, cursorPath: 'updated_at' });
    expect(idsOf(read.rows)).toEqual(alive);
    expect(read.deletes).toEqual(gone);
    expect(read.cursor).toBe('2026-01-03T00:00:00Z');
    // Before the cursor there is nothing to delete either.
    const later = { options, connection, cursorPath: 'updated_at', cursor: '2026-01-03T00:00:00Z' };
    expect((await readAll(restSource, later)).deletes).toEqual([]);
    expect(await rejection(readAll(restSource, { options, connection }))).toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('"version"'),
    });
  });

  test('graphql: also those inside edges; the query has to ask for what the option names', async () => {
    answer = `{"data":{"items":{"edges":[${records.replaceAll('{"id"', '{"node":{"id"').replaceAll('}', '}}')}]}}}`;
    const of = (fields: string) => ({
      connection: 'api',
      query: `{ items { edges { node { ${fields} } } } }`,
      dataSelector: 'items.edges',
      deleted: { path: 'archived', equals: [true], key: ['id'], version: ['updated_at'] },
    });
    const { options } = graphql(of('id updated_at archived name'));
    const connection = { baseUrl: originOf(server), allowPrivateNetwork: true };
    const read = await readAll(graphqlSource, { options, connection });
    expect([idsOf(read.rows), read.deletes]).toEqual([alive, gone]);
    expect(() => graphql(of('id name'))).toThrow(/items\.edges\.node\.archived/);
  });

  test('file: in text the empty value is none; members that lie deeper become columns of their last name', async () => {
    const of = async (name: string, text: string, deleted: DeclaredDeletes) => {
      writeFileSync(join(folder, name), text);
      const { options } = file.records({ path: name, deleted });
      return readAll(fileSource, { options });
    };
    const csv = 'id,at,deleted_at\n1,2026-01-01,\n2,2026-01-02,2026-01-02\n';
    expect(await of('a.csv', csv, { path: 'deleted_at', key: ['id'], version: ['at'] })).toMatchObject({
      rows: ['{"line":2,"id":"1","at":"2026-01-01","deleted_at":""}'],
      deletes: ['{"id":"2","at":"2026-01-02"}'],
    });
    const ndjson =
      'no json\n{"ref":{"id":1},"meta":{"state":"gone"}}\n{"ref":{"id":2},"meta":{"state":"here"}}';
    expect(
      await of('b.ndjson', ndjson, { path: 'meta.state', equals: ['gone'], key: ['ref.id'], version: [] }),
    ).toMatchObject({ rows: ['no json', '{"ref":{"id":2},"meta":{"state":"here"}}'], deletes: ['{"id":1}'] });
  });
});

test('one without key or version is set aside, and is a deletion once it has them', async () => {
  const line = '{"id":7,"archived":true,"updated_at":null}\n';
  writeFileSync(join(folder, 'c.ndjson'), line);
  const deleted = { path: 'archived', key: ['id'], version: ['updated_at'] };
  const { options } = file.records({ path: 'c.ndjson', deleted });
  const request = { stream: 'records', options, connection: {}, lagMs: 0, waitMs: 0 };
  const context = { signal, staging: undefined as never, heartbeat: () => undefined };
  const batches: SourceBatch[] = [];
  for await (const batch of fileSource.read(request, context)) batches.push(batch);
  expect(batches.flatMap(({ rejects = [] }) => rejects)).toEqual([
    expect.objectContaining({ code: 'DELETION_INCOMPLETE', pointer: '/updated_at', raw: line.trim() }),
  ]);
  expect(batches.every(({ rowCount }) => rowCount === 0)).toBe(true);
  const mended = { ...options, deleted: { ...deleted, version: [] } };
  const warehouse = { quarantinedRows: () => Promise.resolve([line, '{"id":8,"archived":false}']) };
  const replay = createReplaySource(warehouse, ['q1', 'q2'], fileSource);
  expect(await readAll(replay, { options: mended })).toMatchObject({
    deletes: ['{"id":7}'],
    rows: ['{"id":8,"archived":false}'],
  });
});

test('an option that cannot be meant is refused when the DAG is built, all problems at once', () => {
  const of = (deleted: object) => () =>
    rest({ connection: 'api', path: 'items', deleted: deleted as unknown as DeclaredDeletes });
  expect(of({ path: 'a..b', key: [], equal: [true] })).toThrow(/path.*key|key.*path/s);
  expect(of({ path: 'a..b', key: [], equal: [true] })).toThrow(/no option "equal"/);
  expect(of({ path: 'gone', key: ['a.id', 'b.id'] })).toThrow(/"id"/);
});
