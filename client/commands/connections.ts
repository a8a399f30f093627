import type { Command } from 'commander';
import { PipelineError } from '../../core/errors/index.js';
import type { CommandContext } from '../context.js';
import { emit, exitCodes, renderTable } from '../output.js';
import { testConnection } from '../project.js';

/** `millrace connections test`: one cheap request to each configured connection. */
export function registerConnections(program: Command, context: CommandContext): void {
  const connections = program.command('connections').description('configured connections to sources');
  connections
    .command('test [name]')
    .description('prove that a connection works with one cheap request; all of them without a name')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace connections test shop')
    .action(async (name: string | undefined, options: { json?: boolean }, command: Command) => {
      const settings = context.settings(command);
      const names = name === undefined ? Object.keys(settings.connections) : [name];
      if (names.some((item) => !(item in settings.connections)))
        throw new PipelineError('CONNECTION_UNKNOWN', { connection: String(name) });
      const results = await Promise.all(names.map((item) => testConnection(settings, item)));
      emit(context.output, options.json === true, { connections: results }, () =>
        results.length === 0
          ? 'No connection is configured.'
          : renderTable(
              ['CONNECTION', 'CONNECTOR', 'RESULT', 'DETAIL'],
              results.map((result) => [
                result.name,
                result.connector,
                result.isWorking ? 'works' : 'FAILED',
                result.detail,
              ]),
            ),
      );
      if (results.some((result) => !result.isWorking)) context.exitCode = exitCodes.failed;
    });
}
