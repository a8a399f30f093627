import type { Command } from 'commander';
import { PipelineError } from '../../core/errors/index.js';
import type { QueryRow } from '../../connectors/warehouse.js';
import type { CommandContext } from '../context.js';
import { getDag } from '../deployment.js';
import { emit, exitCodes, renderTable } from '../output.js';
import { openWarehouseReader, type ProjectWarehouse } from '../project.js';
import { replayQuarantine } from '../quarantine-replay.js';
import { parseCount } from './arguments.js';

/** `millrace quarantine …`: rows that failed a check: look at them, and run them through the corrected pipeline. */
export function registerQuarantine(program: Command, context: CommandContext): void {
  const quarantine = program
    .command('quarantine')
    .description('rows that failed a check: list, show, replay');

  quarantine
    .command('list')
    .description('quarantined rows, newest first')
    .option('--dag <dag>', 'only of this DAG')
    .option('--all', 'also those that a replay has settled', false)
    .option('--limit <count>', 'how many', parseCount, 50)
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace quarantine list --dag site-events')
    .action(
      async (options: { dag?: string; all: boolean; limit: number; json?: boolean }, command: Command) => {
        const rows = await withReader(context, command, (reader) =>
          reader.listQuarantine({ ...options, ids: undefined }),
        );
        emit(context.output, options.json === true, { rows }, () =>
          rows.length === 0
            ? 'Nothing is quarantined.'
            : renderTable(
                ['ID', 'DAG', 'TABLE', 'CODE', 'POINTER', 'STATUS', 'AT'],
                rows.map((row) =>
                  [
                    'quarantine_id',
                    'dag_id',
                    'table_name',
                    'code',
                    'pointer',
                    'status',
                    'quarantined_at',
                  ].map((key) => text(row[key])),
                ),
              ),
        );
      },
    );

  quarantine
    .command('show <id>')
    .description('one quarantined row with its original bytes')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace quarantine show 3f2a…')
    .action(async (id: string, options: { json?: boolean }, command: Command) => {
      const [row] = await withReader(context, command, (reader) =>
        reader.listQuarantine({ all: true, limit: 1, ids: [id] }),
      );
      if (row === undefined)
        throw new PipelineError('RUN_NOT_FOUND', {
          what: 'quarantined row',
          id,
          command: 'millrace quarantine list',
        });
      emit(context.output, options.json === true, row, () =>
        Object.entries(row)
          .map(([key, value]) => `${key.padEnd(16)} ${text(value)}`)
          .join('\n'),
      );
    });

  quarantine
    .command('replay <dag>')
    .description(
      'run quarantined rows through the DAG as it is deployed now; rows that pass are marked replayed',
    )
    .option('--id <id...>', 'only these rows')
    .option('--limit <count>', 'rows at most', parseCount, 10_000)
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace quarantine replay site-events')
    .action(
      async (dagId: string, options: { id?: string[]; limit: number; json?: boolean }, command: Command) => {
        const settings = context.settings(command);
        const client = await context.client(settings);
        await getDag(client, dagId);
        const rows = await withReader(context, command, (reader) =>
          reader.listQuarantine({ dag: dagId, all: false, limit: options.limit, ids: options.id }),
        );
        const outcome = await replayQuarantine(client, settings.temporal.taskQueue, dagId, rows);
        emit(context.output, options.json === true, outcome, () =>
          outcome.rows === 0
            ? `Nothing of ${dagId} waits in quarantine.`
            : `${String(outcome.rows)} rows replayed in ${String(outcome.runs.length)} runs: ${String(outcome.counts.loaded)} loaded, ${String(outcome.counts.quarantined)} quarantined again`,
        );
        if (outcome.counts.quarantined > 0) context.exitCode = exitCodes.failed;
      },
    );
}

async function withReader<T>(
  context: CommandContext,
  command: Command,
  use: (reader: ProjectWarehouse) => Promise<T>,
): Promise<T> {
  const settings = context.settings(command);
  const reader = await openWarehouseReader(settings, () => context.ops(settings));
  try {
    return await use(reader);
  } finally {
    await reader.close();
  }
}

function text(value: QueryRow[string] | undefined): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null);
}
