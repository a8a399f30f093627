import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { DuckDBInstance } from '@duckdb/node-api';
import { createResolveIdentity } from '../../activities/identity/resolve.js';
import { createStagedSql, type StagedSql } from '../../connectors/duckdb/staged-sql.js';
import type { CombinationRequest } from '../../connectors/warehouse.js';
import type { IdentityRequest } from '../../core/activities.js';
import type { IdentityTask } from '../../core/dag/dag-spec.js';
import { readIdentity } from '../../core/identity/options.js';
import { seededRandom, type SeededRandom } from '../../testing/seeded-random.js';
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

const columns = [
  ...[column('id', 'int64'), column('version', 'int64')],
  ...[
    column('user', 'string'),
    column('email', 'string'),
    column('device', 'string'),
    column('seen', 'timestamp'),
  ],
];

function taskOf(into: string, blocked: readonly string[]): IdentityTask {
  const config = readIdentity({
    into,
    identifiers: { user: { limit: 1 }, email: { limit: 2, blocked }, device: { limit: 3 } },
    sources: [{ table: 'items', at: 'seen', columns: { user: 'user', email: 'email', device: 'device' } }],
  });
  return { id: 'who', kind: 'identity', config } as unknown as IdentityTask;
}

/** A resolve, with what it read of the tables of its graph. */
async function resolve(task: IdentityTask, more: Partial<IdentityRequest> = {}) {
  const { warehouse } = house;
  const read: CombinationRequest[] = [];
  const watched = new Proxy(warehouse, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name !== 'combinations') return value.bind(target) as unknown;
      return (request: CombinationRequest) => {
        read.push(request);
        return target.combinations(request);
      };
    },
  });
  const stage = createResolveIdentity({ warehouse: watched, staging: house.staging, stagedSql });
  const startedAt = '2026-02-01T00:00:00.000Z';
  const outcome = await stage({ context: { ...context, startedAt }, task, ...more }, io);
  const { into } = task.config;
  const isFull = read.some(({ table, within }) => table === `${into}_identifiers` && within === undefined);
  return { outcome, isFull };
}

const contentOf = async (into: string) => ({
  identifiers: await tableOf(`${into}_identifiers`),
  links: await tableOf(`${into}_links`),
  merges: await tableOf(`${into}_merges`),
});
async function tableOf(name: string) {
  if ((await house.warehouse.tableColumns(name)) === undefined) return [];
  return house.rows(
    `SELECT * EXCLUDE (_millrace_load_id, _millrace_ingested_at, _millrace_position) FROM ${name} ORDER BY ALL`,
  );
}

let version = 0;
/** A few rows of few values: new ones, other content of known ones, late ones, and rows that are deleted. */
async function loadSome(random: SeededRandom): Promise<void> {
  version += 1;
  const value = (letter: string, count: number) =>
    random.chance(0.4) ? null : `${letter}${String(random.integer(1, count))}`;
  const id = (index: number) => random.integer(1, 8) * 10 + index;
  const two = (number: number) => String(number).padStart(2, '0');
  const rows = Array.from({ length: random.integer(1, 3) }, (_, index) => ({
    ...{ id: id(index), version, user: value('u', 6), email: value('e', 9), device: value('d', 12) },
    seen: `2026-01-${two(random.integer(1, 28))} 08:00:${two(random.integer(0, 59))}`,
  }));
  const deletes = random.chance(0.3) ? [{ id: id(7), version }] : [];
  await house.load({ columns, rows, deletes });
}

/** As an operator who erases a person does it. */
async function erase(tables: readonly string[], id: string): Promise<void> {
  await house.warehouse.close();
  const instance = await DuckDBInstance.create(house.path);
  const connection = await instance.connect();
  for (const into of tables) {
    await connection.run(`DELETE FROM ${into}_identifiers WHERE identifier_id = '${id}'`);
    await connection.run(`DELETE FROM ${into}_links WHERE left_id = '${id}' OR right_id = '${id}'`);
  }
  connection.closeSync();
  instance.closeSync();
  house.warehouse = house.create();
  await house.warehouse.open();
}

test.each([3])(
  'a resolve of what changed gives what a resolve of everything gives, step by step (%i)',
  async (seed) => {
    const random = seededRandom(seed);
    let blocked: readonly string[] = [];
    let parts = 0;
    for (let step = 0; step < 12; step += 1) {
      const isAnew = step === 7 || step === 10;
      if (step === 7) blocked = ['e1', 'e2'];
      if (step === 10) {
        const row = random.pick(await tableOf('part_identifiers'));
        await erase(['part', 'anew'], String(row['identifier_id']));
      }
      await loadSome(random);
      const merges = await tableOf('part_merges');
      const mergeId =
        random.chance(0.4) && merges.length > 0 ? String(random.pick(merges)['merge_id']) : undefined;
      const more = mergeId === undefined ? {} : { split: { mergeId, reason: 'x', by: 'y', dryRun: false } };
      const part = await resolve(taskOf('part', blocked), more);
      const anew = await resolve(taskOf('anew', blocked), { ...more, full: true });
      expect(await contentOf('part')).toEqual(await contentOf('anew'));
      const { blockedValues: ofPart, ...outcome } = part.outcome;
      const { blockedValues: ofAll, ...expected } = anew.outcome;
      expect(ofPart).toBeLessThanOrEqual(ofAll);
      expect(outcome).toEqual(expected);
      // The first time there are no tables that could be read.
      if (step > 0) expect(anew.isFull).toBe(true);
      if (isAnew) expect(part.isFull).toBe(true);
      if (step > 0 && !part.isFull) parts += 1;
    }
    expect(parts).toBeGreaterThan(5);
    expect(await resolve(taskOf('part', blocked))).toMatchObject({
      isFull: false,
      outcome: { changedRows: 0 },
    });
    // Dropped and made anew from all rows that are left, it is whole again.
    expect((await resolve(taskOf('part', blocked), { full: true })).outcome.changedRows).toBe(0);
  },
  400_000,
);
