import { InvalidArgumentError, type Command } from 'commander';
import type { Settings } from '../../config.js';
import { createSourceRegistry } from '../../connectors/registry.js';
import { warehouseOfConnection } from '../../connectors/warehouse-registry.js';
import { PipelineError } from '../../core/errors/index.js';
import type { JsonValue } from '../../core/json.js';
import type { OptionCheck } from '../../ops/connections.js';
import type { OptionChange } from '../../ops/option-paths.js';
import type { CommandContext } from '../context.js';
import { emit } from '../output.js';
import { readSecrets, splitOnce } from '../read-secrets.js';

interface ChangeOptions {
  readonly set: readonly [string, string][];
  readonly setJson: readonly [string, JsonValue][];
  readonly secret: readonly string[];
  readonly secretEnv: readonly string[];
  readonly unset: readonly string[];
  readonly json?: boolean;
}

/** `millrace connections add|update|remove`: connections of the operations store. */
export function registerConnectionChanges(connections: Command, context: CommandContext): void {
  withChanges(connections.command('add <name>'))
    .description('keep a new connection in the operations store, its secrets encrypted')
    .requiredOption('--connector <connector>', 'name of the connector, such as shopify')
    .addHelpText(
      'after',
      '\nExample:\n  $ millrace connections add shop --connector shopify --set shop=my-shop --secret accessToken',
    )
    .action(
      async (
        name: string,
        options: Omit<ChangeOptions, 'unset'> & { connector: string },
        command: Command,
      ) => {
        const settings = context.settings(command);
        const { connections: store } = await context.ops(settings);
        refuseConfigured(settings, name);
        if ((await warehouseOfConnection(options.connector)) === undefined)
          await createSourceRegistry(settings)(options.connector);
        const change = await readChange({ ...options, unset: [] }, context);
        await store.add(name, options.connector, change, await optionCheck(name, options.connector));
        emit(
          context.output,
          options.json === true,
          { connection: name, isAdded: true },
          () => `${name} is kept in the operations store; "millrace connections test ${name}" tries it`,
        );
      },
    );
  withChanges(connections.command('update <name>'))
    .description('change options of a connection of the operations store')
    .option('--unset <path>', 'remove an option and what is under it (repeatable)', collect, [])
    .addHelpText('after', '\nExample:\n  $ millrace connections update shop --secret accessToken')
    .action(async (name: string, options: ChangeOptions, command: Command) => {
      const settings = context.settings(command);
      const { connections: store } = await context.ops(settings);
      refuseConfigured(settings, name);
      const connector = (await store.get(name))?.connector;
      await store.update(name, await readChange(options, context), await optionCheck(name, connector));
      emit(
        context.output,
        options.json === true,
        { connection: name, isUpdated: true },
        () => `${name} is changed; tasks that start from now on use it`,
      );
    });
  connections
    .command('remove <name>')
    .description('remove a connection of the operations store, with its secrets and its login')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace connections remove shop')
    .action(async (name: string, options: { json?: boolean }, command: Command) => {
      const settings = context.settings(command);
      const { connections: store } = await context.ops(settings);
      if (!(await store.remove(name))) {
        refuseConfigured(settings, name);
        throw new PipelineError('CONNECTION_UNKNOWN', { connection: name });
      }
      emit(
        context.output,
        options.json === true,
        { connection: name, isRemoved: true },
        () => `${name} is removed`,
      );
    });
}

function withChanges(command: Command): Command {
  return command
    .option('--set <path=text>', 'an option that is no secret (repeatable)', collectPair, [])
    .option('--set-json <path=json>', 'the same for numbers, lists and objects', collectJson, [])
    .option(
      '--secret <path>',
      'a secret option, asked for on the terminal or read from standard input (repeatable)',
      collect,
      [],
    )
    .option(
      '--secret-env <path=VARIABLE>',
      'a secret option, taken from an environment variable now (repeatable)',
      collect,
      [],
    )
    .option('--json', 'print one JSON document');
}

/** @throws PipelineError CONNECTION_EXISTS: what millrace.json holds is changed there */
function refuseConfigured({ connections }: Settings, name: string): void {
  if (!Object.hasOwn(connections, name)) return;
  throw new PipelineError('CONNECTION_EXISTS', {
    connection: name,
    where: 'under "connections" in the settings',
    hint: 'change it in millrace.json',
  });
}

async function readChange(options: ChangeOptions, context: CommandContext): Promise<OptionChange> {
  return {
    set: Object.fromEntries([...options.set, ...options.setJson]),
    secrets: await readSecrets({ asked: options.secret, variables: options.secretEnv }, context),
    unset: options.unset,
  };
}

/** What can be checked without a request: all options of a warehouse; `auth` for OAuth, and `rate`, of a source. */
async function optionCheck(name: string, connector: string | undefined): Promise<OptionCheck> {
  const warehouse = connector === undefined ? undefined : await warehouseOfConnection(connector);
  if (warehouse !== undefined) return warehouse.checkConnection;
  const { isOAuth, oauthSettings } = await import('../../connectors/oauth/settings.js');
  const { rateRulesOf } = await import('../../connectors/http/rate-settings.js');
  return ({ auth, rate }) => {
    if (isOAuth(auth)) oauthSettings(name, auth);
    if (rate !== undefined) rateRulesOf(name, { rate });
  };
}

function collect(text: string, previous: readonly string[]): string[] {
  return [...previous, text];
}

function collectPair(text: string, previous: readonly [string, string][]): [string, string][] {
  if (!text.includes('=')) throw new InvalidArgumentError('Use path=text.');
  return [...previous, splitOnce(text)];
}

function collectJson(text: string, previous: readonly [string, JsonValue][]): [string, JsonValue][] {
  const [path, json] = splitOnce(text);
  try {
    return [...previous, [path, JSON.parse(json) as JsonValue]];
  } catch {
    throw new InvalidArgumentError('Use path=JSON, such as pageSize=100.');
  }
}
