import { describe, expect } from '@jest/globals';
import fc from 'fast-check';
import { pino } from 'pino';
import type { ActivityDeps, StageIo } from '../../../activities/deps.js';
import { createTryLog } from '../../../activities/worker/task-log.js';
import { createTransform } from '../../../activities/transform.js';
import { createValidate } from '../../../activities/validate.js';
import { createStagedSql } from '../../../connectors/duckdb/staged-sql.js';
import { defaultContract } from '../../../core/loading/columns.js';
import type { LoadConfig, TransformConfig, TransformTask, ValidateTask } from '../../../core/dag/dag-spec.js';
import type { JsonObject } from '../../../core/json.js';
import { intervalKey } from '../../../core/interval.js';
import { zeroCounts, type Manifest } from '../../../core/loading/manifest.js';
import type { StageContext } from '../../../core/run/run.js';
import {
  document,
  loadOf,
  normalisations,
  oddTexts,
  transformCases,
} from '../../helpers/random-transforms.js';
import type { TestWarehouse } from '../../helpers/warehouse.js';
import type { Contract } from './contract.js';

const seed = 20261129;
const context = { dagId: 'dag', workflowId: 'w', runId: 'r' } as unknown as StageContext;
const logger = pino({ level: 'silent' });
const io: StageIo = {
  signal: new AbortController().signal,
  attempt: 1,
  heartbeat: () => undefined,
  logger,
  log: createTryLog(logger).log,
};

/** Two rows that become one key, two that lose theirs, two of one name, one that is left out, one that is no such record. */
const sample = [
  '{"id":1,"email":" Ada@X.com ","name":"a","is_open":true,"at":"2026-01-01T00:00:00Z"}',
  '{"id":2,"email":"ada@x.com","name":"b","is_open":true,"at":"2026-01-02T00:00:00Z"}',
  '{"id":3,"email":" ","name":"c","is_open":true,"at":"2026-01-01T00:00:00Z"}',
  '{"id":4,"email":null,"name":"d","is_open":true,"at":"2026-01-01T00:00:00Z"}',
  '{"id":5,"email":"É@x.com","name":"e","is_open":false,"at":"2026-01-01T00:00:00Z"}',
  '{"id":6,"email":"É@y.com","name":"f","is_open":true,"at":"2026-01-01T00:00:00Z"}',
  '{"id":7,"email":"é@y.com","name":"f","is_open":true,"at":"2026-01-02T00:00:00Z"}',
  '{"id":"x"}',
];

/** A row that is kept, and seven with one other value each. */
const kept = {
  ...{ id: '1', name: `"O'Brien"`, amount: '"12.5"', is_open: 'true', at: '"2026-01-01T02:00:00.5+02:00"' },
  ...{ day: '"2024-02-29"', details: '{"a":1}' },
};
const keptSample = [
  kept,
  ...Object.entries({
    ...kept,
    ...{ id: '2', name: '"O"', amount: '"12.51"', is_open: 'false' },
    ...{ at: 'null', day: '"2024-02-28"', details: '[1]' },
  }).map(([name, value]) => ({ ...kept, [name]: value })),
].map(
  (row) =>
    `{${Object.entries(row)
      .map(([name, value]) => `"${name}":${value}`)
      .join(',')}}`,
);

/** The stages before a load, on the staging of a warehouse under test. */
export async function withStages<Result>(
  house: TestWarehouse,
  body: (stages: {
    validated(lines: readonly string[], own?: JsonObject): Promise<Manifest>;
    transformed(
      input: Manifest,
      transforms: readonly TransformConfig[],
      runIn?: 'warehouse',
    ): Promise<Manifest>;
  }) => Promise<Result>,
): Promise<Result> {
  const stagedSql = await createStagedSql();
  const { staging, warehouse } = house;
  const deps = { staging, stagedSql, warehouse, logger } as unknown as ActivityDeps;
  try {
    return await body({
      validated: async (lines, own = document) => {
        const config = { schema: { id: 'own', document: own }, quarantineOver: 1, contract: defaultContract };
        const task = { id: 'validate', kind: 'validate', config } as unknown as ValidateTask;
        const file = await staging.write(
          lines.map((line) => Buffer.from(`${line}\n`)),
          lines.length,
        );
        const input: Manifest = {
          ...{ manifestVersion: 1, files: [file], deletes: [], rejects: [], contentHash: file.sha256 },
          counts: { ...zeroCounts, extracted: lines.length },
          ingestedAt: '2026-01-01T00:00:00.000Z',
        };
        return createValidate(deps)({ context, task, input }, io);
      },
      transformed: async (input, transforms, runIn) => {
        let manifest = input;
        for (const [index, config] of transforms.entries()) {
          const task = {
            id: `shape${String(index)}`,
            kind: 'transform',
            config: { ...config, ...(runIn !== undefined && { runIn }) },
          } as unknown as TransformTask;
          manifest = await createTransform(deps)({ context, task, input: manifest }, io);
        }
        return manifest;
      },
    });
  } finally {
    stagedSql.close();
  }
}

/** What a load leaves: its counts, the rows of its table and of the quarantine. */
export async function outcome(
  house: TestWarehouse,
  into: string,
  config: Partial<LoadConfig>,
  manifest: Manifest,
  loadId = `load${into}`,
) {
  const { counts } = await house.warehouse.load({
    ...{ loadId, dagId: 'dag', taskId: 'load', workflowId: 'w', runId: 'r', attempt: 1 },
    config: { disposition: 'append', key: [], version: [], contract: defaultContract, ...config, into },
    manifest,
    fence: await house.warehouse.claimFence(into, intervalKey(undefined)),
  });
  const isThere = (await house.warehouse.tableColumns(into)) !== undefined;
  const rows = isThere ? await house.rows(`SELECT * FROM ${into}`) : [];
  const quarantined = await house.rows(
    `SELECT code, pointer, message, raw, position FROM _millrace_quarantine WHERE table_name = '${into}'`,
  );
  const sorted = (list: readonly object[]) => list.map((row) => JSON.stringify(row)).sort();
  const own = rows.map(({ _millrace_load_id: _id, ...row }) => row);
  return { counts, rows: sorted(own), quarantined: sorted(quarantined) };
}

/** Transforms give the same in the warehouse as in the worker, row by row. */
export function transformContract({ house, it, kind }: Contract): void {
  // A server that plays a warehouse takes a tenth of a second or more for a statement.
  const numRuns = kind.asked === undefined ? 12 : 6;
  let table = 0;

  /** Whether a server has made the batch of a load, of rows that it was sent as they were before transforms. */
  const isPreparedThere = async (loadId: string) =>
    ((await kind.asked?.()) ?? []).some(
      ({ sql }) =>
        /^INSERT INTO \S+_batch\b/i.test(sql) &&
        sql.toLowerCase().includes(`_${loadId}_`) &&
        /_source\b/i.test(sql),
    );

  const compare = (withGaps: boolean) =>
    withStages(house(), (stages) =>
      fc.assert(
        fc.asyncProperty(transformCases(withGaps), async ({ lines, transforms, loads }) => {
          const input = await stages.validated(lines);
          const here = await stages.transformed(input, transforms);
          const there = await stages.transformed(input, transforms, 'warehouse');
          expect(there.contentHash).toBe(here.contentHash);
          expect(there.columns).toEqual(here.columns);
          expect(here.deferred).toBeUndefined();
          const config = loadOf(here.columns ?? [], loads);
          table += 1;
          const left = await outcome(house(), `here${String(table)}`, config, here);
          expect(await isPreparedThere(`loadhere${String(table)}`)).toBe(false);
          const right = await outcome(house(), `there${String(table)}`, config, there);
          expect(right).toEqual(left);
          if (withGaps || input.files.length === 0) return;
          expect(there.deferred?.transforms).toHaveLength(transforms.length);
          expect(await isPreparedThere(`loadthere${String(table)}`)).toBe(kind.asked !== undefined);
        }),
        { numRuns, seed, endOnFailure: true },
      ),
    );

  describe('transforms in the warehouse', () => {
    it('random transforms of random records end as the same rows, counts and quarantine', () =>
      compare(false));
    it('rows without a key go to the quarantine, as from the worker, and every row is counted', () =>
      withStages(house(), async (stages) => {
        const input = await stages.validated(sample);
        const select = ['id', 'address', 'name', 'at'];
        const transforms: TransformConfig[] = [
          { rename: { email: 'address' }, normalise: { address: ['email'] }, keep: { is_open: [true] } },
          { dedupe: { key: ['name'], version: ['at'] }, select },
        ];
        const here = await stages.transformed(input, transforms);
        const there = await stages.transformed(input, transforms, 'warehouse');
        const config = { disposition: 'merge', key: ['address'], version: ['at'] } as const;
        const first = await outcome(house(), 'there', config, there, 'first');
        expect(first).toEqual(await outcome(house(), 'here', config, here, 'firsthere'));
        expect(first.counts).toMatchObject({ loaded: 2, superseded: 2, quarantined: 3, withheld: 1 });
        expect(first.quarantined.join()).toContain('KEY_NULL');
        const again = await outcome(house(), 'there', config, there, 'second');
        expect(again.counts).toMatchObject({
          loaded: 0,
          unchanged: 2,
          superseded: 2,
          quarantined: 3,
          withheld: 1,
        });
        for (const loadId of ['first', 'second'])
          expect(await isPreparedThere(loadId)).toBe(kind.asked !== undefined);
      }));
    it('odd texts are normalised letter by letter, and rows kept by values of each type, as in the worker', () =>
      withStages(house(), async (stages) => {
        const lines = oddTexts.map((text) =>
          JSON.stringify(Object.fromEntries(normalisations.map((step) => [step, text]))),
        );
        const properties = Object.fromEntries(normalisations.map((step) => [step, { type: 'string' }]));
        const normalise = Object.fromEntries(normalisations.map((step) => [step, [step]]));
        const keep = {
          ...{ id: [1], name: ["O'Brien"], amount: ['12.50'], is_open: [true] },
          ...{ at: ['2026-01-01 00:00:00.5'], day: ['2024-02-29'], details: ['{"a":1}'] },
        };
        const cases = [
          [await stages.validated(lines, { type: 'object', properties }), { normalise }, {}],
          [await stages.validated(keptSample), { keep }, { loaded: 1, withheld: 7 }],
        ] as const;
        for (const [index, [input, config, counts]] of cases.entries()) {
          const there = await stages.transformed(input, [config], 'warehouse');
          const right = await outcome(house(), `right${String(index)}`, {}, there);
          const here = await stages.transformed(input, [config]);
          expect(right).toEqual(await outcome(house(), `left${String(index)}`, {}, here));
          expect(right.counts).toMatchObject(counts);
          expect(await isPreparedThere(`loadright${String(index)}`)).toBe(kind.asked !== undefined);
        }
      }));
    it('steps that it cannot do are done by the worker, with the same outcome', () => compare(true));
  });
}
