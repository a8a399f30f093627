import { expect, test } from '@jest/globals';
import { skippedByBranch } from '../../core/run/skipped-by.js';

const tasks = [
  { id: 'create', upstream: [] },
  { id: 'pick', upstream: ['create'] },
  { id: 'left', upstream: ['pick'] },
  { id: 'right', upstream: ['pick'] },
  { id: 'join', upstream: ['left', 'pick'] },
  { id: 'drop', upstream: ['pick', 'create'], teardown: { setups: ['create'], failsRun: false } },
];

test('a branch skips what it did not choose and no chosen task leads to', () => {
  expect(skippedByBranch(tasks, 'pick', ['left'])).toEqual(['right']);
  expect(skippedByBranch(tasks, 'pick', [])).toEqual(['left', 'right', 'join']);
});

test('a teardown directly after a branch stays: its setup may have run', () => {
  expect(skippedByBranch(tasks, 'pick', ['right'])).not.toContain('drop');
});
