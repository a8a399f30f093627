import type { Command } from 'commander';
import { obtainTemporalCli } from '../temporal/obtain-cli.js';
import type { CommandContext } from '../context.js';
import { emit } from '../output.js';

/** `millrace temporal install`: gets the Temporal server that `dev` and the tests use, ahead of time. */
export function registerTemporal(program: Command, context: CommandContext): void {
  const temporal = program.command('temporal').description('the embedded Temporal server');
  temporal
    .command('install')
    .description('find the Temporal CLI, or download or build it into the cache')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace temporal install')
    .action(async (options: { json?: boolean }) => {
      const cli = await obtainTemporalCli({
        env: context.env,
        onProgress: (line) => {
          context.output.stderr(`${line}\n`);
        },
      });
      emit(context.output, options.json === true, cli, () => `${cli.path} (${cli.source})`);
    });
}
