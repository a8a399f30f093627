import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { generateKeyPair } from 'jose';
import { TestIssuer } from '../helpers/issuer.js';
import { TestProject, waitUntil } from '../helpers/project.js';
import { notes } from '../helpers/runs.js';

const dags = `
import { appendFileSync } from 'node:fs';
import { defineDag, param } from 'millrace';
const note = (id) => defineDag({
  id,
  params: { name: param({ type: 'string', default: 'nobody' }), count: param({ type: 'integer', minimum: 1, default: 1 }) },
  tasks: ({ task }) => {
    task('note', { run: async ({ params, workflowId, interval }) => appendFileSync('notes.txt', workflowId + ' ' + params.name + ' ' + (interval?.start ?? '') + '\\n') });
  },
});
export const open = note('open');
export const closed = note('closed');
`;

interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown> & { readonly error?: { code: string; message: string } };
}

let issuer: TestIssuer;
let project: TestProject;
let gateway: Awaited<ReturnType<TestProject['startGateway']>>;
let url: string;

const email = 'scheduler@project.example';
const audience = 'https://gateway.example/api';

async function call(
  method: 'GET' | 'POST',
  path: string,
  options: { token?: string; headers?: Record<string, string>; body?: unknown } = {},
): Promise<Reply> {
  const { token = 'airflow-secret', headers, body } = options;
  const response = await fetch(`${url}/api/dags/${path}`, {
    method,
    headers: {
      ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
      ...(method === 'POST' ? { 'content-type': 'application/json' } : {}),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Reply['body'],
  };
}

const trigger = (dagId: string, body?: unknown, options: Parameters<typeof call>[2] = {}) =>
  call('POST', `${dagId}/runs`, { ...options, body: body ?? {} });

async function hasEnded(dagId: string, runId: string): Promise<Reply> {
  let reply: Reply | undefined;
  await waitUntil(`${runId} has ended`, async () => {
    reply = await call('GET', `${dagId}/runs/${runId}`);
    return reply.body['state'] !== 'running';
  });
  if (reply === undefined) throw new Error('no reply');
  return reply;
}

beforeAll(async () => {
  issuer = await TestIssuer.start();
  const callers = {
    airflow: { secrets: ['former-secret', 'airflow-secret'], dags: ['*'] },
    narrow: { secrets: ['narrow-secret'], dags: ['open'] },
    scheduler: { oidc: { issuer: issuer.url, audience, email }, dags: ['open'] },
  };
  project = await TestProject.create(
    { 'notes.ts': dags },
    { gateway: { api: { callers } }, log: { level: 'info' } },
  );
  gateway = await project.startGateway();
  ({ url } = gateway);
}, 240_000);

afterAll(async () => {
  await issuer.close();
});

describe('API of runs', () => {
  test('503 with Retry-After while Temporal is away; the same gateway goes on when it is there', async () => {
    const away = await trigger('open', { runId: 'early' });
    expect(away).toMatchObject({ status: 503, body: { error: { code: 'TEMPORAL_UNAVAILABLE' } } });
    expect(away.headers.get('retry-after')).toBe('1');
    await project.startTemporal();
    await project.json('deploy');
    await project.startWorker();
    expect(await trigger('open', { runId: 'early' })).toMatchObject({
      status: 201,
      body: { dagId: 'open', runId: 'early', isNew: true },
    });
    expect(await hasEnded('open', 'early')).toMatchObject({
      status: 200,
      body: { state: 'success', tasks: { note: 'success' } },
    });
  }, 240_000);

  test('a run of one name starts once: asked for fifty times at once, and again after its end', async () => {
    const body = { runId: 'order-17', params: { name: 'ada' } };
    const replies = await Promise.all(Array.from({ length: 50 }, () => trigger('open', body)));
    expect(replies.map(({ status }) => status).sort()).toEqual([...Array<number>(49).fill(200), 201]);
    expect(new Set(replies.map(({ body: reply }) => reply['workflowId'])).size).toBe(1);
    await hasEnded('open', 'order-17');
    const headers = { 'idempotency-key': '"order-17"' };
    const { params } = body;
    expect(await trigger('open', { params }, { headers })).toMatchObject({
      status: 200,
      body: { isNew: false },
    });
    expect(notes(project, String(replies[0]?.body['workflowId']))).toEqual([
      expect.stringContaining(' ada '),
    ]);
  }, 240_000);

  test('the same name with other params is refused, and starts nothing', async () => {
    await trigger('open', { runId: 'fixed', params: { name: 'a' } });
    expect(await trigger('open', { runId: 'fixed', params: { name: 'b' } })).toMatchObject({
      status: 409,
      body: { error: { code: 'API_RUN_DIFFERS' } },
    });
    await hasEnded('open', 'fixed');
    expect(notes(project).filter((line) => line.includes('-fixed '))).toEqual([
      expect.stringMatching(/ a $/),
    ]);
  }, 240_000);

  test('without a name each request is a run; params and interval reach it, and the ledger knows who asked', async () => {
    const interval = { start: '2026-01-01T00:00:00Z', end: '2026-01-02T00:00:00Z' };
    const [one, two] = await Promise.all(
      [1, 2].map(() => trigger('open', { interval, params: { name: 'x' } })),
    );
    expect(one?.body['runId']).not.toBe(two?.body['runId']);
    const location = one?.headers.get('location') ?? '';
    expect(location).toBe(`/api/dags/open/runs/${String(one?.body['runId'])}`);
    for (const reply of [one, two]) await hasEnded('open', String(reply?.body['runId']));
    expect(notes(project, String(one?.body['workflowId']))).toEqual([
      expect.stringMatching(/ x 2026-01-01T00:00:00/),
    ]);
    const workflowId = String(one?.body['workflowId']);
    await waitUntil(
      'the ledger has the run',
      async () => (await project.run('run', 'show', workflowId)).code === 0,
    );
    expect((await project.json<{ run: object }>('run', 'show', workflowId)).run).toMatchObject({
      triggeredBy: 'api:airflow',
    });
  }, 240_000);

  test.each([
    ['no token', { token: '' }, 401],
    ['an unknown token', { token: 'guess' }, 401],
    ['a token of another scheme', { token: '', headers: { authorization: 'Digest airflow-secret' } }, 401],
    ['a caller of other DAGs', { token: 'narrow-secret' }, 403],
  ])('%s starts nothing', async (_name, options, status) => {
    expect(await trigger('closed', { runId: 'never' }, options)).toMatchObject({ status });
    expect((await call('GET', 'closed/runs/never', options)).status).toBe(status);
    expect((await call('GET', 'closed/runs/never')).status).toBe(404);
    expect(notes(project, 'millrace.manual.closed')).toEqual([]);
  });

  test('both secrets of a rotation and Basic authentication are let in', async () => {
    const basic = `Basic ${Buffer.from('eventbridge:airflow-secret').toString('base64')}`;
    const asked = await Promise.all([
      trigger('open', { runId: 'rotated' }, { token: 'former-secret' }),
      trigger('open', { runId: 'basic' }, { token: '', headers: { authorization: basic } }),
    ]);
    expect(asked.map(({ status }) => status)).toEqual([201, 201]);
  });

  test('every problem of a request is named at once', async () => {
    expect(await trigger('open', { runId: '../x', params: 1, extra: true })).toMatchObject({
      status: 400,
      body: {
        error: {
          code: 'GATEWAY_REQUEST_INVALID',
          message: expect.stringMatching(/runId.*params.*extra|extra.*runId.*params/s),
        },
      },
    });
    const wrong = await trigger('open', { params: { name: 1, count: 0 } });
    expect(wrong).toMatchObject({ status: 422, body: { error: { code: 'PARAMS_INVALID' } } });
    expect(wrong.body.error?.message).toMatch(/name.*count/s);
    expect((await trigger('open', { interval: { start: '2026-01-02', end: '2026-01-01' } })).status).toBe(
      400,
    );
    expect((await trigger('open', '{"runId":')).status).toBe(400);
    expect((await trigger('open', { params: { name: 'x'.repeat(70_000) } })).status).toBe(413);
    expect((await trigger('nothing')).status).toBe(404);
    expect((await call('GET', 'open/runs/unknown')).status).toBe(404);
    expect((await call('GET', 'open/runs')).status).toBe(405);
  });
});

describe('identity tokens', () => {
  const claims = { aud: audience, email, email_verified: true };

  test('of the named address are let in, with one look at the keys for many tokens', async () => {
    const tokens = await Promise.all([1, 2, 3].map(() => issuer.token(claims)));
    for (const token of tokens)
      expect((await trigger('open', { runId: 'by-token' }, { token })).status).toBeLessThan(300);
    expect(issuer.keyReads).toBe(1);
    expect(await trigger('closed', {}, { token: tokens[0] ?? '' })).toMatchObject({ status: 403 });
  });

  test('are refused for another audience, address, issuer or key, when expired, unverified or unsigned', async () => {
    const { privateKey } = await generateKeyPair('RS256');
    const past = Math.floor(Date.now() / 1_000) - 3_600;
    const good = await issuer.token(claims);
    const [, payload = ''] = good.split('.');
    const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`;
    const refused = await Promise.all([
      issuer.token({ ...claims, aud: 'https://other.example' }),
      issuer.token({ ...claims, email: 'other@project.example' }),
      issuer.token({ ...claims, email_verified: false }),
      issuer.token({ ...claims, iss: 'https://accounts.example' }),
      issuer.token({ ...claims, exp: past }),
      issuer.token(claims, privateKey),
      Promise.resolve(unsigned),
    ]);
    const replies = await Promise.all(refused.map((token) => trigger('open', { runId: 'never' }, { token })));
    expect(replies.map(({ status, body }) => [status, body.error?.code])).toEqual(
      refused.map(() => [401, 'API_CALLER']),
    );
    expect((await call('GET', 'open/runs/never')).status).toBe(404);
  });
});

test('the log says who asked for what, and shows no secret and no token', async () => {
  const token = await issuer.token({ aud: audience, email, email_verified: true });
  await trigger('open', { runId: 'logged' }, { token });
  await waitUntil('the log has the run', () => gateway.stderr().includes('-logged'));
  expect(gateway.stderr()).toContain('"caller":"scheduler"');
  for (const secret of ['airflow-secret', 'former-secret', token.split('.')[2] ?? token])
    expect(gateway.stderr()).not.toContain(secret);
});
