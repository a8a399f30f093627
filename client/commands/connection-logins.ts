import type { Command } from 'commander';
import type { LoginResult } from '../../connectors/oauth/login.js';
import type { OAuthSettings } from '../../connectors/oauth/settings.js';
import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import type { TokenStore } from '../../security/token-store.js';
import { oauthSettingsOf } from '../connections.js';
import type { CommandContext } from '../context.js';
import { emit } from '../output.js';
import { parseCount } from './arguments.js';

interface LoginFlags {
  readonly timeout: number;
  readonly device?: boolean;
  readonly json?: boolean;
}

async function logIn(
  oauth: OAuthSettings,
  tokens: TokenStore,
  { timeout, device }: LoginFlags,
  { output }: Pick<CommandContext, 'output'>,
): Promise<LoginResult> {
  const timeoutMs = timeout * 1000;
  if (device === true) {
    const { logInByDevice } = await import('../../connectors/oauth/device-login.js');
    return logInByDevice(oauth, tokens, {
      timeoutMs,
      onPrompt: ({ address, userCode, completeAddress }) => {
        const more = completeAddress === undefined ? '' : `Or open this one:\n\n  ${completeAddress}\n\n`;
        output.stderr(
          `Open this address in any browser:\n\n  ${address}\n\nand type the code ${userCode}\n\n${more}`,
        );
      },
    });
  }
  const login = await import('../../connectors/oauth/login.js');
  return login.logIn(oauth, tokens, {
    timeoutMs,
    onAddress: (address) => {
      output.stderr(`Open this address in a browser on this machine:\n\n  ${address.href}\n\n`);
    },
  });
}

/** `millrace connections login|logout|rotate-keys`: tokens and the keys that encrypt them. */
export function registerConnectionLogins(connections: Command, context: CommandContext): void {
  connections
    .command('login <name>')
    .description('log in with OAuth (authorization code, PKCE): prints an address to open in a browser here')
    .option('--device', 'log in with a browser on any machine, by a code (device authorization grant)')
    .option('--timeout <seconds>', 'how long to wait for the browser', parseCount, limits.oauthLoginMs / 1000)
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace connections login crm')
    .action(async (name: string, options: LoginFlags, command: Command) => {
      const settings = context.settings(command);
      const stores = await context.ops(settings);
      const oauth = await oauthSettingsOf(settings, stores, name);
      if (oauth?.grant !== 'authorization_code') {
        throw new PipelineError('USAGE', {
          problem: `Connection "${name}" is not one to log in to`,
          hint: 'Give it "auth" of type oauth2 with the grant authorization_code; the other grants get tokens by themselves',
        });
      }
      const result = await logIn(oauth, stores.tokens, options, context);
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
