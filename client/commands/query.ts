import type { Command } from 'commander';
import { limits } from '../../core/limits.js';
import { openWarehouseReader } from '../project.js';
import type { CommandContext } from '../context.js';
import { emit, renderTable } from '../output.js';
import { parseCount } from './arguments.js';

/** `millrace query`: one reading statement against the warehouse, also while a worker holds it. */
export function registerQuery(program: Command, context: CommandContext): void {
  program
    .command('query <sql>')
    .description('run one reading SQL statement on the warehouse')
    .option('--limit <rows>', 'rows at most', parseCount, 100)
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace query "SELECT count(*) FROM orders"')
    .action(async (sql: string, options: { limit: number; json?: boolean }, command: Command) => {
      const settings = context.settings(command);
      const reader = await openWarehouseReader(settings, () => context.ops(settings));
      try {
        const result = await reader.query(sql, Math.min(options.limit, limits.queryMaxRows));
        emit(context.output, options.json === true, result, () =>
          [
            renderTable(
              result.columns,
              result.rows.map((row) => result.columns.map((column) => renderCell(row[column]))),
            ),
            ...(result.truncated ? [`… more rows exist; raise --limit`] : []),
          ].join('\n'),
        );
      } finally {
        await reader.close();
      }
    });
}

function renderCell(value: unknown): string | number {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number' || typeof value === 'string') return value;
  return JSON.stringify(value);
}
