import type { Command } from 'commander';
import type { CommandContext } from '../context.js';
import { startLocal } from '../local.js';
import { parseCount } from './arguments.js';

/** `millrace dev`: Temporal, worker, gateway and the project's DAGs, in one command. */
export function registerDev(program: Command, context: CommandContext): void {
  program
    .command('dev')
    .description(
      'start a Temporal server, a worker and a gateway, and deploy the dags folder; Ctrl-C stops all of it',
    )
    .option('--port <port>', 'port of the gateway; any free one without', parseCount)
    .option('--json', 'print one JSON line when ready')
    .addHelpText('after', '\nExample:\n  $ millrace dev')
    .action(async (options: { port?: number; json?: boolean }, command: Command) => {
      const tell = (line: string) => {
        context.output.stderr(`${line}\n`);
      };
      const stopped = new Promise<void>((resolve) => {
        for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, resolve);
      });
      const local = await startLocal({
        settings: context.settings(command),
        env: context.env,
        gatewayPort: options.port ?? 0,
        onProgress: tell,
      });
      try {
        const ready = {
          temporalAddress: local.temporal.address,
          temporalUiUrl: local.temporal.uiUrl,
          gatewayUrl: local.gateway.url,
          dags: local.deployed.map((dag) => dag.dagId),
        };
        if (options.json === true) context.output.stdout(`${JSON.stringify(ready)}\n`);
        else {
          tell(`DAGs         ${ready.dags.join(', ') || 'none: put a file into dags/'}`);
          tell(`Temporal UI  ${ready.temporalUiUrl}`);
          tell(`Gateway      ${ready.gatewayUrl}`);
          tell('Ctrl-C stops everything.');
        }
        await Promise.race([stopped, local.failed]);
      } finally {
        await local.stop();
      }
    });
}
