import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { CommandContext } from '../../client/context.js';
import { runCommand } from '../../client/program.js';
import { createShopServer, type ShopServer } from '../../testing/index.js';
import { OAuthServer, signIn } from '../auth/oauth-server.js';
import type { CommandOutcome } from '../helpers/command-process.js';
import { TestProject, waitUntil } from '../helpers/project.js';
import { taskOf, triggerRun } from '../helpers/runs.js';

const key = randomBytes(32).toString('base64');
const canary = 'canary-secret-90ab';
/** Secrets that nothing may show: no output, no file. */
const secrets = new Set([key, canary]);
/** All that commands and the worker printed. */
let printed = '';
let project: TestProject;
let oauth: OAuthServer;
let shop: ShopServer;
let door: Server;

const dag = `import { defineDag, shopify } from 'millrace';
export default defineDag({
  id: 'orders',
  retries: 0,
  tasks: ({ extract, validate, load }) => {
    const raw = extract('pull', { from: shopify.orders({ connection: 'account' }), read: 'full' });
    load('keep', validate('check', raw, { schema: 'order.v1' }), { into: 'orders', key: ['id'], version: ['updated_at'] });
  },
});`;

beforeAll(async () => {
  oauth = await OAuthServer.start();
  oauth.onToken = (token) => secrets.add(token);
  secrets.add(oauth.serviceSecret);
  shop = await createShopServer({ orders: 20, steps: 1 });
  door = await openDoor();
  project = await TestProject.create({ 'orders.ts': dag }, { security: { keys: [{ env: 'TEST_KEYS' }] } });
  process.env['TEST_KEYS'] = `test:${key}`;
  await project.startTemporal();
}, 240_000);

afterAll(async () => {
  delete process.env['TEST_KEYS'];
  door.closeAllConnections();
  door.close();
  await shop.close();
  await oauth.close();
});

/** The shop behind tokens of the OAuth server: it stands in for a shop whose own server gives the tokens. */
async function openDoor(): Promise<Server> {
  const server = createServer((request, response) => {
    void (async () => {
      const token = String(request.headers['x-shopify-access-token'] ?? '');
      if (!(await oauth.isValid(token))) {
        response.writeHead(401).end();
        return;
      }
      const answer = await fetch(new URL(request.url ?? '/', shop.url), {
        headers: { 'x-shopify-access-token': shop.accessToken },
      });
      const link = answer.headers.get('link')?.replaceAll(shop.url, urlOf(server));
      response.writeHead(answer.status, {
        'content-type': 'application/json',
        ...(link !== undefined && { link }),
      });
      response.end(Buffer.from(await answer.arrayBuffer()));
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function urlOf(server: Server): string {
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

interface CommandOptions {
  readonly input?: string;
  /** The input says that it is a terminal. */
  readonly isTerminal?: boolean;
  /** `isHidden`: the terminal shows nothing of what is typed. */
  onStderr?(text: string, isHidden: boolean): void;
}

/** One command in this process; a process of its own takes seconds to start. */
async function run(
  args: readonly string[],
  { input, isTerminal = false, onStderr }: CommandOptions = {},
): Promise<CommandOutcome> {
  const output = { stdout: '', stderr: '' };
  const stdin = Object.assign(new PassThrough(), {
    isTTY: isTerminal,
    isRaw: false,
    setRawMode: (isRaw: boolean) => Object.assign(stdin, { isRaw }),
  });
  stdin.end(input ?? '');
  const context = new CommandContext({
    output: {
      stdout: (text) => (output.stdout += text),
      stderr: (text) => {
        output.stderr += text;
        onStderr?.(text, stdin.isRaw);
      },
    },
    env: { ...project.env, CANARY: canary, SERVICE_SECRET: oauth.serviceSecret },
    cwd: project.folder,
    input: stdin as unknown as NodeJS.ReadStream,
  });
  const code = await runCommand(context, args);
  printed += output.stdout + output.stderr;
  return { code, ...output };
}

async function json<Result>(args: readonly string[], options: CommandOptions = {}): Promise<Result> {
  const { code, stdout, stderr } = await run([...args, '--json'], options);
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${String(code)}: ${stderr}${stdout}`);
  return JSON.parse(stdout) as Result;
}

const serviceOptions = (connection: string) => [
  ...['connections', 'add', connection, '--connector', 'shopify', '--set', `url=${urlOf(door)}`],
  ...[
    '--set',
    'auth.type=oauth2',
    '--set',
    'auth.grant=client_credentials',
    '--set',
    'auth.clientId=service',
  ],
  ...['--set', `auth.tokenUrl=${oauth.url}/token`, '--set', 'auth.header=x-shopify-access-token'],
  ...['--set', 'auth.prefix=', '--secret', 'auth.clientSecret'],
];

const codeOptions = (connection: string) => [
  ...['connections', 'add', connection, '--connector', 'shopify', '--set', `url=${urlOf(door)}`],
  ...[
    '--set-json',
    `auth=${JSON.stringify({ type: 'oauth2', grant: 'authorization_code', issuer: oauth.url })}`,
  ],
  ...['--set', 'auth.clientId=app', '--set', 'auth.scope=openid offline_access'],
  ...['--set', 'auth.parameters.prompt=consent', '--set', 'auth.header=x-shopify-access-token'],
  ...['--set', 'auth.prefix='],
];

describe('connections by command', () => {
  test('are added with a secret from standard input, listed, shown masked, tested and removed', async () => {
    await json(serviceOptions('shop'), { input: `${oauth.serviceSecret}\n` });
    const shown = await json<{ options: { auth: Record<string, unknown> } }>(['connections', 'show', 'shop']);
    expect(shown).toMatchObject({
      origin: 'store',
      options: { auth: { clientSecret: '[secret]', clientId: 'service' } },
      login: { grant: 'client_credentials', state: 'needs no login' },
    });
    const tested = await run(['connections', 'test', 'shop']);
    expect([tested.code, tested.stdout]).toEqual([0, expect.stringContaining('works')]);
    expect(await json(['connections', 'budget', 'shop'])).toMatchObject({
      connection: 'shop',
      budgets: [{ account: new URL(urlOf(door)).host, bucket: 'requests', rules: [], held: 0, waiting: [] }],
    });
    const rate = ['--set-json', 'rate={"requests":0,"per":"2 days","burst":3}'];
    const refused = (await run(['connections', 'update', 'shop', ...rate])).stderr;
    for (const problem of ['unknown key "burst"', 'rate.requests must', 'rate.per must'])
      expect(refused).toContain(problem);
    expect(await run(serviceOptions('shop'), { input: 'a' })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('[CONNECTION_EXISTS]'),
    });
    await json(['connections', 'add', 'plain', '--connector', 'file', '--set', 'folder=in']);
    expect((await run(['connections', 'list'])).stdout).toMatch(/^plain +file +store +-$/m);
    await json(['connections', 'remove', 'plain']);
    expect((await run(['connections', 'remove', 'plain'])).stderr).toContain('[CONNECTION_UNKNOWN]');
  });

  test('take several secrets as JSON, from a variable, and at a terminal without showing them', async () => {
    const add = ['connections', 'add', 'many', '--connector', 'shopify', '--set', 'shop=a'];
    const two = ['--secret', 'accessToken', '--secret', 'auth.password'];
    const piped = { input: JSON.stringify({ accessToken: `${canary}1`, 'auth.password': `${canary}2` }) };
    await json([...add, ...two, '--secret-env', 'apiKey=CANARY'], piped);
    expect(await json(['connections', 'show', 'many'])).toMatchObject({
      options: { shop: 'a', accessToken: '[secret]', apiKey: '[secret]', auth: { password: '[secret]' } },
    });
    const asked: [string, boolean][] = [];
    await json(['connections', 'update', 'many', '--secret', 'accessToken', '--unset', 'auth'], {
      input: `${canary}3\n`,
      isTerminal: true,
      onStderr: (text, isHidden) => asked.push([text, isHidden]),
    });
    expect(asked[0]).toEqual(['accessToken: ', true]);
    const other = await run([...add, ...two], { input: 'no JSON' });
    expect([other.code, other.stderr]).toEqual([2, expect.stringContaining('does not hold these secrets')]);
  });

  test('refuse a secret on the command line, and options that cannot work, before anything is kept', async () => {
    const add = ['connections', 'add', 'wrong', '--connector'];
    const inArguments = await run([...add, 'shopify', '--set', 'accessToken=a']);
    expect(inArguments.stderr).toContain('give it with --secret');
    expect((await run([...add, 'nothing'])).stderr).toContain('[CONNECTOR_UNKNOWN]');
    const incomplete = await run([...add, 'shopify', '--set', 'auth.type=oauth2', '--set', 'auth.grant=x']);
    expect([incomplete.code, incomplete.stderr]).toEqual([78, expect.stringContaining('auth.grant')]);
    expect((await run(['connections', 'show', 'wrong'])).code).toBe(78);
  });

  test('of the settings win over stored ones of the same name', async () => {
    await json(['connections', 'add', 'both', '--connector', 'file', '--set', 'folder=stored']);
    const before = project.read('millrace.json');
    const service = { type: 'oauth2', grant: 'client_credentials', clientId: 'service' };
    const shape = { tokenUrl: `${oauth.url}/token`, header: 'x-shopify-access-token', prefix: '' };
    const auth = { ...service, ...shape, clientSecret: { env: 'SERVICE_SECRET' } };
    const own = { connector: 'shopify', url: urlOf(door), auth };
    const settings = {
      ...(JSON.parse(before) as object),
      connections: { both: { connector: 'file', folder: 'own' }, own },
    };
    project.write('millrace.json', JSON.stringify(settings));
    const { stdout } = await run(['connections', 'list']);
    expect(stdout).toMatch(/^both +file +settings/m);
    expect(stdout).toMatch(/^both +file +store, hidden/m);
    expect((await run(['connections', 'test', 'own'])).stdout).toMatch(/^own +shopify +works/m);
    expect(await json(['connections', 'show', 'both'])).toMatchObject({ options: { folder: 'own' } });
    expect((await run(['connections', 'update', 'both', '--set', 'folder=b'])).code).toBe(2);
    await json(['connections', 'remove', 'both']);
    project.write('millrace.json', before);
  });
});

test('a login by command, a run with its token, a refresh in the run, and a lost login that says so', async () => {
  await json(codeOptions('account'));
  expect((await run(['connections', 'test', 'account'])).stdout).toContain('[OAUTH_LOGIN_NEEDED]');
  expect((await run(['doctor'])).stdout).toContain('account (not logged in)');
  const login = project.spawnProduct(['connections', 'login', 'account', '--json']);
  const address = () => /http:\S+/.exec(login.stderr())?.[0];
  await waitUntil('the login tells its address', () => address() !== undefined);
  expect(await signIn(address() ?? '')).toMatchObject({ status: 200 });
  await login.ended;
  expect([login.child.exitCode, login.stderr()]).toEqual([0, expect.stringContaining('"canRenew": true')]);
  printed += login.stderr();
  expect((await run(['connections', 'list'])).stdout).toContain('authorization_code: logged in');

  const worker = await project.startWorker();
  await project.json('deploy');
  await oauth.revokeAccess(oauth.lastToken);
  oauth.grants.length = 0;
  const done = await triggerRun(project, 'orders');
  expect(done.result.tasks.flatMap(({ error }) => error ?? [])).toEqual([]);
  expect(oauth.grants).toEqual([['refresh_token', 'ok']]);

  await oauth.revokeGrant(oauth.lastToken);
  const failed = await triggerRun(project, 'orders');
  expect(taskOf(failed, 'pull')).toMatchObject({ state: 'failed', error: { code: 'OAUTH_LOGIN_NEEDED' } });
  printed += JSON.stringify(failed) + worker.stderr();
  await worker.end();
  await project.temporal.end();
}, 240_000);

test('no secret is in what was printed, nor in any file: store, logs, histories, staging', async () => {
  expect(secrets.size).toBeGreaterThan(6);
  for (const secret of secrets) expect(printed).not.toContain(secret);
  const files = readdirSync(project.folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const texts = files.map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'));
  // What is looked for would be found: the history and the store are among the files.
  expect(texts.some((text) => text.includes('OAUTH_LOGIN_NEEDED'))).toBe(true);
  expect(texts.some((text) => text.includes('auth.clientId'))).toBe(true);
  for (const secret of secrets) {
    const holders = files.filter((_entry, index) => texts[index]?.includes(secret));
    expect(holders.map(({ name }) => name)).toEqual([]);
  }
});
