import { userInfo } from 'node:os';
import type { Command } from 'commander';
import type { QueryRow } from '../../connectors/warehouse.js';
import type { CommandContext } from '../context.js';
import {
  findIdentity,
  listMerges,
  rebuildGraph,
  showPerson,
  splitMerge,
  type DeployedIdentity,
} from '../identity.js';
import { emit, renderTable } from '../output.js';
import { openWarehouseReader, type ProjectWarehouse } from '../project.js';

interface Shared {
  readonly dag?: string;
  readonly json?: boolean;
}

/** `millrace identity …`: who is one person and why, and taking a wrong merge back. */
export function registerIdentity(program: Command, context: CommandContext): void {
  const identity = program.command('identity').description('who is one person: show, merges, split, rebuild');

  identity
    .command('show <type> <value>')
    .description('the person that has an identifier, by which links; type "person" takes a person key')
    .option('--dag <dag>', 'the DAG whose identity task it is, where several have one')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace identity show email ana@example.com')
    .action(async (type: string, value: string, options: Shared, command: Command) => {
      const person = await withGraph(context, command, options, (reader, graph) =>
        showPerson(reader, graph, type, value),
      );
      emit(context.output, options.json === true, person, () =>
        [
          `person ${person.personKey}`,
          '',
          tableOf(person.identifiers, [
            'identifier_type',
            'identifier_value',
            'first_seen',
            'last_seen',
            'source',
            'identifier_id',
          ]),
          ...(person.links.length === 0
            ? []
            : ['', tableOf(person.links, ['left_id', 'right_id', 'last_seen', 'source', 'status'])]),
          ...(person.merges.length === 0
            ? []
            : ['', tableOf(person.merges, ['merge_id', 'merged_key', 'kept_key', 'status', 'merged_at'])]),
        ].join('\n'),
      );
    });

  identity
    .command('merges')
    .description('persons that became one, newest first')
    .option('--all', 'also merges that an operator or later data took back', false)
    .option('--dag <dag>', 'the DAG whose identity task it is, where several have one')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace identity merges --all')
    .action(async (options: Shared & { readonly all: boolean }, command: Command) => {
      const merges = await withGraph(context, command, options, (reader, graph) =>
        listMerges(reader, graph, options.all),
      );
      emit(context.output, options.json === true, { merges }, () =>
        merges.length === 0
          ? 'No persons were merged.'
          : tableOf(merges, [
              ...['merge_id', 'merged_key', 'resolves_to', 'status', 'merged_at', 'run_id'],
              ...(options.all ? ['split_by', 'reason'] : []),
            ]),
      );
    });

  identity
    .command('split <merge>')
    .description('take a wrong merge back: the former key lives again, and the two are never merged again')
    .requiredOption('--reason <text>', 'why, for the record in the table of splits')
    .option('--by <name>', 'who; default: the user of this machine')
    .option('--dry-run', 'only say what would happen', false)
    .option('--dag <dag>', 'the DAG whose identity task it is, where several have one')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nExample:\n  $ millrace identity split 5d41… --reason "a shared tablet" --dry-run',
    )
    .action(
      async (
        mergeId: string,
        options: Shared & { readonly reason: string; readonly by?: string; readonly dryRun: boolean },
        command: Command,
      ) => {
        const settings = context.settings(command);
        const client = await context.client(settings);
        const graph = await findIdentity(client, options.dag);
        const { reason, dryRun, by = userInfo().username } = options;
        const outcome = await splitMerge(
          client,
          graph,
          { mergeId, reason, by, dryRun },
          settings.temporal.taskQueue,
        );
        emit(context.output, options.json === true, outcome, () => {
          const { keptKey, mergedKey, cutLinks, movedIdentifiers, wasSplit } = outcome.split;
          if (wasSplit) return `${mergeId} was split before; nothing changed.`;
          return [
            `${dryRun ? 'would be split' : 'split'}: ${mergedKey} from ${keptKey}`,
            `links cut: ${String(cutLinks)}; identifiers whose person has another key: ${String(movedIdentifiers)}`,
          ].join('\n');
        });
      },
    );

  identity
    .command('rebuild')
    .description(
      'resolve the graph from everything, not only from what was loaded since; persons and keys stay',
    )
    .option('--dag <dag>', 'the DAG whose identity task it is, where several have one')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace identity rebuild')
    .action(async (options: Shared, command: Command) => {
      const settings = context.settings(command);
      const client = await context.client(settings);
      const graph = await findIdentity(client, options.dag);
      const outcome = await rebuildGraph(client, graph, settings.temporal.taskQueue);
      const { persons, identifiers, changedRows } = outcome;
      emit(
        context.output,
        options.json === true,
        outcome,
        () =>
          `${String(persons)} persons of ${String(identifiers)} identifiers; rows that changed: ${String(changedRows)}`,
      );
    });
}

async function withGraph<T>(
  context: CommandContext,
  command: Command,
  { dag }: Shared,
  use: (reader: ProjectWarehouse, graph: DeployedIdentity) => Promise<T>,
): Promise<T> {
  const settings = context.settings(command);
  const graph = await findIdentity(await context.client(settings), dag);
  const reader = await openWarehouseReader(settings, () => context.ops(settings));
  try {
    return await use(reader, graph);
  } finally {
    await reader.close();
  }
}

function tableOf(rows: readonly QueryRow[], columns: readonly string[]): string {
  return renderTable(
    columns.map((column) => column.toUpperCase().replaceAll('_', ' ')),
    rows.map((row) => columns.map((column) => String(row[column] ?? ''))),
  );
}
