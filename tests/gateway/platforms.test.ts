import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { root } from '../architecture/source-tree.js';
import { temporaryFolder } from '../helpers/folder.js';
import { HookTarget } from '../helpers/hook-target.js';
import { TestIssuer } from '../helpers/issuer.js';
import { TestProject, waitUntil } from '../helpers/project.js';
import { notes } from '../helpers/runs.js';
import { blocksOf } from '../docs/pages.js';
import { isAirflowWanted, isPrefectWanted } from '../peers/obtain.js';
import { findAirflow, findPrefect } from '../peers/peers.js';

const dags = `
import { appendFileSync } from 'node:fs';
import { defineDag, inbox, param } from 'millrace';
const note = (id) => defineDag({
  id,
  params: { name: param({ type: 'string', default: 'nobody' }) },
  tasks: ({ task }) => {
    task('note', { retries: 0, run: async ({ params, workflowId }) => {
      appendFileSync('notes.txt', workflowId + ' ' + params.name + '\\n');
      if (params.name === 'fail') throw new Error('as asked');
    } });
  },
});
export const orders = note('shop-orders');
export const closed = note('closed');
export const leads = defineDag({
  id: 'leads',
  schedule: { stream: true },
  tasks: ({ extract, validate, load }) => {
    const raw = extract('drain', { from: inbox.records('leads') });
    const rows = validate('check', raw, { schema: 'lead.v1' });
    load('merge', rows, { into: 'leads', key: ['pushId'], version: ['pushedAt'], disposition: 'merge' });
  },
});
`;
const leadSchema = {
  $id: 'lead.v1',
  type: 'object',
  required: ['id', 'pushId', 'pushedAt'],
  properties: Object.fromEntries(
    ['id', 'pushId', 'pushedAt'].map((name) => [
      name,
      { type: 'string', 'x-pii': 'none', 'x-purpose': 'test' },
    ]),
  ),
};

const audience = 'https://gateway.example';
const email = 'scheduler@project.example';
let issuer: TestIssuer;
let project: TestProject;
let url: string;

interface Reply {
  readonly status: number;
  readonly body: Record<string, unknown> & { readonly error?: { code: string; message: string } };
}

async function call(path: string, init: RequestInit = {}, token = 'airflow-secret'): Promise<Reply> {
  const headers = new Headers(init.headers);
  if (init.method !== undefined && !headers.has('content-type'))
    headers.set('content-type', 'application/json');
  if (token !== '') headers.set('authorization', `Bearer ${token}`);
  const response = await fetch(`${url}/api/${path}`, { ...init, headers });
  return { status: response.status, body: (await response.json()) as Reply['body'] };
}

async function hasEnded(dagId: string, runId: string): Promise<unknown> {
  let state: unknown;
  await waitUntil(
    `${runId} has ended`,
    async () => {
      state = (await call(`dags/${dagId}/runs/${encodeURIComponent(runId)}`)).body['state'];
      return state !== 'running';
    },
    240_000,
  );
  return state;
}

beforeAll(async () => {
  issuer = await TestIssuer.start();
  const oidc = { issuer: issuer.url, audience };
  project = await TestProject.create(
    { 'platforms.ts': dags },
    {
      security: { keys: [`k1:${Buffer.alloc(32, 1).toString('base64')}`] },
      gateway: {
        api: {
          hooks: { allowPrivateNetwork: true },
          callers: {
            airflow: { secrets: ['airflow-secret'], dags: ['*'], streams: ['*'] },
            zapier: { secrets: ['zapier-secret'], dags: ['shop-orders'] },
            pusher: { secrets: ['pusher-secret'], streams: ['leads'] },
            scheduler: { oidc: { ...oidc, email }, dags: ['shop-orders'] },
            eventbridge: { oidc: { ...oidc, subject: 'client-17' }, dags: ['shop-orders'] },
          },
          streams: ['leads'],
        },
      },
    },
  );
  project.write('schemas/lead.v1.schema.json', JSON.stringify(leadSchema));
  await project.startTemporal();
  await project.json('deploy');
  await project.startWorker();
  ({ url } = await project.startGateway());
}, 240_000);

afterAll(async () => {
  await issuer.close();
});

describe('schedulers', () => {
  test('tries of one call of Cloud Scheduler are one run, named by its job and time', async () => {
    const token = await issuer.token({ aud: audience, email, email_verified: true });
    const ask = (time: string) =>
      call(
        'dags/shop-orders/runs',
        {
          method: 'POST',
          body: '{"params":{"name":"cron"}}',
          headers: {
            // What Cloud Scheduler says of a body where its job says nothing.
            'content-type': 'application/octet-stream',
            'x-cloudscheduler': 'true',
            'x-cloudscheduler-jobname': 'nightly_orders-1',
            'x-cloudscheduler-scheduletime': time,
          },
        },
        token,
      );
    const replies = await Promise.all([1, 2, 3].map(() => ask('2026-01-02T03:00:00Z')));
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 200, 201]);
    const runId = 'nightly_orders-1:2026-01-02T03:00:00Z';
    expect(new Set(replies.map(({ body }) => body['runId']))).toEqual(new Set([runId]));
    expect((await ask('2026-01-03T03:00:00Z')).status).toBe(201);
    expect(await hasEnded('shop-orders', runId)).toBe('success');
  }, 240_000);

  test('EventBridge is let in by key, password, or token of client credentials', async () => {
    const basic = `Basic ${Buffer.from('eventbridge:airflow-secret').toString('base64')}`;
    const bearer = `Bearer ${await issuer.token({ aud: audience, sub: 'client-17' })}`;
    const other = `Bearer ${await issuer.token({ aud: audience, sub: 'client-18' })}`;
    const ask = (headers: Record<string, string>) =>
      call('dags/shop-orders/runs', { method: 'POST', headers, body: '{"runId":"event-1"}' }, '');
    const asked = [{ 'x-api-key': 'airflow-secret' }, { authorization: basic }, { authorization: bearer }];
    expect(await ask(asked[0] ?? {})).toMatchObject({ status: 201 });
    for (const headers of asked.slice(1)) expect(await ask(headers)).toMatchObject({ status: 200 });
    for (const headers of [{ authorization: other }, { 'x-api-key': 'guess' }])
      expect(await ask(headers)).toMatchObject({ status: 401 });
  }, 240_000);
});

test('a platform is told of the end of a run, as the poll shows it', async () => {
  const target = new HookTarget();
  await target.start();
  const hook = { target_url: target.url('/zap'), event: 'run.failed', dag: 'shop-orders' };
  const made = await call('hooks', { method: 'POST', body: JSON.stringify(hook) }, 'zapier-secret');
  expect(made.status).toBe(201);
  const run = (runId: string, name: string) =>
    call('dags/shop-orders/runs', { method: 'POST', body: JSON.stringify({ runId, params: { name } }) });
  await run('told-0', 'ada');
  await run('told-1', 'fail');
  await waitUntil('it was told', () => target.at('/zap').length > 0, 240_000);
  const [told] = target.at('/zap');
  expect(told?.body.data).toMatchObject({ dagId: 'shop-orders', state: 'failed' });
  expect(told?.body.data['id']).toMatch(/-told-1\//);
  expect((await call('runs?state=failed', {}, 'zapier-secret')).body['runs']).toContainEqual(told?.body.data);
  await call(`hooks/${String(made.body['id'])}`, { method: 'DELETE' }, 'zapier-secret');
  target.stop();
}, 300_000);

describe('polls', () => {
  const runsOf = (reply: Reply) => reply.body['runs'] as { id: string; dagId: string; endedAt: string }[];

  test('show the runs that ended, newest first or from a place on, of the DAGs of the caller', async () => {
    for (const [dag, runId] of [
      ['shop-orders', 'polled-1'],
      ['closed', 'polled-2'],
      ['shop-orders', 'polled-3'],
    ] as const) {
      await call(`dags/${dag}/runs`, { method: 'POST', body: JSON.stringify({ runId }) });
      expect(await hasEnded(dag, runId)).toBe('success');
    }
    const polled = (token: string) =>
      call('runs?limit=500', {}, token).then((reply) =>
        runsOf(reply).filter(({ id }) => id.includes('-polled-')),
      );
    await waitUntil('the ledger has them', async () => (await polled('airflow-secret')).length === 3);
    const all = runsOf(await call('runs'));
    expect(all.map(({ endedAt }) => endedAt)).toEqual(
      all
        .map(({ endedAt }) => endedAt)
        .sort()
        .reverse(),
    );
    expect(all[0]).toMatchObject({ state: 'success', triggeredBy: 'api:airflow' });
    expect((await polled('zapier-secret')).map(({ dagId }) => dagId)).toEqual(['shop-orders', 'shop-orders']);
    expect(runsOf(await call('runs', {}, 'pusher-secret'))).toEqual([]);
    expect(await call('runs?dag=closed', {}, 'zapier-secret')).toMatchObject({ status: 403 });
    expect(await call('runs', {}, 'guess')).toMatchObject({ status: 401 });

    // Page by page, a reader meets every run at least once, and whoever has seen all asks again from where it was told to.
    const ids = new Set<string>();
    let page = await call('runs?limit=2&after=2020-01-01T00:00:00Z');
    let pages = 1;
    for (; page.body['hasMore'] === true; pages += 1) {
      expect(runsOf(page)).toHaveLength(2);
      for (const { id } of runsOf(page)) ids.add(id);
      page = await call(`runs?limit=2&after=${String(page.body['next'])}`);
    }
    for (const { id } of runsOf(page)) ids.add(id);
    expect(pages).toBeGreaterThan(1);
    expect([...ids]).toEqual(expect.arrayContaining(all.map(({ id }) => id)));
    const next = String(page.body['next']);
    await call('dags/closed/runs', { method: 'POST', body: '{"runId":"polled-4"}' });
    await hasEnded('closed', 'polled-4');
    await waitUntil('it is found', async () =>
      runsOf(await call(`runs?after=${next}`)).some(({ id }) => id.includes('-polled-4/')),
    );
  }, 240_000);

  test('name every problem of a request', async () => {
    const reply = await call('runs?state=odd&limit=0&after=x&sql=1');
    expect(reply.status).toBe(400);
    for (const name of ['state', 'limit', 'after', 'sql'])
      expect(reply.body.error?.message).toContain(`"${name}"`);
  });
});

test('a pushed record is one row however often it came; one that is not usable is in the quarantine', async () => {
  const push = (body: string, headers: Record<string, string> = {}) =>
    call(
      'streams/leads/records',
      { method: 'POST', body, headers: { 'content-type': 'application/x-ndjson', ...headers } },
      'pusher-secret',
    );
  for (let time = 0; time < 3; time += 1)
    expect((await push('{"id":"a"}\n{"id":"b"}\nnot json\n', { 'idempotency-key': 'k1' })).status).toBe(200);
  const file = await call(
    'streams/leads/files/leads.csv',
    { method: 'PUT', body: 'id\nc\n', headers: { 'content-type': 'text/csv' } },
    'pusher-secret',
  );
  expect(file.body).toMatchObject({ received: 1 });
  const count = async (sql: string) => {
    const outcome = await project.run('query', sql, '--json');
    if (outcome.code !== 0) return undefined;
    return (JSON.parse(outcome.stdout) as { rows: Record<string, unknown>[] }).rows;
  };
  await waitUntil(
    'the rows are there',
    async () => ((await count('SELECT id FROM leads ORDER BY id')) ?? []).length >= 3,
    240_000,
  );
  expect(await count('SELECT id FROM leads ORDER BY id')).toEqual([{ id: 'a' }, { id: 'b' }, { id: 'c' }]);
  expect(await count('SELECT raw FROM _millrace_quarantine')).toEqual([{ raw: '"not json"' }]);
}, 240_000);

/** Runs a command to its end. */
async function ended(
  command: string,
  args: readonly string[],
  env: Record<string, string>,
): Promise<{ readonly code: number | null; readonly text: string }> {
  const child = spawn(command, args, {
    cwd: folder,
    env: { ...process.env, NODE_OPTIONS: '', PYTHONDONTWRITEBYTECODE: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, text };
}

const folder = temporaryFolder();

test.each(['platforms', 'schedulers'])(
  'the shell blocks of the guide "%s" do what they say',
  async (page) => {
    const blocks = blocksOf(`docs/guides/${page}.md`).filter(({ language }) => language === 'sh');
    expect(blocks.length).toBeGreaterThan(1);
    for (const { text } of blocks) {
      const outcome = await ended('sh', ['-e', '-c', text], { GATEWAY: url, TOKEN: 'airflow-secret' });
      expect({ block: text, ...outcome }).toMatchObject({ code: 0 });
      if (!text.startsWith('#'))
        expect(outcome.text).toMatch(/"(pushId|runs|workflowId|secret|hooks|timestamp)"/);
    }
  },
  240_000,
);

const airflow = isAirflowWanted ? await findAirflow() : undefined;
const prefect = isPrefectWanted ? await findPrefect() : undefined;

(airflow === undefined ? describe.skip : describe)('Airflow', () => {
  test('starts one run under the name of its own, waits for its end, and fails where it failed', async () => {
    const env = {
      AIRFLOW_HOME: join(folder, 'airflow'),
      AIRFLOW__CORE__LOAD_EXAMPLES: 'False',
      AIRFLOW__CORE__DAGS_FOLDER: join(root, 'examples/airflow'),
      AIRFLOW_CONN_MILLRACE: JSON.stringify({
        ...{ conn_type: 'http', host: url, login: 'airflow', password: 'airflow-secret' },
      }),
    };
    const run = (...args: string[]) => ended(airflow ?? '', ['-m', 'airflow', ...args], env);
    expect(await run('db', 'migrate')).toMatchObject({ code: 0 });
    const good = await run('dags', 'test', 'millrace_run', '--conf', '{"name":"ada"}');
    expect(good).toMatchObject({ code: 0, text: expect.stringMatching(/Success criteria met/) });
    const done = notes(project, 'millrace.manual.shop-orders-manual__');
    expect(done).toEqual([expect.stringMatching(/ ada$/)]);
    const bad = await run('dags', 'test', 'millrace_run', '--conf', '{"name":"fail"}');
    expect(bad.text).toMatch(/the run of Millrace ended as failed/);
    expect(bad.text).not.toContain('airflow-secret');
    expect(notes(project, 'millrace.manual.shop-orders-manual__')).toHaveLength(2);
  }, 1_200_000);
});

(prefect === undefined ? describe.skip : describe)('Prefect', () => {
  test('starts one run under the name of its flow run, waits for its end, and fails where it failed', async () => {
    const env = {
      PREFECT_HOME: join(folder, 'prefect'),
      PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS: '600',
      PREFECT_SERVER_ANALYTICS_ENABLED: 'false',
      DO_NOT_TRACK: '1',
      PYTHONPATH: join(root, 'examples/prefect'),
      MILLRACE_URL: url,
      MILLRACE_TOKEN: 'airflow-secret',
    };
    const code = `
from millrace_run import millrace_run
print('ENDED', millrace_run(params={'name': 'grace'}, every_seconds=0.5)['state'])
try:
    millrace_run(params={'name': 'fail'}, every_seconds=0.5)
except RuntimeError as error:
    print('FAILED', error)
`;
    const { text, code: end } = await ended(prefect ?? '', ['-c', code], env);
    expect({ end, text }).toMatchObject({ end: 0, text: expect.stringContaining('ENDED success') });
    expect(text).toContain('FAILED the run of Millrace ended as failed');
    expect(notes(project).filter((line) => line.endsWith(' grace'))).toHaveLength(1);
  }, 1_200_000);
});
