import { describe, expect, test } from '@jest/globals';
import { bigQueryDialect } from '../../connectors/bigquery/dialect.js';
import { planEvolution } from '../../connectors/load/evolution.js';
import { quarantineColumns } from '../../connectors/load/quarantine-sql.js';
import type { StagedBatch } from '../../connectors/load/stage-batch.js';
import { mergeNames } from '../../connectors/load/statements.js';
import { commitScript } from '../../connectors/remote/commit-script.js';
import type { CommitScript, RemoteDialect, Statement } from '../../connectors/remote/engine.js';
import { snowflakeDialect } from '../../connectors/snowflake/dialect.js';
import type { LoadRequest } from '../../connectors/warehouse.js';
import { defaultContract } from '../../core/loading/columns.js';
import type { LoadConfig } from '../../core/dag/dag-spec.js';
import { zeroCounts } from '../../core/loading/manifest.js';
import { column } from '../helpers/warehouse.js';

const columns = [column('id', 'int64'), column('group', 'string'), column('version', 'timestamp')];
const configs: readonly (readonly [string, Partial<LoadConfig>])[] = [
  ['append', { disposition: 'append' }],
  ['replace', { disposition: 'replace' }],
  ['staged-swap', { disposition: 'replace', strategy: 'staged-swap' }],
  ['upsert', { disposition: 'merge' }],
  ['insert-only', { disposition: 'merge', strategy: 'insert-only' }],
  ['delete-insert', { disposition: 'merge', strategy: 'delete-insert', mergeKey: ['group'] }],
  ['scd2', { disposition: 'merge', strategy: 'scd2' }],
];

function scriptOf(dialect: RemoteDialect, config: Partial<LoadConfig>): CommitScript {
  const request: LoadRequest = {
    ...{ loadId: 'load-1', dagId: 'dag', taskId: 'store', workflowId: 'w', runId: 'r', attempt: 1, fence: 7 },
    config: {
      ...{
        into: 'items',
        disposition: 'merge',
        key: ['id'],
        version: ['version'],
        contract: defaultContract,
      },
      ...config,
    },
    manifest: {
      ...{ manifestVersion: 1, files: [], deletes: [], rejects: [], contentHash: 'hash', columns },
      counts: zeroCounts,
      ingestedAt: '2026-01-01T00:00:00.000Z',
    },
    settlesQuarantineIds: ['q1', 'q2'],
  };
  const plan = planEvolution('items', undefined, columns, defaultContract);
  const names = mergeNames(request, plan, dialect, {
    ...{ batch: dialect.table('work_batch'), judged: dialect.table('work_judged') },
    history: dialect.table('work_history'),
  });
  const staged: StagedBatch = {
    batch: { columns, rows: 3, path: '' },
    quarantine: { columns: quarantineColumns.map((name) => column(name, 'string')), rows: 1, path: '' },
    ...{ supersededInBatch: 0, withheld: 0, remove: () => Promise.resolve() },
  };
  const tables = { batch: 'work_batch', judged: 'work_judged', quarantine: 'work_quarantine' };
  return commitScript(
    { request, names, staged, tables, version: 4, counts: { ...zeroCounts, extracted: 4, loaded: 3 } },
    dialect,
  );
}

const placeholders = ({ sql }: Statement) =>
  sql.replace(/'[^']*'|"[^"]*"|`[^`]*`/g, '').split('?').length - 1;

const bigQuery = bigQueryDialect('p', 'd');

describe('the transaction of a load', () => {
  // Snowflake's engine stops in the midst of a transaction; BigQuery's puts the guard into the statements.
  test.each(
    configs.flatMap(([kind, config]) => [
      { kind, name: 'snowflake', dialect: snowflakeDialect, config, isGuarded: false },
      { kind, name: 'bigquery', dialect: bigQuery, config, isGuarded: true },
    ]),
  )('$kind on $name: binds fit their places, the marker comes last', ({ dialect, config, isGuarded }) => {
    const script = scriptOf(dialect, config);
    const statements = script.statements(isGuarded ? script.guard : undefined);
    for (const statement of [script.lock, script.look, ...statements])
      expect(statement.binds).toHaveLength(placeholders(statement));
    expect(statements.at(-1)?.sql).toMatch(/^INSERT INTO .*_millrace_loads/i);
  });

  test.each(configs)(
    '%s on BigQuery: a statement holds the guard or acts by rows judged under it',
    (_kind, config) => {
      const script = scriptOf(bigQuery, config);
      const work = [bigQuery.table('work_judged'), bigQuery.table('work_history')];
      for (const { sql } of script.statements(script.guard))
        expect([script.guard.sql, ...work].some((text) => sql.includes(text))).toBe(true);
    },
  );
});

test('BigQuery: upsert is one MERGE over judged rows, which are judged under the guard', () => {
  const script = scriptOf(bigQuery, { disposition: 'merge' });
  const [judge, merge] = script.statements(script.guard);
  expect(judge?.sql).toMatch(/^INSERT INTO `p\.d\.work_judged` \(/);
  expect(judge?.sql).toContain('= 7 AND (SELECT max(fence)');
  expect(merge?.sql).toMatch(
    /^MERGE INTO `p\.d\.items` s USING `p\.d\.work_judged` j ON s\.`id` = j\.`id`\s+WHEN MATCHED AND j\.verdict = 'loaded' AND j\.is_deleted THEN DELETE/,
  );
});

test.each([
  ['timestamp', 'month', 'PARTITION BY TIMESTAMP_TRUNC(`at`, MONTH) CLUSTER BY `id`'],
  ['date', 'day', 'PARTITION BY `at` CLUSTER BY `id`'],
  ['date', 'year', 'PARTITION BY DATE_TRUNC(`at`, YEAR) CLUSTER BY `id`'],
] as const)('BigQuery: a table partitioned by a %s and %s', (type, unit, expected) => {
  const layout = { partitionBy: { column: 'at', unit }, clusterBy: ['id'] };
  expect(bigQuery.createTable('t', [column('id', 'int64'), column('at', type)], layout)).toBe(
    `CREATE TABLE IF NOT EXISTS \`p.d.t\` (\`id\` INT64, \`at\` ${type.toUpperCase()}) ${expected}`,
  );
});

test.each([
  [9, 'NUMERIC(38, 9)'],
  [10, 'BIGNUMERIC(38, 10)'],
  [0, 'BIGNUMERIC(38, 0)'],
])('BigQuery: decimals of 38 digits, %d of them after the point', (scale, expected) => {
  expect(bigQuery.typeOf({ type: 'decimal', precision: 38, scale })).toBe(expected);
});

test.each(['a`b', 'a.b', '_PARTITIONDATE', 'a"b', 'a;b'])(
  'BigQuery: a column cannot be called %s',
  (name) => {
    expect(() => bigQuery.name(name)).toThrow(expect.objectContaining({ code: 'IDENTIFIER_REFUSED' }));
  },
);
