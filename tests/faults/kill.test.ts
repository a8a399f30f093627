import { beforeAll, describe, expect, test } from '@jest/globals';
import { loadFaultPoints } from '../../connectors/fault-point.js';
import { seededRandom } from '../../testing/index.js';
import type { BackfillProgress } from '../../workflows/messages.js';
import { daily, rowSchema } from '../engine/dag-files.js';
import { TestProject, waitUntil } from '../helpers/project.js';
import { sideBySide } from '../helpers/side-by-side.js';

/** Kills of each fault point; `KILLS_PER_POINT=40` makes a soak of it. */
const killsPerPoint = Number(process.env['KILLS_PER_POINT'] ?? 2);
const intervals = 12 * killsPerPoint;

/** Three good rows and one bad one a data interval. */
const dag = `
import { defineDag } from 'millrace';
export default defineDag({
  id: 'etl', schedule: ${daily},
  tasks: ({ extract, validate, load }) => {
    const raw = extract('pull', { read: 'interval', retries: 100, retryDelay: '200ms', maxRetryDelay: '1s', from: async function* ({ interval }) {
      for (let n = 0; n < 4; n += 1) yield { id: interval.start + '/' + n, value: n === 3 ? -1 : n, at: interval.start };
    } });
    const clean = validate('check', raw, { schema: 'row.v1', quarantineOver: 1, retries: 100, retryDelay: '200ms', maxRetryDelay: '1s' });
    load('store', clean, { into: 'numbers', key: ['id'], version: ['at'], disposition: 'merge', retries: 100, retryDelay: '200ms', maxRetryDelay: '1s' });
  },
});`;

async function startProject(): Promise<TestProject> {
  const project = await TestProject.create({ 'etl.ts': dag });
  project.write('schemas/row.v1.schema.json', rowSchema);
  await project.startTemporal();
  await project.json('deploy');
  return project;
}

function range(count: number): [string, string] {
  const day = (index: number) => new Date(Date.UTC(2026, 0, 1 + index)).toISOString().slice(0, 10);
  return [day(0), day(count)];
}

async function finish(project: TestProject, id: string): Promise<BackfillProgress> {
  let status: BackfillProgress | undefined;
  await waitUntil(
    'the backfill ends by itself',
    async () => {
      const { code, stdout, stderr } = await project.run('backfill', 'status', id, '--json');
      // A decision that a killed worker had begun has to run out before another worker can answer.
      if (code !== 0 && `${stdout}${stderr}`.includes('no worker answers')) return false;
      expect({ code, stderr }).toMatchObject({ code: 0 });
      status = JSON.parse(stdout) as BackfillProgress;
      return status.state === 'completed';
    },
    240_000,
  );
  return status!;
}

/** I1 to I5 over what the runs generated. */
async function expectInvariants(project: TestProject, count: number): Promise<void> {
  const [table] = await project.rows(
    'SELECT count(*) AS n, count(DISTINCT id) AS ids, min(value) AS low FROM numbers',
  );
  expect(table).toEqual({ n: String(3 * count), ids: String(3 * count), low: '0' });
  const [set] = await project.rows(
    `SELECT count(*) AS n, count(DISTINCT raw) AS raws FROM _millrace_quarantine`,
  );
  expect(set).toEqual({ n: String(count), raws: String(count) });
  const [loads] = await project.rows(
    `SELECT count(*) AS n, count(DISTINCT interval_key) AS keys, sum(loaded) AS loaded FROM _millrace_loads`,
  );
  expect(loads).toEqual({ n: String(count), keys: String(count), loaded: String(3 * count) });
  const partial = await project.rows(
    `SELECT l.load_id FROM _millrace_loads l LEFT JOIN (SELECT _millrace_load_id AS load_id, count(*) AS n FROM numbers GROUP BY 1) r USING (load_id)
     WHERE coalesce(r.n, 0) <> l.loaded OR l.extracted <> l.loaded + l.unchanged + l.superseded + l.quarantined + l.withheld`,
  );
  expect(partial).toEqual([]);
}

/** They go on side by side, each in a project of its own, because most of each is waiting. */
const stories = {
  async worker() {
    const project = await startProject();
    const random = seededRandom(20261124);
    const [from, to] = range(intervals);
    const { id } = await project.json<{ id: string }>(
      'backfill',
      'create',
      'etl',
      '--from',
      from,
      '--to',
      to,
      '--max-active-runs',
      '12',
    );
    let kills = 0;
    for (let round = 0; round < killsPerPoint; round += 1) {
      for (const point of loadFaultPoints) {
        const worker = await project.startWorker(`${point}@${String(random.integer(1, 2))}`);
        await worker.ended;
        expect(worker.child.signalCode).toBe('SIGKILL');
        kills += 1;
      }
    }
    expect(kills).toBe(killsPerPoint * loadFaultPoints.length);
    await project.startWorker();
    expect(await finish(project, id)).toMatchObject({ succeeded: intervals, failed: 0 });
    await expectInvariants(project, intervals);
  },

  async server() {
    const project = await startProject();
    await project.startWorker();
    const [from, to] = range(24);
    const { id } = await project.json<{ id: string }>(
      'backfill',
      'create',
      'etl',
      '--from',
      from,
      '--to',
      to,
      '--max-active-runs',
      '2',
    );
    for (let kill = 1; kill <= 2; kill += 1) {
      await waitUntil('some runs have loaded', async () => {
        const outcome = await project.run('query', 'SELECT count(*) AS n FROM _millrace_loads', '--json');
        return (
          outcome.code === 0 &&
          Number((JSON.parse(outcome.stdout) as { rows: { n: string }[] }).rows[0]?.n) >= kill * 4
        );
      });
      await project.temporal.end('SIGKILL');
      await project.startTemporal();
    }
    expect(await finish(project, id)).toMatchObject({ succeeded: 24, failed: 0 });
    await expectInvariants(project, 24);
  },
};

let outcomes: Readonly<Record<keyof typeof stories, Promise<void>>>;

beforeAll(() => {
  outcomes = sideBySide(stories);
});

describe('kill -9', () => {
  test(`of the worker, ${String(killsPerPoint)} times at each of ${loadFaultPoints.join(', ')}: nothing is lost, doubled or half visible`, async () => {
    await outcomes.worker;
  }, 600_000);

  test('of the Temporal server in the midst of runs: they go on after its restart', async () => {
    await outcomes.server;
  }, 600_000);
});
