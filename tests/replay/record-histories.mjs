/**
 * Records histories of every workflow on a real server: `npx tsx tests/replay/record-histories.mjs` after a build. Run it when
 * a workflow changes on purpose; the recorded ones of former versions stay, as long as such runs may be under way.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import { startPostgres } from '../helpers/postgres-server.ts';

const { History } = proto.temporal.api.history.v1;
const root = fileURLToPath(new URL('../..', import.meta.url));
const target = fileURLToPath(new URL('histories/', import.meta.url));
const project = mkdtempSync(join(tmpdir(), 'millrace-record-'));
const write = (path, text) => {
  mkdirSync(join(project, path, '..'), { recursive: true });
  writeFileSync(join(project, path), text);
};
const client = (...args) => {
  try {
    return JSON.parse(
      execFileSync(process.execPath, [join(root, 'dist/client.js'), ...args, '--json'], {
        cwd: project,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'inherit'],
      }),
    );
  } catch (error) {
    return JSON.parse(error.stdout);
  }
};
const waitUntil = async (condition) => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 200));
};

/** Process and machine names say nothing about a workflow. */
function withoutNames(value) {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return;
  for (const [key, member] of Object.entries(value)) {
    if (typeof member === 'string' && /^\d+@/.test(member)) value[key] = 'recorded';
    else withoutNames(member);
  }
}

let connection;
const shop = await startPostgres();
await shop.run(
  'CREATE TABLE items (id text PRIMARY KEY, note text)',
  "INSERT INTO items SELECT g, 'note' FROM generate_series(1, 50) g",
);
mkdirSync(join(project, 'node_modules'), { recursive: true });
symlinkSync(root, join(project, 'node_modules', 'millrace'), 'dir');
write('package.json', '{"type":"module"}');
write(
  'millrace.json',
  JSON.stringify({
    log: { level: 'error' },
    gateway: { writeKeys: ['record'] },
    pools: { narrow: { slots: 1 } },
    connections: { shop: shop.connection() },
  }),
);
write(
  'schemas/row.v1.schema.json',
  '{"$id":"row.v1","type":"object","required":["id"],"properties":{"id":{"type":"string"}}}',
);
write(
  'dags/record.ts',
  `import { allOf, defineDag, inbox, postgres } from 'millrace';
   export const etl = defineDag({ id: 'etl', schedule: { cron: '0 0 * * *', timezone: 'UTC', catchup: false }, maxActiveRuns: 1, tasks: ({ extract, validate, transform, load, task }) => {
     const raw = extract('pull', { read: 'interval', from: async function* ({ interval }) { yield { id: interval.start }; } });
     const rows = transform('shape', validate('check', raw, { schema: 'row.v1' }), { constant: { source: 'record' } });
     const loaded = load('store', rows, { into: 'rows', key: ['id'], disposition: 'merge' });
     const bad = task('bad', { after: [loaded], retries: 1, retryDelay: '10ms', run: async () => { throw new Error('on purpose'); } });
     const after = task('after', { after: [bad], run: async () => ({}) });
     task('tidy', { after: [after], triggerRule: 'all_done', pool: 'narrow', concurrency: { key: 'tidy', limit: 1 }, run: async () => ({}) });
   } });
   export const broken = defineDag({ id: 'broken', schedule: 'manual', tasks: ({ task }) => {
     const bad = task('bad', { retries: 0, run: async () => { throw new Error('on purpose'); } });
     task('after', { after: [bad], run: async () => ({}) });
   } });
   export const steady = defineDag({ id: 'steady', schedule: '@continuous', tasks: ({ task }) => {
     task('beat', { run: async () => ({}) });
   } });
   export const watched = defineDag({ id: 'watched', schedule: { every: '2s', maxConsecutiveFailedRuns: 2 }, tasks: ({ task }) => {
     task('bad', { retries: 0, run: async () => { throw new Error('on purpose'); } });
   } });
   export const late = defineDag({ id: 'late', schedule: { cron: '@monthly', catchup: true, catchupMaxRuns: 1, startAt: '2026-01-01' }, tasks: ({ task }) => {
     task('catch', { run: async () => ({}) });
   } });
   export const wide = defineDag({ id: 'wide', schedule: 'manual', tasks: ({ task, branch, waitFor }) => {
     const list = task('list', { short: true, run: async () => Array.from({ length: 120 }, (_none, at) => at) });
     const each = task.expand('each', { over: { n: list }, run: async (_context, { n }) => n * 2 });
     const pick = branch('pick', { after: [each], run: async () => 'left' });
     const left = task('left', { after: [pick], run: async () => ({}) });
     const right = task('right', { after: [pick], run: async () => ({}) });
     const join = task('join', { after: [left, right], triggerRule: 'none_failed_min_one_success', run: async () => ({}) });
     waitFor('seen', { after: [join], pokeInterval: '100ms', timeout: '10s', run: async () => true });
   } });
   export const maker = defineDag({ id: 'maker', schedule: 'manual', tasks: ({ task }) => {
     task('make', { outlets: ['file:made'], run: async (context) => { context.emit('file:made', { rows: 3 }); } });
   } });
   export const taker = defineDag({ id: 'taker', schedule: allOf('file:made', 'file:told'), tasks: ({ task }) => {
     task('take', { inlets: ['file:made'], run: async ({ assetEvents }) => assetEvents.length });
   } });
   export const items = defineDag({ id: 'items', schedule: 'manual', tasks: ({ extract, validate, load }) => {
     const raw = extract('pull', { from: postgres.table({ connection: 'shop', table: 'items' }), read: 'full' });
     load('store', validate('check', raw, { schema: 'row.v1' }), { into: 'items', key: ['id'], disposition: 'merge' });
   } });
   export const events = defineDag({ id: 'events', schedule: { stream: true }, tasks: ({ extract, validate, load }) => {
     load('store', validate('check', extract('drain', { from: inbox.stream('segment') }), { schema: 'site-event.v1' }), { into: 'events', key: ['messageId'], disposition: 'merge' });
   } });`,
);
const dev = spawn(process.execPath, [join(root, 'dist/client.js'), 'dev', '--json'], {
  cwd: project,
  stdio: ['ignore', 'pipe', 'inherit'],
});
const closed = new Promise((resolve) => dev.once('close', resolve));
try {
  let ready = '';
  dev.stdout.on('data', (chunk) => (ready += chunk));
  await waitUntil(() => ready.includes('\n'));
  const { temporalAddress, gatewayUrl } = JSON.parse(ready);
  connection = await Connection.connect({ address: temporalAddress });
  const temporal = new Client({ connection });
  const save = async (name, id) => {
    const history = await temporal.workflow.getHandle(id).fetchHistory();
    withoutNames(history.events);
    mkdirSync(target, { recursive: true });
    writeFileSync(join(target, `${name}.history`), History.encode(history).finish());
    process.stdout.write(`${name}: ${history.events.length} events\n`);
  };
  const backfill = client(
    'backfill',
    'create',
    'etl',
    '--from',
    '2026-01-01',
    '--to',
    '2026-01-06',
    '--max-active-runs',
    '2',
    '--wait',
  );
  await save('backfill-dag', backfill.id);
  await save('pool-coordinator', 'millrace.pool.dag-run:etl');
  await save('run-dag', client('dag', 'runs', 'etl').runs[0].workflowId);
  await save('run-dag-failed', client('dag', 'trigger', 'broken', '--wait').workflowId);
  const wide = client('dag', 'trigger', 'wide', '--wait').workflowId;
  await save('run-dag-wide', wide);
  await save('map-tasks', `${wide}/each/0`);
  await save('run-dag-outlets', client('dag', 'trigger', 'maker', '--wait').workflowId);
  client('asset', 'emit', 'file:told');
  await waitUntil(() => client('asset', 'queue', 'taker').startedRuns === 1);
  await save('asset-queue', 'millrace.assets.taker');
  client('reconcile', 'etl', '--from', '2026-01-01', '--to', '2026-01-02');
  for await (const { workflowId } of temporal.workflow.list({ query: 'WorkflowType = "reconcileDag"' }))
    await save('reconcile-dag', workflowId);
  client('dag', 'trigger', 'items', '--wait');
  const compared = new Set();
  const compareItems = async (name, ...further) => {
    client('reconcile', 'items', ...further);
    const query =
      'WorkflowType = "reconcileTable" AND WorkflowId BETWEEN "millrace.reconcile.items" AND "millrace.reconcile.itemt"';
    for await (const { workflowId } of temporal.workflow.list({ query })) {
      if (!compared.has(workflowId)) await save(name, workflowId);
      compared.add(workflowId);
    }
  };
  await shop.run("UPDATE items SET note = 'other' WHERE id = '7'", "DELETE FROM items WHERE id = '8'");
  await compareItems('reconcile-table');
  await compareItems('reconcile-table-heal', '--heal', '--deletions');
  await compareItems('reconcile-table-clean', '--heal');
  await shop.run("UPDATE items SET note = 'another' WHERE id = '9'");
  await compareItems('reconcile-table-re-read', '--re-read', '--heal');
  const send = (id) =>
    fetch(`${gatewayUrl}/v1/track`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ writeKey: 'record', userId: 'u', messageId: id, event: 'E' }),
    });
  for (const id of ['1', '2', '3']) {
    await send(id);
    await waitUntil(
      () =>
        (client('query', `SELECT count(*) AS n FROM _millrace_loads WHERE dag_id = 'events'`).rows?.[0]?.n ??
          '0') >= id,
    );
  }
  await save('stream-dag', 'millrace.stream.events');
  await waitUntil(() => client('dag', 'show', 'watched').isPaused);
  await waitUntil(() => client('dag', 'gaps', 'late').gaps.every(({ reason }) => reason === 'dropped'));
  await save('watch-dag-paused', 'millrace.watch.watched');
  await save('watch-dag', 'millrace.watch.late');
  await save('run-dag-reported', client('dag', 'runs', 'watched').runs.at(-1).workflowId);
  await save('continuous-dag', 'millrace.continuous.steady');
} finally {
  await connection?.close();
  dev.kill('SIGINT');
  await closed;
  await shop.stop();
  rmSync(project, { recursive: true, force: true });
}
