import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { MillraceClient } from '../../client/index.js';
import type { Anomaly } from '../../core/quality/anomaly.js';
import { AlarmHook } from '../helpers/alarm-hook.js';
import { TestProject, waitUntil, type RunningProcess } from '../helpers/project.js';

const dags = `
import { acceptedValues, defineDag, range, unique } from 'millrace';
async function* orders({ params }) {
  const { run = 0, rows = 100, bad = 0, note } = params;
  for (let id = 0; id < rows; id += 1)
    yield {
      id: run * 1000 + id,
      total: id < bad ? -1 : 10,
      currency: id % 10 === 9 ? 'XXX' : 'EUR',
      ...(note === undefined ? {} : { note }),
    };
}
const build = (id, onAnomaly, more = {}) => defineDag({
  id, schedule: 'manual',
  tasks: ({ extract, validate, check, anomalyGate, load }) => {
    const raw = validate('typed', extract('pull', { from: orders }), { schema: 'order.v9' });
    const sane = check('sane', raw, {
      severity: 'quarantine',
      checks: [range('total', { min: 0 }), acceptedValues('currency', ['EUR'], { correct: { default: 'EUR' } }), unique(['id'])],
    });
    load('merge', anomalyGate('usual', sane, { warmUp: 2, onAnomaly, ...more }), { into: id, key: ['id'], freshWithin: '7d' });
  },
});
export const flagged = build('flagged', 'flag');
export const gated = build('gated', 'wait');
export const accepting = build('accepting', 'wait', { reviewWithin: '1s', onTimeout: 'accept' });
export const rejecting = build('rejecting', 'wait', { reviewWithin: '1s' });
export const correcting = build('correcting', 'wait', { correct: { volume: 'quarantine' } });
`;
const schema = JSON.stringify({
  $id: 'order.v9',
  type: 'object',
  required: ['id'],
  properties: { id: { type: 'integer' }, total: { type: 'integer' }, currency: { type: 'string' } },
});

const isLong = process.env['MILLRACE_LONG_TESTS'] === '1';
const hook = new AlarmHook();
let project: TestProject;
let millrace: MillraceClient;
let worker: RunningProcess;

beforeAll(async () => {
  project = await TestProject.create({ 'orders.ts': dags }, { alarms: { webhook: await hook.start() } });
  project.write('schemas/order.v9.schema.json', schema);
  await project.startTemporal();
  await project.json('deploy');
  worker = await project.startWorker();
  millrace = await MillraceClient.connect({ project: project.folder, env: project.env });
}, 240_000);

afterAll(async () => {
  await millrace.close();
  hook.stop();
});

const run = async (dagId: string, params: object) =>
  (
    await millrace.triggerRun(dagId, {
      params: params as Record<string, number>,
      name: JSON.stringify(params),
    })
  ).result();
const told = (dagId: string, kind: string, state: string) =>
  waitUntil(`the notice ${kind} ${state}`, () =>
    hook.of(dagId).some((notice) => notice.alarm.kind === kind && notice.state === state),
  );

test('rows that miss are quarantined or corrected, odd batches are flagged, and people hear of both', async () => {
  for (const number of [1, 2]) await run('flagged', { run: number });
  const { counts } = await run('flagged', { run: 3, rows: 20, bad: 2, note: 'new' });
  expect(counts).toMatchObject({ extracted: 20, loaded: 18, quarantined: 2 });
  expect(
    await project.rows(
      `SELECT (SELECT count(*)::INTEGER FROM flagged WHERE currency <> 'EUR') AS wrong,
              (SELECT min(raw) FROM _millrace_quarantine WHERE code = 'CHECK_RANGE') AS raw`,
    ),
  ).toEqual([{ wrong: 0, raw: JSON.stringify({ id: 3000, total: -1, currency: 'EUR', note: 'new' }) }]);
  for (const kind of ['anomaly', 'quarantine-rate', 'schema-change']) await told('flagged', kind, 'raised');
  const alarms = (await millrace.listAlarms()).map(({ kind, subject }) => `${kind} ${subject ?? ''}`);
  expect(alarms.sort()).toEqual(['anomaly usual', 'quarantine-rate flagged', 'schema-change flagged']);

  const [anomaly] = (await project.json<{ anomalies: Anomaly[] }>('anomalies', 'list')).anomalies;
  expect(anomaly).toMatchObject({ dagId: 'flagged', measure: 'volume', actual: 18, status: 'open' });
  await project.json('anomalies', 'accept', anomaly?.id ?? '', '--by', 'ana', '--comment', 'a holiday');
  await told('flagged', 'anomaly', 'recovered');
  expect(await millrace.getAnomaly(anomaly?.id ?? '')).toMatchObject({
    status: 'accepted',
    decidedBy: 'ana',
    comment: 'a holiday',
  });
  await run('flagged', { run: 4 });
  for (const kind of ['quarantine-rate', 'schema-change']) await told('flagged', kind, 'recovered');
}, 240_000);

test('a run that waits for review loads nothing, goes on when accepted and fails when rejected', async () => {
  for (const number of [1, 2]) await run('gated', { run: number });
  const start = (params: object) =>
    millrace.triggerRun('gated', { params: params as Record<string, number>, name: JSON.stringify(params) });
  const good = await start({ run: 3, rows: 10 });
  const waiting = async () =>
    (await millrace.listAnomalies({ dagId: 'gated' })).filter(({ isWaiting }) => isWaiting);
  await waitUntil('the first anomaly waits', async () => (await waiting()).length === 1);
  expect(await project.rows('SELECT count(*)::INTEGER AS n FROM gated WHERE id >= 3000')).toEqual([{ n: 0 }]);

  if (isLong) {
    await worker.end('SIGKILL');
    worker = await project.startWorker();
  }
  for (const { id } of await waiting()) await millrace.decideAnomaly(id, { decision: 'accepted', by: 'ana' });
  expect((await good.result()).state).toBe('success');
  expect(await project.rows('SELECT count(*)::INTEGER AS n FROM gated WHERE id >= 3000')).toEqual([
    { n: 10 },
  ]);

  const bad = await start({ run: 4, rows: 5 });
  await waitUntil('the second anomaly waits', async () => (await waiting()).length === 1);
  for (const { id } of await waiting()) {
    await millrace.decideAnomaly(id, { decision: 'rejected', by: 'bo', comment: 'half a file' });
    await expect(millrace.decideAnomaly(id, { decision: 'accepted', by: 'ana' })).rejects.toMatchObject({
      code: 'USAGE',
    });
  }
  const result = await project.resultOf(bad.workflowId);
  expect(result.tasks.find(({ taskId }) => taskId === 'usual')?.error).toMatchObject({
    code: 'ANOMALY_REJECTED',
    message: expect.stringContaining('half a file'),
  });
  await told('gated', 'run-failed', 'raised');
}, 240_000);

test('where nobody reviews in time, what the gate declares follows, and people hear of it', async () => {
  for (const dag of ['accepting', 'rejecting']) for (const number of [1, 2]) await run(dag, { run: number });
  expect((await run('accepting', { run: 3, rows: 10 })).counts).toMatchObject({ loaded: 10 });
  const bad = await millrace.triggerRun('rejecting', { params: { run: 3, rows: 10 } });
  const { tasks } = await project.resultOf(bad.workflowId);
  expect(tasks.find(({ taskId }) => taskId === 'usual')?.error).toMatchObject({
    code: 'ANOMALY_REJECTED',
    message: expect.stringContaining('timeout'),
  });
  for (const [dagId, status] of [
    ['accepting', 'accepted'],
    ['rejecting', 'rejected'],
  ] as const) {
    expect(await millrace.listAnomalies({ dagId, status })).toMatchObject([{ decidedBy: 'timeout' }]);
    await waitUntil(`the notice about ${dagId}`, () =>
      hook.of(dagId).some(({ alarm }) => alarm.message.includes('nobody reviewed a batch in time')),
    );
  }
}, 240_000);

test('a batch that a rule sends to quarantine is listed, and its replay passes the gate', async () => {
  for (const number of [1, 2]) await run('correcting', { run: number });
  expect((await run('correcting', { run: 3, rows: 10 })).counts).toMatchObject({
    loaded: 0,
    quarantined: 10,
  });
  const { anomalies } = await project.json<{ anomalies: Anomaly[] }>(
    ...['anomalies', 'list', '--dag', 'correcting', '--status', 'corrected'],
  );
  expect(anomalies).toEqual(
    expect.arrayContaining([
      expect.objectContaining({
        measure: 'volume',
        correction: expect.objectContaining({ quarantined: 10 }),
      }),
      // 'XXX' became 'EUR' in every tenth row.
      expect.objectContaining({ measure: 'check', correction: expect.objectContaining({ values: 1 }) }),
    ]),
  );
  await project.json('quarantine', 'replay', 'correcting');
  await waitUntil(
    'the replay is loaded',
    async () =>
      (await project.rows('SELECT count(*)::INTEGER AS n FROM correcting WHERE id >= 3000'))[0]?.['n'] === 10,
  );
}, 240_000);

test('the sinks can be tried from the command line', async () => {
  const outcome = await project.run('alarms', 'test', '--json');
  expect(outcome).toMatchObject({ code: 0 });
  expect(JSON.parse(outcome.stdout)).toEqual({ sinks: [{ sink: 'log' }, { sink: 'webhook' }] });
  expect(hook.of('millrace').map(({ state }) => state)).toEqual(['raised', 'recovered']);
});
