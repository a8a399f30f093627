import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { TestProject } from '../helpers/project.js';
import { findFakesnow, startFakesnow, type Peer } from '../peers/peers.js';
import { rowSchema } from './dag-files.js';

const dag = `
import { defineDag } from 'millrace';
export default defineDag({
  id: 'etl', schedule: 'manual',
  tasks: ({ extract, validate, transform, load }) => {
    const raw = extract('pull', { from: async function* () {
      for (let n = 0; n < 3; n += 1) yield { id: 'row-' + n, value: n, at: '2026-01-01T00:00:00Z' };
    } });
    const shape = { normalise: { id: 'upper' }, constant: { place: 'it\\'s here' }, runIn: 'warehouse' } as const;
    const rows = transform('shape', validate('check', raw, { schema: 'row.v1' }), shape);
    load('store', rows, { into: 'numbers', key: ['id'], version: ['at'], disposition: 'merge' });
  },
});`;

const python = await findFakesnow();
let peer: Peer;
let project: TestProject;

(python === undefined ? describe.skip : describe)('a project on Snowflake, played by fakesnow', () => {
  beforeAll(async () => {
    peer = await startFakesnow(python ?? '');
    // Both come from the environment, as a deployment sets them.
    process.env['MILLRACE_WAREHOUSE'] = 'snowflake';
    process.env['SNOWFLAKE_TEST_PASSWORD'] = 'not-a-secret';
    project = await TestProject.create(
      { 'etl.ts': dag },
      {
        connections: {
          snowflake: {
            ...{
              connector: 'snowflake',
              account: 'test',
              user: 'loader',
              database: 'test',
              schema: 'project',
            },
            ...{ password: { env: 'SNOWFLAKE_TEST_PASSWORD' }, accessUrl: peer.url },
          },
        },
      },
    );
    project.write('schemas/row.v1.schema.json', rowSchema);
    await project.startTemporal();
    await project.json('deploy');
    await project.startWorker();
  }, 240_000);
  afterAll(async () => {
    delete process.env['MILLRACE_WAREHOUSE'];
    delete process.env['SNOWFLAKE_TEST_PASSWORD'];
    await peer.stop();
  });

  test('MILLRACE_WAREHOUSE chooses it: a run loads it, and the command line reads it', async () => {
    await project.json('dag', 'trigger', 'etl', '--wait');
    expect(await project.rows('SELECT id, value, place FROM numbers ORDER BY value')).toEqual(
      ['0', '1', '2'].map((value) => ({ id: `ROW-${value}`, value, place: "it's here" })),
    );
    const asked = await peer.asked();
    expect(asked).toContainEqual(
      expect.objectContaining({ sql: expect.stringMatching(/^INSERT INTO "\S+_BATCH" [^]*_SOURCE"/) }),
    );
    const commit = asked.findIndex(({ sql }) => sql === 'COMMIT');
    const begin = asked.findLastIndex(({ sql }, index) => index < commit && sql === 'BEGIN TRANSACTION');
    const transaction = asked.slice(begin, commit).map(({ sql }) => sql);
    expect(transaction).toContainEqual(expect.stringMatching(/^MERGE INTO "NUMBERS"/));
    expect(transaction).toContainEqual(expect.stringMatching(/^INSERT INTO "_MILLRACE_LOADS"/));
    expect(asked[commit]?.parameters?.['QUERY_TAG']).toMatch(/"app":"millrace","table":"numbers","load":/);
    expect(project.read('data/warehouse.duckdb')).toBe('');
  }, 240_000);
});
