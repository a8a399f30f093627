import type { Command } from 'commander';
import type { CommandContext } from '../context.js';
import { startGatewayService, startWorkerService, type Service } from '../services.js';

/** `millrace worker` and `millrace gateway`: the two long-running processes of a deployment. */
export function registerServices(program: Command, context: CommandContext): void {
  program
    .command('worker')
    .description('run tasks until SIGTERM or SIGINT; drains what is under way')
    .option('--json', 'log as JSON lines (always so)')
    .addHelpText('after', '\nExample:\n  $ TEMPORAL_ADDRESS=temporal:7233 millrace worker')
    .action(async (_options: unknown, command: Command) => {
      const settings = context.settings(command);
      await context.client(settings);
      await untilSignal(await startWorkerService(settings));
    });
  program
    .command('gateway')
    .description('receive webhooks and Segment-compatible events until SIGTERM or SIGINT')
    .option('--json', 'log as JSON lines (always so)')
    .addHelpText('after', '\nExample:\n  $ millrace gateway')
    .action(async (_options: unknown, command: Command) => {
      const gateway = await startGatewayService(context.settings(command));
      context.output.stderr(`gateway listens on ${gateway.url}\n`);
      await untilSignal(gateway);
    });
}

async function untilSignal(service: Service): Promise<void> {
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, resolve);
  });
  await Promise.race([stopped, service.failed]);
  await service.stop();
}
