import { describe, expect, test } from '@jest/globals';
import { wasAhead } from '../../activities/schedules/inspect-schedule.js';
import { runWorkflowId } from '../../core/ids.js';

const at = (second: number, milliseconds = 0): string =>
  new Date(Date.UTC(2026, 0, 1, 0, 0, second, milliseconds)).toISOString();
const span = (dueAt: number, startedAt: string, closedAt?: string) => ({
  workflowId: runWorkflowId('orders', at(dueAt)),
  startedAt,
  ...(closedAt === undefined ? {} : { closedAt }),
});

describe('a run is ahead of a fire time', () => {
  test('when it is going then', () => {
    expect(wasAhead(span(2, at(2)), 'orders', at(10))).toBe(true);
    expect(wasAhead(span(2, at(2), at(11)), 'orders', at(10))).toBe(true);
  });

  test('when it was due by then and has waited, though none was going at that very moment', () => {
    expect(wasAhead(span(8, at(10, 40), at(10, 300)), 'orders', at(10))).toBe(true);
  });

  test('not when it had ended, nor when it was due later', () => {
    expect(wasAhead(span(2, at(2), at(9, 900)), 'orders', at(10))).toBe(false);
    expect(wasAhead(span(12, at(12), at(13)), 'orders', at(10))).toBe(false);
  });
});
