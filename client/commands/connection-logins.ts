import type { Command } from 'commander';
import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import { oauthSettingsOf } from '../connections.js';
import type { CommandContext } from '../context.js';
import { emit } from '../output.js';
import { parseCount } from './arguments.js';

/** `millrace connections login|logout|rotate-keys`: tokens and the keys that encrypt them. */
export function registerConnectionLogins(connections: Command, context: CommandContext): void {
  connections
    .command('login <name>')
    .description('log in with OAuth (authorization code, PKCE): prints an address to open in a browser here')
    .option('--timeout <seconds>', 'how long to wait for the browser', parseCount, limits.oauthLoginMs / 1000)
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace connections login crm')
    .action(async (name: string, options: { timeout: number; json?: boolean }, command: Command) => {
      const settings = context.settings(command);
      const stores = await context.ops(settings);
      const oauth = await oauthSettingsOf(settings, stores, name);
      if (oauth?.grant !== 'authorization_code') {
        throw new PipelineError('USAGE', {
          problem: `Connection "${name}" is not one to log in to`,
          hint: 'Give it "auth" of type oauth2 with the grant authorization_code; the other grants get tokens by themselves',
        });
      }
      const { logIn } = await import('../../connectors/oauth/login.js');
      const result = await logIn(oauth, stores.tokens, {
        timeoutMs: options.timeout * 1000,
        onAddress: (address) => {
          context.output.stderr(`Open this address in a browser on this machine:\n\n  ${address.href}\n\n`);
        },
      });
      emit(context.output, options.json === true, { connection: name, ...result }, () =>
        [
          `${name} is logged in`,
          ...(result.canRenew
            ? []
            : [
                `The server gave no refresh token, so this lasts until ${result.expiresAt ?? 'the server ends it'}. Many servers give one for the scope "offline_access".`,
              ]),
        ].join('\n'),
      );
    });
  connections
    .command('logout <name>')
    .description('forget the tokens of a connection; the server is not told')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace connections logout crm')
    .action(async (name: string, options: { json?: boolean }, command: Command) => {
      const settings = context.settings(command);
      const wasLoggedIn = await (await context.ops(settings)).tokens.remove(name);
      emit(context.output, options.json === true, { connection: name, wasLoggedIn }, () =>
        wasLoggedIn ? `The tokens of ${name} are forgotten` : `${name} had no tokens`,
      );
    });
  connections
    .command('rotate-keys')
    .description(
      'encrypt every secret and token anew with the first key of security.keys; all of them or none',
    )
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace connections rotate-keys')
    .action(async (options: { json?: boolean }, command: Command) => {
      const settings = context.settings(command);
      const rotation = await (await context.ops(settings)).rotateKeys();
      emit(
        context.output,
        options.json === true,
        rotation,
        () =>
          `${String(rotation.renewed)} secrets and tokens are now encrypted with key "${rotation.keyId}"; ${String(rotation.unchanged)} were before`,
      );
    });
}
