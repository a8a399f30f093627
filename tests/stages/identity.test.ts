import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createResolveIdentity } from '../../activities/identity/resolve.js';
import { createStagedSql, type StagedSql } from '../../connectors/duckdb/staged-sql.js';
import type { LoadRequest } from '../../connectors/warehouse.js';
import type { IdentityTask } from '../../core/dag/dag-spec.js';
import { readIdentity, type IdentityOptions } from '../../core/identity/options.js';
import { blocksOf } from '../docs/pages.js';
import { temporaryFolder } from '../helpers/folder.js';
import { column, TestWarehouse } from '../helpers/warehouse.js';
import { context, io } from '../quality/batches.js';

const folder = temporaryFolder();
let house: TestWarehouse;
let stagedSql: StagedSql;

beforeEach(async () => {
  house = await TestWarehouse.open(folder);
  stagedSql = await createStagedSql();
});
afterEach(async () => {
  await house.close();
  stagedSql.close();
});

const options: IdentityOptions = {
  into: 'persons',
  identifiers: { user: { limit: 1 }, email: { kind: 'email' } },
  sources: [{ table: 'items', at: 'seen', columns: { user: 'user', email: 'email' } }],
};
const columns = [
  column('id', 'int64'),
  column('version', 'int64'),
  column('user', 'string'),
  column('email', 'string'),
  column('seen', 'timestamp'),
];
let rows = 0;
async function see(user: string | null, email: string | null, day: number): Promise<void> {
  rows += 1;
  const seen = `2026-01-${String(day).padStart(2, '0')} 08:00:00`;
  await house.load({ columns, rows: [{ id: rows, version: 1, user, email, seen }] });
}
async function resolve(changed: Partial<IdentityOptions> = {}) {
  const config = readIdentity({ ...options, ...changed });
  const task = { id: 'who', kind: 'identity', config } as unknown as IdentityTask;
  const deps = { warehouse: house.warehouse, staging: house.staging, stagedSql };
  const request = { context: { ...context, startedAt: '2026-02-01T00:00:00.000Z' }, task };
  return createResolveIdentity(deps)(request, io);
}
const persons = async () =>
  (
    await house.rows(
      `SELECT string_agg(identifier_value, ' ' ORDER BY identifier_value) AS person FROM persons_identifiers GROUP BY person_key ORDER BY person`,
    )
  ).map((row) => row['person']);

test('a value that is blocked later leaves the graph with its links, and persons come apart', async () => {
  await see('ana', 'info@shop.test', 1);
  await see('ana', 'ana@shop.test', 1);
  await see(null, 'info@shop.test', 2);
  await resolve();
  expect(await persons()).toEqual(['ana ana@shop.test info@shop.test']);
  const blocked = { email: { kind: 'email' as const, blocked: ['info@*'] }, user: { limit: 1 } };
  const outcome = await resolve({ identifiers: { user: blocked.user, email: blocked.email } });
  expect(outcome).toMatchObject({ blockedValues: 1, persons: 1, links: 1 });
  expect(await persons()).toEqual(['ana ana@shop.test']);
  expect(await house.rows('SELECT count(*)::INTEGER AS n FROM persons_links')).toEqual([{ n: 1 }]);
});

test('two resolves at once give one key', async () => {
  await see('ana', 'ana@shop.test', 1);
  await Promise.all([resolve(), resolve()]);
  expect(
    await house.rows('SELECT count(DISTINCT person_key)::INTEGER AS n FROM persons_identifiers'),
  ).toEqual([{ n: 1 }]);
  expect(await resolve()).toMatchObject({ changedRows: 0 });
});

/** The warehouse, with something done before its nth load from now on. */
function beforeLoad(nth: number, act: (table: string) => Promise<unknown>): { readonly loads: () => number } {
  const { warehouse } = house;
  let loads = 0;
  house.warehouse = new Proxy(warehouse, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name !== 'load') return value.bind(target) as unknown;
      return async (request: LoadRequest) => {
        loads += 1;
        if (loads === nth) await act(request.config.into);
        return target.load(request);
      };
    },
  });
  return { loads: () => loads };
}

test('a load that a newer resolve has overtaken changes nothing, and is made anew', async () => {
  await see('ana', 'ana@shop.test', 1);
  const { loads } = beforeLoad(1, (table) => house.warehouse.claimFence(table, 'identity'));
  expect(await resolve()).toMatchObject({ persons: 1, changedRows: 3 });
  // Links that were refused; then links, identifiers and what was read.
  expect(loads()).toBe(4);
});

test.each([1, 2, 3, 4])('a resolve that is cut off before its load %i loses no key', async (nth) => {
  await see('ana', null, 1);
  await see(null, 'ana@shop.test', 1);
  await resolve();
  const given = (await house.rows('SELECT person_key FROM persons_identifiers')).map(
    (row) => row['person_key'],
  );
  await see('ana', 'ana@shop.test', 2);
  const { warehouse } = house;
  beforeLoad(nth, () => Promise.reject(new Error('cut off')));
  await expect(resolve()).rejects.toThrow('cut off');
  house.warehouse = warehouse;
  await resolve();
  const known = await house.rows(
    `SELECT person_key AS key FROM persons_identifiers UNION SELECT merged_key FROM persons_merges WHERE resolves_to IN (SELECT person_key FROM persons_identifiers)`,
  );
  expect(known.map((row) => row['key']).sort()).toEqual(given.sort());
});

test('what does not fit the warehouse is said all at once; a table that is not there yet is empty', async () => {
  await see('ana', null, 1);
  await expect(
    resolve({ sources: [{ table: 'items', at: 'version', columns: { nope: 'user', none: 'email' } }] }),
  ).rejects.toMatchObject({
    code: 'IDENTITY_INVALID',
    message: expect.stringMatching(/"nope".*"none".*"version" of table "items" is int64/),
  });
  const absent = { table: 'absent', at: 'seen', columns: { user: 'user' } };
  expect(await resolve({ sources: [absent] })).toMatchObject({ persons: 0, changedRows: 0 });
});

test('the query of the guide turns a stored key into the living one', async () => {
  await see('ana', null, 1);
  await see(null, 'ana@shop.test', 1);
  await resolve();
  const segments = await house.rows('SELECT person_key FROM persons_identifiers ORDER BY person_key');
  await house.load({
    columns: [column('id', 'int64'), column('person_key', 'string'), column('segment', 'string')],
    rows: segments.map((row, id) => ({ id, person_key: row['person_key'], segment: 'loyal' })),
    config: { into: 'segments', version: [] },
  });
  await see('ana', 'ana@shop.test', 2);
  expect(await resolve()).toMatchObject({ persons: 1, newMerges: 1 });
  const [block] = blocksOf('docs/guides/identity.md').filter(({ language }) => language === 'sql');
  const keys = new Set((await house.rows(block?.text ?? '')).map((row) => row['person_key']));
  const [person] = await house.rows('SELECT DISTINCT person_key FROM persons_identifiers');
  expect([segments.length, [...keys]]).toEqual([2, [person?.['person_key']]]);
});
