import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readIdentifier } from '../../activities/identity/identifier.js';
import { createResolveIdentity } from '../../activities/identity/resolve.js';
import { createStagedSql, type StagedSql } from '../../connectors/duckdb/staged-sql.js';
import type { IdentityTask } from '../../core/dag-spec.js';
import { readIdentity, type IdentityOptions } from '../../core/identity/options.js';
import { identityProblems, type IdentifierType } from '../../core/identity/spec.js';
import { limits } from '../../core/limits.js';
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

describe('a value', () => {
  const type: IdentifierType = {
    ...{ name: 'email', kind: 'email', limit: 1, hash: false, pii: 'contact' },
    blocked: ['test@*', '*+junk@*.example'],
  };
  test.each(['Ana@Shop.TEST', ' ana@shop.test\n'])('%j is ana@shop.test', (raw) => {
    expect(readIdentifier(type, raw)).toMatchObject({ value: 'ana@shop.test', isBlocked: false });
  });
  test.each(['a.n.a@gmail.test', 'ana+news@gmail.test'])(
    '%s keeps what providers read differently',
    (raw) => {
      expect(readIdentifier(type, raw).value).toBe(raw);
    },
  );
  test.each([
    '',
    ' ',
    'NULL',
    'Undefined',
    '0000-00',
    'nobody',
    'test@a.b',
    'TEST@',
    'x+junk@y.example',
    `${'a'.repeat(600)}@b`,
  ])('%s identifies nobody', (raw) => {
    expect(readIdentifier(type, raw).isBlocked).toBe(true);
  });
  test.each(['contest@a.b', 'x+junk@y.examples', 'null@a.b'])('%s identifies somebody', (raw) => {
    expect(readIdentifier(type, raw).isBlocked).toBe(false);
  });
});

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

test('a load that a newer resolve has overtaken changes nothing, and is made anew', async () => {
  await see('ana', 'ana@shop.test', 1);
  const { warehouse } = house;
  let loads = 0;
  const overtaken = new Proxy(warehouse, {
    get(target, name) {
      if (name === 'load') {
        return async (request: Parameters<typeof target.load>[0]) => {
          loads += 1;
          if (loads === 1) await warehouse.claimFence(request.config.into, 'identity');
          return target.load(request);
        };
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  house.warehouse = overtaken;
  expect(await resolve()).toMatchObject({ persons: 1, changedRows: 3 });
  house.warehouse = warehouse;
  // Links that were refused; then links and identifiers.
  expect(loads).toBe(3);
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

test('a declaration that contradicts itself is refused with all its problems', () => {
  const problems = identityProblems(
    readIdentity({
      into: 'persons',
      identifiers: { user: { limit: 0 }, email: { blocked: ['*'] } },
      sources: [{ table: 'persons_links', at: 'at', columns: { phone: 'telephone' } }],
    } as IdentityOptions),
  );
  expect(problems.join('\n')).toMatch(
    /limit is 0[\s\S]*blocks every value[\s\S]*itself writes[\s\S]*"telephone"/,
  );
  expect(limits.identityMaxPerPerson).toBeGreaterThan(limits.identityDefaultPerPerson);
});
