import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { isSafeNumber, parse } from 'lossless-json';
import { pino } from 'pino';
import type { ActivityDeps, StageIo } from '../../activities/deps.js';
import { createExtract } from '../../activities/extract.js';
import { createTryLog } from '../../activities/worker/task-log.js';
import { createValidate } from '../../activities/validate.js';
import { quoteName, quoteText } from '../../connectors/duckdb/sql-text.js';
import { createStagedSql, type StagedSql } from '../../connectors/duckdb/staged-sql.js';
import { createJsonLines } from '../../connectors/postgres/json-lines.js';
import type { Encoding } from '../../connectors/postgres/type-forms.js';
import type { Source, SourceBatch } from '../../connectors/source.js';
import { createLocalStaging } from '../../connectors/staging/local.js';
import type { TypedTextColumn } from '../../connectors/typed-text.js';
import { defaultContract, type ContractMode } from '../../core/loading/columns.js';
import type { ExtractTask, ValidateTask } from '../../core/dag/dag-spec.js';
import type { JsonObject, JsonValue } from '../../core/json.js';
import { limits } from '../../core/limits.js';
import type { Manifest } from '../../core/loading/manifest.js';
import type { StageContext } from '../../core/run/run.js';
import { temporaryFolder } from '../helpers/folder.js';

const folder = temporaryFolder();
const staging = createLocalStaging({ directory: folder });
const context = { dagId: 'typed', workflowId: 'w', runId: 'r' } as unknown as StageContext;
const logger = pino({ level: 'silent' });
const io: StageIo = {
  signal: new AbortController().signal,
  attempt: 1,
  heartbeat: () => undefined,
  logger,
  log: createTryLog(logger).log,
};
/** Text of so many bytes becomes a file. */
const cutBytes = 30;
let sql: StagedSql;

beforeAll(async () => {
  sql = await createStagedSql();
});

afterAll(() => sql.close());

/** A column as a source has it: its type, how its text becomes JSON, and texts of its values. */
interface Kind {
  readonly column: Omit<TypedTextColumn, 'name'>;
  readonly encoding: Encoding;
  readonly texts: readonly string[];
  readonly schemas: readonly JsonObject[];
}

const string: JsonObject = { type: 'string' };
const kinds: readonly Kind[] = [
  {
    column: { type: 'int64' },
    encoding: 'number',
    texts: ['0', '-7', '9223372036854775807', '9007199254740993'],
    schemas: [
      { type: 'integer' },
      { type: ['integer', 'null'], minimum: 0 },
      { type: 'number' },
      { type: 'integer', 'x-type': 'decimal(38,2)' },
      string,
    ],
  },
  {
    column: { type: 'boolean' },
    encoding: 'boolean',
    texts: ['t', 'f'],
    schemas: [{ type: 'boolean' }, { type: ['boolean', 'null'] }, { type: 'integer' }],
  },
  {
    column: { type: 'decimal', precision: 12, scale: 2 },
    encoding: 'text',
    texts: ['0.00', '-1.50', '9999999999.99'],
    schemas: [
      { type: 'string', 'x-type': 'decimal(12,2)' },
      { type: ['string', 'null'], 'x-type': 'decimal(12,1)' },
      { type: 'string', pattern: '^[0-9]' },
    ],
  },
  {
    column: { type: 'timestamp' },
    encoding: 'instant',
    texts: ['2026-01-01 00:00:00+00', '0001-01-01 00:00:00.5+00', '9999-12-31 23:59:59.999999+00'],
    schemas: [{ type: 'string', format: 'date-time' }, { type: ['string', 'null'], format: 'date' }, string],
  },
  {
    column: { type: 'date' },
    encoding: 'text',
    texts: ['2024-02-29', '0001-01-01'],
    schemas: [
      { type: 'string', format: 'date' },
      { type: ['string', 'null'], maxLength: 10 },
    ],
  },
  {
    column: { type: 'string' },
    encoding: 'text',
    texts: [
      '',
      'a',
      '\\\\N',
      'tab\\t lf\\n \\r\\b\\f\\v \\\\n \u0001\u001f',
      '"Zoë" \u2028 🦆',
      ' 12 ',
      'null',
      '12.5',
      '\ufeffx',
    ],
    schemas: [
      string,
      { type: ['string', 'null'], maxLength: 3 },
      { type: ['string', 'null'], enum: ['a', '', null] },
      { type: 'string', 'x-type': 'decimal(12,2)' },
      {},
    ],
  },
  {
    column: { type: 'number' },
    encoding: 'number',
    // Not -0, which DuckDB's reader of lines takes for 0 or for -0.
    texts: ['0.1', '1e+15', '0.30000000000000004', 'NaN', '3'],
    schemas: [
      { type: 'number' },
      { type: ['number', 'string', 'null'], 'x-type': 'string' },
      { type: 'number', 'x-type': 'decimal(12,3)' },
      {},
    ],
  },
  {
    column: { type: 'json' },
    encoding: 'json',
    texts: [
      '{"b": 1.10,\\n "a":[12345678901234567890.12, "x\\\\ny"]}',
      '[]',
      'null',
      '"text"',
      '12345678901234567890123',
      '{"s": "\\\\u0000"}',
    ],
    schemas: [{}, { type: 'object' }, { type: ['array', 'object', 'string', 'null'], 'x-type': 'json' }],
  },
];

/** Values that no typed column holds; the part that has one goes on as lines. */
const strange: Readonly<Partial<Record<TypedTextColumn['type'], readonly string[]>>> = {
  timestamp: ['infinity', '0044-03-15 12:00:00+00 BC', '12026-01-01 00:00:00+00'],
  date: ['-infinity', '0044-03-15 BC', '12026-01-01'],
  decimal: ['NaN'],
  string: ['x'.repeat(limits.typedLineMaxBytes)],
};

interface Batch {
  readonly columns: readonly TypedTextColumn[];
  readonly encodings: readonly Encoding[];
  readonly rows: readonly (readonly string[])[];
  readonly document: JsonObject;
  readonly newColumns: ContractMode;
}

const names = ['id', 'a b', 'ß"q"', "it's"];

function batches(withStrange: boolean): fc.Arbitrary<Batch> {
  return fc
    .array(fc.integer({ min: 0, max: kinds.length - 1 }), { minLength: 1, maxLength: names.length })
    .chain((chosen) => {
      const picked = chosen.map((at) => kinds[at] as Kind);
      const cell = (kind: Kind) =>
        fc.constantFrom(
          '\\N',
          ...kind.texts,
          ...kind.texts,
          ...(withStrange ? (strange[kind.column.type] ?? []) : []),
        );
      const properties = fc.tuple(...picked.map((kind) => fc.constantFrom(...kind.schemas)));
      return fc.record({
        columns: fc.constant(picked.map((kind, at) => ({ name: names[at] ?? '', ...kind.column }))),
        encodings: fc.constant(picked.map(({ encoding }) => encoding)),
        rows: fc.array(fc.tuple(...picked.map(cell)), { minLength: 1, maxLength: 8 }),
        document: fc
          .tuple(properties, fc.subarray(names.slice(0, picked.length), { minLength: 1 }), fc.boolean())
          .chain(([schemas, named, hasMore]) =>
            fc.subarray(named).map((required) => ({
              type: 'object',
              required,
              properties: Object.fromEntries([
                ...named.map((name) => [name, schemas[names.indexOf(name)] ?? {}] as const),
                ...(hasMore ? [['absent', { type: 'integer' }] as const] : []),
              ]),
            })),
          ),
        newColumns: fc.constantFrom<ContractMode>('evolve', 'quarantine', 'discard'),
      });
    });
}

/** A source of these rows, one a batch, with their types or as JSON lines only. */
function sourceOf({ columns, encodings, rows }: Batch, isTyped: boolean): Source {
  const texts = rows.map((row) => Buffer.from(`${row.join('\t')}\n`));
  const toLines = createJsonLines(
    columns.map(({ name }, at) => ({ name, encoding: encodings[at] ?? 'text' })),
  );
  return {
    name: 'rows',
    async *read(): AsyncGenerator<SourceBatch> {
      for (const text of texts) {
        const { bytes, rowCount } = await Promise.resolve(toLines(text));
        yield { kind: 'rows', bytes, rowCount, ...(isTyped && { typed: { columns, text, toLines } }) };
      }
    },
    test: () => Promise.resolve({ detail: '' }),
  };
}

function depsOf(batch: Batch, isTyped: boolean): ActivityDeps {
  return {
    staging,
    stagedSql: sql,
    logger,
    source: () => Promise.resolve(sourceOf(batch, isTyped)),
    connection: () => Promise.resolve({ options: {} }),
  } as unknown as ActivityDeps;
}

const pull = {
  id: 'pull',
  kind: 'extract',
  config: { from: { connector: 'rows', stream: 's', options: {} }, read: 'full' },
} as unknown as ExtractTask;

/** What extract and validate make of the rows: everything that a load sees. */
async function outcome(batch: Batch, isTyped: boolean, fileMaxBytes?: number): Promise<object> {
  const deps = depsOf(batch, isTyped);
  const contract = { ...defaultContract, newColumns: batch.newColumns };
  const task = {
    id: 'check',
    kind: 'validate',
    config: { schema: { id: 'test', document: batch.document }, quarantineOver: 1, contract },
  } as unknown as ValidateTask;
  const bounds = fileMaxBytes === undefined ? {} : { fileMaxBytes };
  const input = await createExtract(deps, bounds)({ context, task: pull }, io);
  const { counts, columns, files, rejects } = await createValidate(deps)({ context, task, input }, io);
  return {
    counts,
    columns,
    rejects: await linesOf(rejects),
    rows: await rowsOf({ files, columns: columns ?? [] }),
  };
}

async function linesOf(files: Manifest['rejects']): Promise<JsonValue[]> {
  const texts = await Promise.all(
    files.map(async (file) => readFileSync(await staging.localPath(file), 'utf8')),
  );
  return texts
    .flatMap((text) => text.split('\n').filter((line) => line !== ''))
    .map((line) => JSON.parse(line) as JsonValue);
}

async function rowsOf({ files, columns }: Required<Pick<Manifest, 'files' | 'columns'>>): Promise<unknown> {
  if (files.length === 0) return [];
  const paths = await Promise.all(files.map((file) => staging.localPath(file)));
  const list = columns.map(
    ({ name }) => `[typeof(${quoteName(name)}), CAST(${quoteName(name)} AS VARCHAR)] AS ${quoteName(name)}`,
  );
  const rows = await sql.run([
    `SELECT _millrace_position, ${list.join(', ')} FROM read_parquet([${paths.map(quoteText).join(', ')}]) ORDER BY 1`,
  ]);
  const documents = columns.filter(({ type }) => type === 'json');
  return rows.map((row) => ({
    ...row,
    ...Object.fromEntries(
      documents.map(({ name }) => {
        const [type, text] = row[name] as [string, string | null];
        return [name, [type, text === null ? null : sameNumbers(text)]];
      }),
    ),
  }));
}

/** A document with one spelling of each number that a double holds; longer ones stay to the digit. */
function sameNumbers(text: string): string {
  const parseNumber = (digits: string): unknown =>
    isSafeNumber(digits, { approx: false }) ? Number(digits) + 0 : `digits ${digits}`;
  return JSON.stringify(parse(text, null, parseNumber));
}

describe('rows that a source has typed', () => {
  test('become what their JSON lines become: rows, types, rejects and counts', async () => {
    await fc.assert(
      fc.asyncProperty(batches(false), async (batch) => {
        expect(await outcome(batch, true)).toEqual(await outcome(batch, false));
      }),
      { numRuns: process.env['MILLRACE_LONG_TESTS'] === '1' ? 1_000 : 40 },
    );
  }, 300_000);

  test('go on as lines, whole and in order, where one value is none that its type holds', async () => {
    await fc.assert(
      fc.asyncProperty(batches(true), async (batch) => {
        expect(await outcome(batch, true, cutBytes)).toEqual(await outcome(batch, false));
      }),
      { numRuns: process.env['MILLRACE_LONG_TESTS'] === '1' ? 500 : 20 },
    );
  }, 300_000);

  test('never become lines where their types hold every value', async () => {
    const columns = [{ name: 'id', type: 'int64' }] as const;
    const text = Buffer.from('1\n2\n');
    const unwanted = () => {
      throw new Error('lines were asked for');
    };
    const source: Source = {
      name: 'rows',
      async *read(): AsyncGenerator<SourceBatch> {
        const typed = await Promise.resolve({ columns, text, toLines: unwanted });
        yield {
          kind: 'rows',
          rowCount: 2,
          typed,
          get bytes() {
            return unwanted();
          },
        };
      },
      test: () => Promise.resolve({ detail: '' }),
    };
    const deps = { ...depsOf({} as Batch, true), source: () => Promise.resolve(source) };
    const manifest = await createExtract(deps)({ context, task: pull }, io);
    expect(manifest.files.map(({ format, rows }) => [format, rows])).toEqual([['parquet', 2]]);
  });

  test('are cut into files anywhere, and have one content hash', async () => {
    const columns = [{ name: 'id', type: 'int64' }] as const;
    const rows = Array.from({ length: 40 }, (_, at) => [String(at)]);
    const batch: Batch = { columns, encodings: ['number'], rows, document: {}, newColumns: 'evolve' };
    const deps = depsOf(batch, true);
    const whole = await createExtract(deps)({ context, task: pull }, io);
    const parted = await createExtract(deps, { fileMaxBytes: cutBytes })({ context, task: pull }, io);
    expect([whole.files.length, parted.files.length]).toEqual([1, 4]);
    expect(parted.files.map(({ format }) => format)).toEqual(Array(4).fill('parquet'));
    expect(parted.contentHash).toBe(whole.contentHash);
    expect(
      await rowsOf({ files: parted.files, columns: [{ name: 'id', type: 'int64', nullable: true }] }),
    ).toEqual(await rowsOf({ files: whole.files, columns: [{ name: 'id', type: 'int64', nullable: true }] }));
  });
});
