import { describe, expect, test } from '@jest/globals';
import { transformGaps as bigQueryGaps } from '../../connectors/bigquery/index.js';
import { bigQueryDialect } from '../../connectors/bigquery/dialect.js';
import { transformGaps as duckDbGaps } from '../../connectors/duckdb/index.js';
import type { LetterTables } from '../../connectors/load/letters.js';
import { compileChain } from '../../connectors/load/transform-chain.js';
import { remoteTransforms } from '../../connectors/remote/transform-dialect.js';
import { snowflakeDialect } from '../../connectors/snowflake/dialect.js';
import { transformGaps as snowflakeGaps } from '../../connectors/snowflake/index.js';
import { transformNotes } from '../../client/transform-notes.js';
import type { TransformConfig } from '../../core/dag/dag-spec.js';
import { defineDag } from '../../index.js';
import { column } from '../helpers/warehouse.js';

const columns = [
  column('id', 'int64'),
  column('email', 'string'),
  column('amount', 'decimal', 18, 2),
  column('score', 'double'),
  column('details', 'json'),
];
const letters: LetterTables = { lower: { from: 'AÉ', to: 'aé' }, upper: { from: 'aé', to: 'AÉ' } };
const bigQuery = bigQueryDialect('p', 'd');
const onDuckDb: typeof snowflakeGaps = duckDbGaps;

function sqlOf(dialect: typeof bigQuery, config: TransformConfig): string {
  const chain = compileChain({ columns, transforms: [config] }, remoteTransforms(dialect, letters));
  if ('problems' in chain) throw new Error(chain.problems.join());
  return chain.select('source');
}

describe('steps as SQL', () => {
  test('Snowflake: letter by letter, and a text without escapes that mean something else', () => {
    const sql = sqlOf(snowflakeDialect, {
      normalise: { email: ['lower'] },
      constant: { place: "a\\b'c" },
      keep: { amount: ['1.50'] },
      select: ['email', 'place'],
    });
    expect(sql).toContain(`TRANSLATE("EMAIL", 'AÉ', 'aé') AS "EMAIL"`);
    expect(sql).toContain(`CAST('a\\\\b''c' AS VARCHAR) AS "PLACE"`);
    expect(sql).toContain(`WHERE (CAST("AMOUNT" AS VARCHAR) IN ('1.50'))`);
  });

  test('BigQuery: decimals with their scale, quotes and line breaks escaped, QUALIFY beside WHERE', () => {
    const sql = sqlOf(bigQuery, {
      constant: { place: "a\\b'c\nd" },
      keep: { amount: ['1.50'] },
      dedupe: { key: ['id'], version: ['email'] },
    });
    expect(sql).toContain("CAST('a\\\\b\\'c\\nd' AS STRING) AS `place`");
    expect(sql).toContain("FORMAT('%.2f', `amount`) IN ('1.50')");
    expect(sql).toMatch(/ WHERE TRUE QUALIFY row_number\(\) OVER \(PARTITION BY `id` ORDER BY /);
  });
});

// fakesnow is DuckDB underneath, so that only the text can show what the service would do otherwise.
test.each([
  ['snowflake', snowflakeDialect],
  ['bigquery', bigQuery],
] as const)('%s: trim names its blanks, and no letter is changed by the service', (_name, dialect) => {
  const sql = sqlOf(dialect, { normalise: { email: ['trim', 'email', 'upper', 'collapse-space'] } });
  expect(sql.match(/TRIM\(/g)).toHaveLength(3);
  expect(sql.match(/ \u00a0\u1680[\u2000-\u200a]{11}\u202f\u205f\u3000'\)/g)).toHaveLength(3);
  expect(sql).not.toMatch(/\b(lower|upper)\(/i);
});

describe('what is left to the worker', () => {
  test.each<[string, TransformConfig, RegExp]>([
    [
      'extract',
      { extract: { a: { from: 'details', path: '$.a', type: 'string' } } },
      /extract from "details"/,
    ],
    ['keep by floating point', { keep: { score: [1] } }, /keep by "score"/],
    ['dedupe by floating point', { dedupe: { key: ['score'], version: [] } }, /dedupe by "score"/],
    [
      'names that differ in case',
      { rename: { id: 'key' }, constant: { EMAIL: 'x' } },
      /upper and lower case/,
    ],
  ])('%s', (_name, config, reason) => {
    const deferred = { columns, transforms: [config] };
    expect(snowflakeGaps(deferred).join()).toMatch(reason);
    expect(bigQueryGaps(deferred).join()).toMatch(reason);
    expect(onDuckDb(deferred)).toEqual([]);
  });

  test('a name that BigQuery has no quotes for', () => {
    const deferred = { columns, transforms: [{ rename: { id: 'a.b' } }] };
    expect(bigQueryGaps(deferred).join()).toContain('a.b');
    expect(snowflakeGaps(deferred)).toEqual([]);
  });
});

describe('a DAG', () => {
  test('is refused where a task needs rows that a transform leaves to the load', () => {
    expect(() =>
      defineDag({
        id: 'orders',
        schedule: 'manual',
        tasks: ({ extract, validate, transform, check, load }) => {
          const raw = extract('pull', { from: () => [] });
          const rows = transform('shape', validate('clean', raw, { schema: 'order.v1' }), {
            rename: { id: 'key' },
            runIn: 'warehouse',
          });
          const fine = transform('again', rows, { drop: ['note'], runIn: 'warehouse' });
          load('store', fine, { into: 'orders', key: ['key'] });
          check('look', rows, { checks: [] });
          transform('late', rows, (row) => row);
        },
      }),
    ).toThrow(/task "look" \(check\) needs the rows of "shape"[^]*task "late" \(transform\) needs the rows/);
  });

  test('names at deploy the transforms that the worker will do', () => {
    const schema = { type: 'object', properties: { id: { type: 'integer' }, details: { type: 'object' } } };
    const { spec } = defineDag({
      id: 'orders',
      schedule: 'manual',
      tasks: ({ extract, validate, transform, load }) => {
        const raw = extract('pull', { from: () => [] });
        const clean = validate('clean', raw, { schema: 'order.v1' });
        const path = { from: 'details', path: '$.a', type: 'string' } as const;
        const taken = transform('take', clean, { extract: { a: path }, runIn: 'warehouse' });
        load('store', transform('shape', taken, { rename: { a: 'b' }, runIn: 'warehouse' }), {
          into: 'orders',
        });
      },
    });
    const tasks = spec.tasks.map((task) =>
      task.kind === 'validate'
        ? { ...task, config: { ...task.config, schema: { id: 'order.v1', document: schema } } }
        : task,
    );
    const embedded = { ...spec, tasks };
    expect(transformNotes(embedded, 'snowflake', snowflakeGaps)).toEqual([
      expect.stringMatching(
        /transform "take" will run in the worker, not in snowflake: extract from "details"/,
      ),
    ]);
    expect(transformNotes(embedded, 'duckdb', onDuckDb)).toEqual([]);
  });
});
