import { describe, expect, test } from '@jest/globals';
import { mysql } from '../../connectors/mysql/reference.js';
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

describe('references to MySQL', () => {
  test('are plain data', () => {
    const { spec } = build(
      mysql.table({ connection: 'shop', table: 'Orders', database: 'sales', deletedAt: 'gone_at' }),
      mysql.query({ connection: 'shop', sql: 'SELECT ? AS id', values: ['2026-01-01'], zeroDates: 'null' }),
    );
    expect(spec.tasks.flatMap((task) => (task.kind === 'extract' ? [task.config.from] : []))).toEqual([
      {
        connector: 'mysql',
        stream: 'table',
        connection: 'shop',
        options: { table: 'Orders', database: 'sales', deletedAt: 'gone_at' },
      },
      {
        connector: 'mysql',
        stream: 'query',
        connection: 'shop',
        options: { sql: 'SELECT ? AS id', values: ['2026-01-01'], zeroDates: 'null' },
      },
    ]);
  });

  test('that cannot be are refused when the DAG is built, all problems at once', async () => {
    const table = { table: '', columns: ['a', 'a'], deletedWhen: 'x', deletedAt: 'y', overlap: 0.5 };
    const query = { sql: 'SELECT 1;', values: { a: 1 }, collumns: ['a'], zeroDates: 'drop' };
    const error = await rejection(
      Promise.resolve().then(() =>
        build(
          mysql.table({ connection: 'shop', ...table }),
          mysql.table({ connection: 'shop' } as never),
          mysql.query({ connection: 'shop', ...query } as never),
          mysql.query({ connection: 'shop', sql: ' ' }),
        ),
      ),
    );
    expect(error['code']).toBe('DAG_INVALID');
    for (const part of [
      'task "pull0": mysql.table: "table" must be a name of 1 to 256 characters',
      'task "pull0": mysql.table: "columns" must be a list of different names',
      'task "pull0": mysql.table: give "deletedWhen" or "deletedAt", not both',
      'task "pull0": mysql.table: "overlap" must be a whole number from 0 on',
      'task "pull1": mysql.table: "table" is missing',
      'task "pull2": mysql.query: there is no option "collumns"',
      'task "pull2": mysql.query: "sql" must not end with a semicolon',
      'task "pull2": mysql.query: "values" must be a list',
      'task "pull2": mysql.query: "zeroDates" must be "keep" or "null"',
      'task "pull3": mysql.query: "sql" is missing',
    ])
      expect(error.message).toContain(part);
  });
});
