import { beforeAll, describe, expect, test } from '@jest/globals';
import { TestProject, waitUntil } from '../helpers/project.js';
import { etl, rowSchema } from './dag-files.js';

const writeKey = 'test-write-key';
const stream = (table: string) => `
import { defineDag, inbox } from 'millrace';
export default defineDag({
  id: 'events', schedule: { stream: true },
  tasks: ({ extract, validate, load }) => {
    const clean = validate('check', extract('drain', { from: inbox.stream('segment') }), { schema: 'site-event.v1', quarantineOver: 1 });
    load('store', clean, { into: '${table}', key: ['messageId'], version: ['receivedAt'], disposition: 'merge' });
  },
});`;

let project: TestProject;
let gatewayUrl: string;

beforeAll(async () => {
  project = await TestProject.create(
    {
      'etl.ts': etl(`{ every: '2s', overlap: 'buffer-all', catchupWindow: '10m' }`),
      'events.ts': stream('events'),
    },
    { gateway: { writeKeys: [writeKey] } },
  );
  project.write('schemas/row.v1.schema.json', rowSchema);
  await project.startTemporal();
  await project.json('deploy');
  await project.startWorker();
  gatewayUrl = (await project.startGateway()).url;
}, 240_000);

test('scheduled runs get adjoining data intervals from their nominal time', async () => {
  await waitUntil('three runs have loaded', async () => {
    const outcome = await project.run(
      'query',
      `SELECT count(*) AS n FROM _millrace_loads WHERE dag_id = 'etl'`,
      '--json',
    );
    return (
      outcome.code === 0 && Number((JSON.parse(outcome.stdout) as { rows: { n: string }[] }).rows[0]?.n) >= 3
    );
  });
  const rows = await project.rows(
    `SELECT epoch_ms(interval_start) AS s, epoch_ms(interval_end) AS e, workflow_id AS id FROM _millrace_loads WHERE dag_id = 'etl' ORDER BY 1`,
  );
  for (const [index, { s, e, id }] of rows.entries()) {
    expect(Number(e) - Number(s)).toBe(2_000);
    expect(Number(s) % 2_000).toBe(0);
    expect(id).toBe(`millrace.run.etl-${new Date(Number(e)).toISOString().replace('.000Z', 'Z')}`);
    if (index > 0) expect(s).toBe(rows[index - 1]!['e']);
  }
});

test('a paused DAG starts no run, and says so', async () => {
  await project.json('dag', 'pause', 'etl', '--reason', 'maintenance');
  expect(await project.json('dag', 'show', 'etl')).toMatchObject({
    isPaused: true,
    pauseReason: 'maintenance',
  });
  await project.json('dag', 'unpause', 'etl');
  expect(await project.json('dag', 'show', 'etl')).toMatchObject({ isPaused: false });
});

describe('a stream', () => {
  const send = async (id: string, user = 'u1') => {
    const response = await fetch(`${gatewayUrl}/v1/track`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ writeKey, messageId: id, userId: user, event: 'Tested' }),
    });
    expect(response.status).toBe(200);
  };
  const arrived = (table: string, id: string) =>
    waitUntil(`${id} arrives in ${table}`, async () => {
      const outcome = await project.run(
        'query',
        `SELECT count(*) AS n FROM ${table} WHERE "messageId" = '${id}'`,
        '--json',
      );
      return outcome.code === 0 && outcome.stdout.includes('"1"');
    });

  test('carries events to the table, one row for an event that comes twice', async () => {
    await send('m-1');
    await send('m-1');
    await send('m-2');
    await arrived('events', 'm-2');
    expect(await project.rows('SELECT count(*) AS n FROM events')).toEqual([{ n: '2' }]);
  });

  test('a deploy takes effect after the batch under way, and continues behind the last event', async () => {
    project.write('dags/events.ts', stream('events_again'));
    await project.json('deploy');
    await send('m-3');
    await arrived('events_again', 'm-3');
    expect(await project.rows('SELECT "messageId" AS id FROM events_again')).toEqual([{ id: 'm-3' }]);
  });

  test('paused it leaves events in the inbox, resumed it brings them', async () => {
    await project.json('dag', 'pause', 'events');
    await send('m-4');
    await project.json('dag', 'unpause', 'events');
    await arrived('events_again', 'm-4');
  });

  test('an event without a user goes to quarantine with its reason, and a replay after a fix brings it', async () => {
    const response = await fetch(`${gatewayUrl}/v1/track`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ writeKey, messageId: 'm-5', event: 'Nobody' }),
    });
    expect(await response.json()).toMatchObject({
      success: true,
      errors: [{ index: 0, code: 'GATEWAY_EVENT_INVALID' }],
    });
    await waitUntil(
      'it is quarantined',
      async () => (await project.rows('SELECT * FROM _millrace_quarantine')).length === 1,
    );
    const { rows } = await project.json<{ rows: { quarantine_id: string }[] }>(
      'quarantine',
      'list',
      '--dag',
      'events',
    );
    expect(await project.json('quarantine', 'show', rows[0]!.quarantine_id)).toMatchObject({
      raw: expect.stringContaining('m-5'),
      status: 'open',
    });
    expect((await project.run('quarantine', 'list')).stdout).toContain('RECORD_INVALID');
  });
});
