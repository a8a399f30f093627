import { expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DemoReport } from '../../demo/report.js';
import { root } from '../architecture/source-tree.js';
import { temporaryFolder } from '../helpers/folder.js';
import { productEnv } from '../helpers/product-env.js';
import { waitUntil } from '../helpers/project.js';

const data = temporaryFolder();
const env = productEnv({ MILLRACE_DATA_DIRECTORY: data });

function demo(...args: string[]) {
  const child = spawn(process.execPath, [join(root, 'dist/demo/main.js'), ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString('utf8')));
  child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString('utf8')));
  return { child, output, closed: once(child, 'close') as Promise<[number | null]> };
}

function expectKnownAnswers(report: DemoReport): void {
  expect(report.purchases).toEqual({
    transactions: 69_659,
    customers: 23_570,
    cds: 167_881,
    amountUsd: '2500315.63',
  });
  expect(report.reconcile.map(({ dag, status }) => [dag, status])).toEqual([
    ['purchase-history', 'clean'],
    ['shop-orders', 'clean'],
    ['site-events', 'clean'],
  ]);
  expect(report.tables).toEqual(
    expect.arrayContaining([
      { name: 'purchases', rows: 69_659 },
      { name: 'site_events', rows: 1_960 },
      { name: 'email_events', rows: 40 },
    ]),
  );
  expect(report.quarantine).toEqual({ rows: 40 });
  for (const dag of report.dags)
    expect(dag.loaded + dag.unchanged + dag.superseded + dag.quarantined + dag.withheld).toBe(dag.extracted);
}

test('--once --json ends with the known answers, a second start repeats nothing, and Ctrl-C leaves no process', async () => {
  const first = demo('--once', '--json');
  const [code] = await first.closed;
  expect({ code, differences: first.output.stderr.match(/^differs: .*$/gm) ?? [] }).toEqual({
    code: 0,
    differences: [],
  });
  const report = JSON.parse(first.output.stdout) as DemoReport;
  expectKnownAnswers(report);
  expect(report.dags.find(({ id }) => id === 'purchase-history')).toMatchObject({ runs: 18, loaded: 69_659 });
  expect(report.realtime.p50Ms).toBeGreaterThan(0);

  const second = demo('--once', '--json');
  expect((await second.closed)[0]).toBe(0);
  const again = JSON.parse(second.output.stdout) as DemoReport;
  expectKnownAnswers(again);
  expect(again.dags.find(({ id }) => id === 'purchase-history')).toMatchObject({
    runs: 18,
    extracted: 69_659,
  });

  const live = demo();
  await waitUntil(
    'the view is drawn',
    () => live.output.stdout.includes('source and warehouse agree'),
    240_000,
  );
  const { pid } = JSON.parse(readFileSync(join(data, 'temporal.json'), 'utf8')) as { pid: number };
  live.child.kill('SIGINT');
  expect((await live.closed)[0]).toBe(0);
  expect(live.output.stdout).toContain('Temporal UI');
  expect(() => process.kill(pid, 0)).toThrow();
  expect(existsSync(join(data, 'temporal.json'))).toBe(false);
}, 300_000);
