import { beforeAll, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../architecture/source-tree.js';

type Outcome = { readonly name: string; readonly message: string } | null;

const histories = join(root, 'tests', 'replay', 'histories');
const names = readdirSync(histories).filter((name) => name.endsWith('.history'));
let replayed: Record<string, Outcome>;
let edited: Record<string, Outcome>;

function replay(...args: string[]): Record<string, Outcome> {
  const script = join(root, 'tests', 'replay', 'replay.mjs');
  const env = { ...process.env, NODE_OPTIONS: '' };
  // The SDK's core logs to stdout as well; the outcome is the last line.
  const output = execFileSync(process.execPath, [script, ...args], { encoding: 'utf8', env });
  return JSON.parse(output.trim().split('\n').at(-1) ?? '') as Record<string, Outcome>;
}

beforeAll(() => {
  replayed = replay(...names.map((name) => join(histories, name)));
  edited = replay('--edit', join(histories, 'run-dag.history'));
}, 240_000);

test('every workflow has a recorded history', () => {
  for (const workflow of [
    'run-dag',
    'run-dag-failed',
    'stream-dag',
    'backfill-dag',
    'reconcile-dag',
    'reconcile-table',
    'reconcile-table-heal',
    'reconcile-table-clean',
    'reconcile-table-re-read',
    'pool-coordinator',
    'run-dag-wide',
    'map-tasks',
    'watch-dag',
    'watch-dag-paused',
    'continuous-dag',
    'asset-queue',
  ]) {
    expect(names).toContain(`${workflow}.history`);
  }
});

test.each(names)('%s replays on the present code', (name) => {
  expect(replayed[join(histories, name)]).toBeNull();
});

test('a history that asks for another activity does not', () => {
  expect(Object.values(edited)).toMatchObject([{ name: 'DeterminismViolationError' }]);
});
