import type { Command } from 'commander';
import { summariseTasks } from '../../core/run/ledger.js';
import { isPipelineError } from '../../core/errors/index.js';
import type { TaskState } from '../../core/dag/dag-spec.js';
import type { CommandContext } from '../context.js';
import { renderGraph, renderMermaid } from '../dag-graph.js';
import { getDag } from '../deployment.js';
import { emit } from '../output.js';
import { readGrid, renderGrid } from '../run-grid.js';
import { parseCount } from './arguments.js';
import { findRun } from '../find-run.js';

/** `millrace dag grid` and `millrace dag graph`: a DAG's runs and its shape, in the terminal. */
export function registerDagViews(dag: Command, context: CommandContext): void {
  dag
    .command('grid <dag>')
    .description('runs by logical date against tasks, from the ledger')
    .option('--limit <count>', 'how many runs', parseCount, 20)
    .option('--ascii', 'letters in place of symbols', false)
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace dag grid orders --limit 30')
    .action(
      async (dagId: string, options: { limit: number; ascii: boolean; json?: boolean }, command: Command) => {
        const { ledger } = await context.ops(context.settings(command));
        const grid = await readGrid(
          ledger,
          dagId,
          await deployedTasks(context, command, dagId),
          options.limit,
        );
        emit(context.output, options.json === true, grid, () =>
          renderGrid(grid, { isAscii: options.ascii, hasColour: context.hasColour }),
        );
      },
    );

  dag
    .command('graph <dag>')
    .description('tasks of a deployed DAG, layer by layer, or as a Mermaid flowchart')
    .option('--mermaid', 'a Mermaid flowchart', false)
    .option('--run <run>', 'with the states that the ledger has of this run')
    .option('--ascii', 'letters in place of symbols', false)
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace dag graph orders --mermaid')
    .action(
      async (
        dagId: string,
        options: { mermaid: boolean; run?: string; ascii: boolean; json?: boolean },
        command: Command,
      ) => {
        const settings = context.settings(command);
        const { spec } = await getDag(await context.client(settings), dagId);
        const states = options.run === undefined ? undefined : await statesOf(context, command, options.run);
        const document = {
          dagId,
          tasks: spec.tasks.map(({ id, kind, upstream, triggerRule }) => ({
            ...{ id, kind, upstream, triggerRule },
            ...(states === undefined ? {} : { state: states[id] ?? 'none' }),
          })),
          ...(options.mermaid ? { mermaid: renderMermaid(spec, states) } : {}),
        };
        emit(context.output, options.json === true, document, () =>
          options.mermaid
            ? renderMermaid(spec, states)
            : renderGraph(spec, states, { isAscii: options.ascii, hasColour: context.hasColour }),
        );
      },
    );
}

/** Task ids in the order of the deployed spec; none where Temporal cannot tell, and the ledger's own order then serves. */
async function deployedTasks(context: CommandContext, command: Command, dagId: string): Promise<string[]> {
  try {
    const { spec } = await getDag(await context.client(context.settings(command)), dagId);
    return spec.tasks.map(({ id }) => id);
  } catch (error) {
    if (isPipelineError(error) && ['TEMPORAL_UNAVAILABLE', 'DAG_NOT_FOUND'].includes(error.code)) return [];
    throw error;
  }
}

async function statesOf(
  context: CommandContext,
  command: Command,
  id: string,
): Promise<Record<string, TaskState>> {
  const { ledger } = await context.ops(context.settings(command));
  const run = await findRun(ledger, id, undefined);
  return Object.fromEntries(
    summariseTasks(await ledger.listTasks([run])).map(({ taskId, state }) => [taskId, state]),
  );
}
