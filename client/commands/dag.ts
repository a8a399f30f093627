import type { Command } from 'commander';
import { describeSchedule } from '../../core/schedule/describe-schedule.js';
import { resultOfFailure } from '../../activities/runs/failed-run.js';
import type { JsonObject } from '../../core/json.js';
import type { CommandContext } from '../context.js';
import { getDag, listDags } from '../deployment.js';
import { emit, exitCodes, renderTable } from '../output.js';
import { listRuns, triggerRun } from '../runs.js';
import { registerBulk } from './dag-bulk.js';
import { registerDagViews } from './dag-views.js';
import { intervalOption, parseCount, parseParams, parseTime } from './arguments.js';
import { registerPauses } from './dag-pauses.js';
import { registerSample } from './dag-sample.js';

/** `millrace dag …`: look at deployed DAGs, start, pause and resume them. */
export function registerDag(program: Command, context: CommandContext): void {
  const dag = program
    .command('dag')
    .description(
      'deployed DAGs: list, show, trigger, pause, unpause, gaps, runs, retry, cancel, grid, graph, sample',
    );
  registerList(dag, context);
  registerShow(dag, context);
  registerTrigger(dag, context);
  registerPauses(dag, context);
  registerRuns(dag, context);
  registerBulk(dag, context);
  registerDagViews(dag, context);
  registerSample(dag, context);
}

function registerList(dag: Command, context: CommandContext): void {
  dag
    .command('list')
    .description('every deployed DAG')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace dag list')
    .action(async (options: { json?: boolean }, command: Command) => {
      const dags = await listDags(await context.client(context.settings(command)));
      emit(context.output, options.json === true, { dags }, () =>
        dags.length === 0
          ? 'No DAG is deployed. Run "millrace deploy".'
          : renderTable(
              ['DAG', 'MODE', 'STATE', 'NEXT RUN'],
              dags.map((item) => [
                item.dagId,
                item.mode,
                item.isPaused ? 'paused' : 'active',
                item.nextRunAt ?? '-',
              ]),
            ),
      );
    });
}

function registerShow(dag: Command, context: CommandContext): void {
  dag
    .command('show <dag>')
    .description('schedule, tasks and edges of a deployed DAG')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace dag show orders')
    .action(async (dagId: string, options: { json?: boolean }, command: Command) => {
      const deployed = await getDag(await context.client(context.settings(command)), dagId);
      emit(context.output, options.json === true, deployed, () => {
        const { spec } = deployed;
        return [
          `${spec.id}  ${spec.mode}  ${deployed.isPaused ? `paused (${deployed.pauseReason})` : 'active'}  owner ${spec.owner}`,
          spec.description,
          `schedule  ${describeSchedule(spec.schedule)}`,
          `spec      ${deployed.specHash}`,
          `missed    ${String(deployed.missedRuns)} outside the catch-up window, ${String(deployed.skippedRuns)} skipped by overlap`,
          ...deployed.nextRunTimes.slice(0, 3).map((time) => `next      ${time}`),
          '',
          renderTable(
            ['TASK', 'KIND', 'AFTER', 'TRIGGER RULE'],
            spec.tasks.map((task) => [task.id, task.kind, task.upstream.join(', ') || '-', task.triggerRule]),
          ),
        ].join('\n');
      });
    });
}

function registerTrigger(dag: Command, context: CommandContext): void {
  dag
    .command('trigger <dag>')
    .description('start one run by hand')
    .option('--from <time>', 'start of the data interval, ISO 8601', parseTime)
    .option('--to <time>', 'end of the data interval, exclusive', parseTime)
    .option('--params <json>', 'run parameters as a JSON object', parseParams)
    .option('--name <name>', 'name of the run; the same name is never run twice at once')
    .option('--wait', 'wait for the end; exit code 1 when the run fails', false)
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nExample:\n  $ millrace dag trigger orders --from 2026-01-01 --to 2026-02-01 --wait',
    )
    .action(
      async (
        dagId: string,
        options: {
          from?: string;
          to?: string;
          params?: JsonObject;
          name?: string;
          wait: boolean;
          json?: boolean;
        },
        command: Command,
      ) => {
        const settings = context.settings(command);
        const run = await triggerRun(await context.client(settings), dagId, {
          taskQueue: settings.temporal.taskQueue,
          ...intervalOption(options.from, options.to),
          ...(options.params === undefined ? {} : { params: options.params }),
          ...(options.name === undefined ? {} : { name: options.name }),
        });
        if (!options.wait) {
          emit(
            context.output,
            options.json === true,
            { workflowId: run.workflowId },
            () => `started ${run.workflowId}`,
          );
          return;
        }
        try {
          const result = await run.result();
          emit(context.output, options.json === true, { workflowId: run.workflowId, result }, () => {
            const { counts } = result;
            return `${result.state} ${run.workflowId}: ${String(counts.extracted)} extracted, ${String(counts.loaded)} loaded, ${String(counts.unchanged)} unchanged, ${String(counts.superseded)} superseded, ${String(counts.quarantined)} quarantined`;
          });
          if (result.state !== 'success') context.exitCode = exitCodes.failed;
        } catch (error) {
          const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
          const message = cause instanceof Error ? cause.message : String(cause);
          const result = resultOfFailure(error);
          emit(
            context.output,
            options.json === true,
            { workflowId: run.workflowId, error: message, ...(result === undefined ? {} : { result }) },
            () => `failed ${run.workflowId}: ${message}`,
          );
          context.exitCode = exitCodes.failed;
        }
      },
    );
}

function registerRuns(dag: Command, context: CommandContext): void {
  dag
    .command('runs <dag>')
    .description('runs of a DAG, newest first')
    .option('--limit <count>', 'how many', parseCount, 20)
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace dag runs orders --limit 5')
    .action(async (dagId: string, options: { limit: number; json?: boolean }, command: Command) => {
      const client = await context.client(context.settings(command));
      await getDag(client, dagId);
      const runs = await listRuns(client, dagId, options.limit);
      emit(context.output, options.json === true, { runs }, () =>
        renderTable(
          ['RUN', 'STATUS', 'STARTED', 'CLOSED'],
          runs.map((run) => [run.workflowId, run.status, run.startedAt, run.closedAt ?? '-']),
        ),
      );
    });
}
