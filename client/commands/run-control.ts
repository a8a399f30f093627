import { WorkflowNotFoundError } from '@temporalio/client';
import type { Command } from 'commander';
import { PipelineError } from '../../core/errors/index.js';
import type { CommandContext } from '../context.js';
import { emit } from '../output.js';

/** `millrace run …`: what can be done to a run. */
export function registerRunControl(run: Command, context: CommandContext): void {
  run
    .command('cancel <run>')
    .description('ask a run to end; its teardowns still run')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace run cancel RUN')
    .action(async (workflowId: string, options: { json?: boolean }, command: Command) => {
      const client = await context.client(context.settings(command));
      try {
        await client.workflow.getHandle(workflowId).cancel();
      } catch (error) {
        if (!(error instanceof WorkflowNotFoundError)) throw error;
        throw new PipelineError('RUN_NOT_FOUND', {
          what: 'running run',
          id: workflowId,
          command: 'millrace dag runs DAG',
        });
      }
      emit(
        context.output,
        options.json === true,
        { workflowId, requested: 'cancel' },
        () => `cancel requested for ${workflowId}`,
      );
    });
}
