import { describe, expect, test } from '@jest/globals';
import { postgres } from '../../connectors/postgres/reference.js';
import { nearestName } from '../../connectors/nearest-name.js';
import { defineDag } from '../../core/dag/dag-builder.js';
import type { SourceRef } from '../../core/dag/dag-spec.js';
import { rejection } from '../sources/read-all.js';

const build = (...sources: readonly SourceRef[]) =>
  defineDag({
    id: 'shop',
    schedule: 'manual',
    tasks: ({ extract, load }) => {
      for (const [index, from] of sources.entries())
        load(`store${String(index)}`, extract(`pull${String(index)}`, { from }), {
          into: `t${String(index)}`,
        });
    },
  });

describe('references', () => {
  test('are plain data', () => {
    const { spec } = build(
      postgres.table({
        connection: 'shop',
        table: 'Orders',
        schema: 'sales',
        columns: ['id'],
        deletedAt: 'gone_at',
      }),
      postgres.query({ connection: 'shop', sql: 'SELECT 1 AS id', values: { since: '2026-01-01', n: 3 } }),
    );
    expect(spec.tasks.flatMap((task) => (task.kind === 'extract' ? [task.config.from] : []))).toEqual([
      {
        connector: 'postgres',
        stream: 'table',
        connection: 'shop',
        options: { table: 'Orders', schema: 'sales', columns: ['id'], deletedAt: 'gone_at' },
      },
      {
        connector: 'postgres',
        stream: 'query',
        connection: 'shop',
        options: { sql: 'SELECT 1 AS id', values: { since: '2026-01-01', n: 3 } },
      },
    ]);
  });

  test('that cannot be are refused when the DAG is built, all problems at once', async () => {
    const table = {
      connection: 'shop',
      table: '',
      columns: ['a', 'a'],
      deletedWhen: 'x',
      deletedAt: 'y',
      overlap: 0.5,
    };
    const query = {
      connection: 'shop',
      sql: 'SELECT 1;',
      values: { Lower: 1, lower: 2, list: [1] },
      collumns: ['a'],
    };
    const error = await rejection(
      Promise.resolve().then(() =>
        build(
          postgres.table(table),
          postgres.table({ connection: 'shop' } as never),
          postgres.query(query as never),
          postgres.query({ connection: 'shop', sql: ' ' }),
          postgres.table({ connection: 'shop', table: 'ü'.repeat(32) }),
        ),
      ),
    );
    expect(error['code']).toBe('DAG_INVALID');
    for (const part of [
      'task "pull0": postgres.table: "table" must be a name of 1 to 63 bytes',
      'task "pull0": postgres.table: "columns" must be a list of different names',
      'task "pull0": postgres.table: give "deletedWhen" or "deletedAt", not both',
      'task "pull0": postgres.table: "overlap" must be a whole number from 0 on',
      'task "pull1": postgres.table: "table" is missing',
      'task "pull2": postgres.query: there is no option "collumns"',
      'task "pull2": postgres.query: "sql" must not end with a semicolon',
      'value name "Lower" must be small letters',
      'value name "lower" must be small letters',
      'value "list" must be text, a number or a boolean',
      'task "pull3": postgres.query: "sql" is missing',
      'task "pull4": postgres.table: "table" must be a name of 1 to 63 bytes',
    ])
      expect(error.message).toContain(part);
  });

  test('suggestions are near', () => {
    expect(nearestName('Updated_At', ['created_at', 'updated_at'])).toBe(' (did you mean "updated_at"?)');
    expect(nearestName('id', ['amount'])).toBe('');
    expect(nearestName('x', [])).toBe('');
  });
});
