import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { pino } from 'pino';
import type { ActivityDeps, StageIo } from '../../activities/deps.js';
import { createTryLog } from '../../activities/worker/task-log.js';
import { createValidate } from '../../activities/validate.js';
import { createStagedSql, type SqlRow, type StagedSql } from '../../connectors/duckdb/staged-sql.js';
import { quoteName, quoteText } from '../../connectors/duckdb/sql-text.js';
import { createLocalStaging } from '../../connectors/staging/local.js';
import { defaultContract } from '../../core/loading/columns.js';
import type { ValidateTask } from '../../core/dag/dag-spec.js';
import type { JsonObject, JsonValue } from '../../core/json.js';
import { zeroCounts, type Manifest } from '../../core/loading/manifest.js';
import type { QuarantineRow } from '../../core/quality/quarantine.js';
import type { StageContext } from '../../core/run/run.js';
import { compileSchema } from '../../schemas/ajv.js';
import { compileSql } from '../../schemas/compile-sql.js';
import { temporaryFolder } from '../helpers/folder.js';

const folder = temporaryFolder();
const staging = createLocalStaging({ directory: folder });
let sql: StagedSql;

beforeAll(async () => {
  sql = await createStagedSql();
});

afterAll(() => sql.close());

/** What the validate stage makes of NDJSON lines. */
async function validate(document: JsonObject, lines: readonly string[]): Promise<Manifest> {
  const deps = { staging, stagedSql: sql } as unknown as ActivityDeps;
  const input: Manifest = {
    manifestVersion: 1,
    files: [await staging.write([Buffer.from(lines.map((line) => `${line}\n`).join(''))], lines.length)],
    deletes: [],
    rejects: [],
    counts: { ...zeroCounts, extracted: lines.length },
    contentHash: 'test',
    ingestedAt: '2026-01-01T00:00:00.000Z',
  };
  const task = {
    id: 'check',
    kind: 'validate',
    config: { schema: { id: 'test', document }, quarantineOver: 1, contract: defaultContract },
  } as unknown as ValidateTask;
  const logger = pino({ level: 'silent' });
  const io: StageIo = {
    signal: new AbortController().signal,
    attempt: 1,
    heartbeat: () => undefined,
    logger,
    log: createTryLog(logger).log,
  };
  const context = { dagId: 'test' } as unknown as StageContext;
  return createValidate(deps)({ context, task, input }, io);
}

/** One column of the accepted rows, in order. */
async function read(files: Manifest['files'], column: string): Promise<readonly SqlRow[]> {
  const paths = await Promise.all(files.map((file) => staging.localPath(file)));
  return sql.run([
    `SELECT CAST(${quoteName(column)} AS VARCHAR) AS value FROM read_parquet([${paths.map(quoteText).join(', ')}]) ORDER BY _millrace_position`,
  ]);
}

/** Positions of the records that the validate stage quarantines. */
async function rejectedPositions(document: JsonObject, records: readonly JsonObject[]): Promise<Set<number>> {
  const manifest = await validate(
    document,
    records.map((item) => JSON.stringify(item)),
  );
  const lines = (
    await Promise.all(
      manifest.rejects.map(async (file) => readFileSync(await staging.localPath(file), 'utf8')),
    )
  ).join('');
  return new Set(
    lines
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => (JSON.parse(line) as QuarantineRow).position),
  );
}

const types = ['string', 'integer', 'number', 'boolean', 'null', 'object', 'array'] as const;
const property = fc.oneof(
  fc.record({ type: fc.constantFrom<JsonValue>(...types) }),
  fc.record(
    {
      type: fc.constant<JsonValue>(['string', 'null']),
      minLength: fc.integer({ min: 0, max: 3 }),
      maxLength: fc.integer({ min: 2, max: 6 }),
    },
    { requiredKeys: ['type'] },
  ),
  fc.record(
    {
      type: fc.constantFrom<JsonValue>('integer', 'number'),
      minimum: fc.integer({ min: -3, max: 1 }),
      exclusiveMaximum: fc.integer({ min: 2, max: 9 }),
    },
    { requiredKeys: ['type'] },
  ),
  fc.record({ type: fc.constant<JsonValue>('string'), enum: fc.constant<JsonValue>(['a', 'bb', '']) }),
  fc.record({
    type: fc.constant<JsonValue>('string'),
    pattern: fc.constantFrom<JsonValue>('^[a-z]+$', '^\\d{2}$', 'x'),
  }),
  fc.record({
    type: fc.constant<JsonValue>('string'),
    format: fc.constantFrom<JsonValue>('date-time', 'date', 'email'),
  }),
);
const schema = fc
  .record({ a: property, b: property, c: property }, { requiredKeys: ['a'] })
  .chain((properties) =>
    fc.record({
      type: fc.constant<JsonValue>('object'),
      properties: fc.constant(properties as unknown as JsonValue),
      required: fc.subarray(Object.keys(properties)),
    }),
  );
const value = fc.oneof(
  fc.constantFrom<JsonValue>(
    'a',
    'bb',
    '',
    'abcdefg',
    '42',
    'x',
    'é',
    '😀',
    '2026-01-01',
    '2026-01-01T00:00:00Z',
    '2026-02-30',
    '2026-01-01T25:00:00Z',
    'a@example.com',
    'a@',
    '2026-01-01T00:00:00',
    'null',
    'true',
  ),
  fc.constantFrom<JsonValue>(-4, -1, 0, 1, 2, 5, 9, 1.5, 1e21, 0.1, -0.0001, 9_007_199_254_740_991),
  fc.constantFrom<JsonValue>(true, false, null),
  fc.constantFrom<JsonValue>({}, { a: 1 }, [], ['a'], [[]]),
);
const record = fc.record(
  { a: value, b: value, c: value, d: value },
  { requiredKeys: [] },
) as unknown as fc.Arbitrary<JsonObject>;

test('the stage, which judges by SQL where it can, and ajv give the same verdict on every record', async () => {
  const figures = { compared: 0, refused: 0, bySql: 0 };
  await fc.assert(
    fc.asyncProperty(
      schema as unknown as fc.Arbitrary<JsonObject>,
      fc.array(record, { minLength: 1, maxLength: 25 }),
      async (document, records) => {
        const rejected = await rejectedPositions(document, records);
        const check = compileSchema(document);
        const refused = records.flatMap((item, index) => (check(item) === undefined ? [] : [index]));
        expect([...rejected].sort((a, b) => a - b)).toEqual(refused);
        figures.compared += records.length;
        figures.refused += refused.length;
        if ('verdict' in compileSql(document, { name: quoteName, text: quoteText }))
          figures.bySql += records.length;
      },
    ),
    { numRuns: 200, seed: 7 },
  );
  expect(figures.compared).toBeGreaterThan(1_000);
  expect(figures.refused).toBeGreaterThan(200);
  expect(figures.bySql).toBeGreaterThan(figures.compared / 2);
}, 240_000);

describe('numbers within documents', () => {
  const text: JsonObject = { type: 'string' };
  const document: JsonObject = { type: 'object', properties: { id: text, payload: { type: 'object' } } };
  const numbers = [
    '12345678901234567890.12',
    '0.12345678901234567',
    '-1234567890123456.5',
    '12345678901234567890123',
    '1234567890123456789e3',
    '9007199254740993.0',
  ];

  test.each(numbers)('%s keeps its digits', async (number) => {
    const lines = [`{"id":"a","payload":{"n":[${number}]}}`, '{"id":"b"}'];
    const { files } = await validate(document, lines);
    const [row] = await read(files, `payload`);
    expect(row).toEqual({ value: `{"n":[${number}]}` });
  });

  test('a number for a column of text keeps its letters', async () => {
    const label: JsonObject = { type: ['number', 'string'], 'x-type': 'string' };
    const labelled: JsonObject = { type: 'object', properties: { id: text, label } };
    const { files } = await validate(labelled, ['{"id":"a","label":1e+15}']);
    expect(await read(files, 'label')).toEqual([{ value: '1e+15' }]);
  });
});

describe('the record schemas of the package', () => {
  test('reach SQL, except where they say more than SQL can', async () => {
    const document: JsonObject = {
      type: 'object',
      properties: { a: { type: 'string' } },
      dependentRequired: { a: ['b'] },
    };
    expect('verdict' in compileSql(document, { name: quoteName, text: quoteText })).toBe(false);
  });
});
