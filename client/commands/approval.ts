import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { decide, listApprovals } from '../approvals.js';
import type { CommandContext } from '../context.js';
import { emit, renderTable } from '../output.js';
import { parseCount } from './arguments.js';

/** `millrace approval …`: tasks that wait for a person. */
export function registerApproval(program: Command, context: CommandContext): void {
  const approval = program
    .command('approval')
    .description('tasks that wait for a person: list, approve, reject');
  approval
    .command('list <dag>')
    .description('approval tasks of running runs that wait for an answer')
    .option('--limit <count>', 'running runs to look at, newest first', parseCount, 100)
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace approval list campaign')
    .action(async (dagId: string, options: { limit: number; json?: boolean }, command: Command) => {
      const client = await context.client(context.settings(command));
      const approvals = await listApprovals(client, dagId, options.limit);
      emit(context.output, options.json === true, { approvals }, () =>
        approvals.length === 0
          ? 'Nothing waits for approval.'
          : renderTable(
              ['RUN', 'TASK', 'SUBJECT'],
              approvals.map(({ workflowId, taskId, subject }) => [workflowId, taskId, subject]),
            ),
      );
    });

  for (const [verb, decision] of [
    ['approve', 'approved'],
    ['reject', 'rejected'],
  ] as const) {
    approval
      .command(`${verb} <run> <task>`)
      .description(`${verb} what the task asks; the first answer counts`)
      .option('--by <name>', 'who decides; default: the user of this machine')
      .option('--comment <text>', 'why')
      .option('--json', 'print one JSON document')
      .addHelpText(
        'after',
        `\nExample:\n  $ millrace approval ${verb} RUN release --comment "seen the numbers"`,
      )
      .action(
        async (
          workflowId: string,
          taskId: string,
          options: { by?: string; comment?: string; json?: boolean },
          command: Command,
        ) => {
          const by = options.by ?? userInfo().username;
          const client = await context.client(context.settings(command));
          await decide(client, workflowId, {
            taskId,
            decision,
            by,
            ...(options.comment === undefined ? {} : { comment: options.comment }),
          });
          emit(
            context.output,
            options.json === true,
            { workflowId, taskId, decision, by },
            () => `${taskId}: ${decision} by ${by}`,
          );
        },
      );
  }
}
