import type { Command } from 'commander';
import { PipelineError } from '../../core/errors/index.js';
import { budgetText } from '../connection-budgets.js';
import { listConnections, testConnection, type ConnectionView } from '../connections.js';
import type { CommandContext } from '../context.js';
import { registerConnectionChanges } from './connection-changes.js';
import { registerConnectionLogins } from './connection-logins.js';
import { emit, exitCodes, renderTable } from '../output.js';

/** `millrace connections …`: how sources are reached; secrets are never shown. */
export function registerConnections(program: Command, context: CommandContext): void {
  const connections = program
    .command('connections')
    .description(
      'connections to sources: list, show, budget, test, add, update, remove, login, logout, rotate-keys',
    );
  registerViews(connections, context);
  registerConnectionChanges(connections, context);
  registerConnectionLogins(connections, context);
}

function registerViews(connections: Command, context: CommandContext): void {
  connections
    .command('list')
    .description('every connection of the settings and of the operations store')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace connections list')
    .action(async (options: { json?: boolean }, command: Command) => {
      const settings = context.settings(command);
      const views = await listConnections(settings, await context.ops(settings));
      emit(context.output, options.json === true, { connections: views }, () =>
        views.length === 0
          ? 'There is no connection. Add one with "millrace connections add".'
          : renderTable(
              ['CONNECTION', 'CONNECTOR', 'FROM', 'LOGIN'],
              views.map(({ name, connector, origin, login }) => [
                name,
                connector,
                origin,
                login === undefined ? '-' : `${login.grant}: ${login.state}`,
              ]),
            ),
      );
    });
  connections
    .command('show <name>')
    .description('options of a connection; secrets are masked')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace connections show crm')
    .action(async (name: string, options: { json?: boolean }, command: Command) => {
      const settings = context.settings(command);
      const view = (await listConnections(settings, await context.ops(settings))).find(
        (item) => item.name === name && item.origin !== 'store, hidden',
      );
      if (view === undefined) throw new PipelineError('CONNECTION_UNKNOWN', { connection: name });
      emit(context.output, options.json === true, view, () => textOf(view));
    });
  connections
    .command('budget <name>')
    .description('what is known of the rate limits of a connection, what is left of them, and who waits')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace connections budget shop')
    .action(async (name: string, options: { json?: boolean }, command: Command) => {
      const settings = context.settings(command);
      const stores = await context.ops(settings);
      const isKnown = (await listConnections(settings, stores)).some((view) => view.name === name);
      if (!isKnown) throw new PipelineError('CONNECTION_UNKNOWN', { connection: name });
      const budgets = await stores.rates.views(name);
      emit(context.output, options.json === true, { connection: name, budgets }, () =>
        budgetText(name, budgets),
      );
    });
  connections
    .command('test [name]')
    .description('prove that a connection works with one cheap request; all of them without a name')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace connections test shop')
    .action(async (name: string | undefined, options: { json?: boolean }, command: Command) => {
      const settings = context.settings(command);
      const stores = await context.ops(settings);
      const known = (await listConnections(settings, stores)).filter(
        ({ origin }) => origin !== 'store, hidden',
      );
      const names = name === undefined ? known.map((view) => view.name) : [name];
      const results = await Promise.all(names.map((item) => testConnection(settings, stores, item)));
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

function textOf({ name, connector, origin, options, login }: ConnectionView): string {
  return [
    `${name}  ${connector}, from ${origin}`,
    ...(login === undefined ? [] : [`login  ${login.grant}: ${login.state}`]),
    JSON.stringify(options, undefined, 2),
  ].join('\n');
}
