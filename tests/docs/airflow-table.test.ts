import { describe, expect, test } from '@jest/globals';
import { readText } from '../architecture/source-tree.js';
import { problemOf } from './named-tests.js';

const page = readText('docs/reference/airflow.md');

/** Rows of the page's tables: the concept, and the cell that names its test. */
const rows = page
  .split('\n')
  .filter((line) => line.startsWith('| ') && !/^\| (-+|Airflow 3 +) \|/.test(line))
  .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()))
  .map(([, concept = '', , shown = '']) => [concept, shown] as const);

describe('the table of Airflow concepts', () => {
  test('has rows', () => {
    expect(rows.length).toBeGreaterThan(60);
  });

  test.each(rows)('%s: its test exists', (_concept, shown) => {
    expect(problemOf(shown)).toBeUndefined();
  });

  test('the check sees a test that is not there', () => {
    expect(problemOf('')).toBe('names no test');
    expect(problemOf('`tests/engine/nowhere.test.ts` › x')).toContain('there is no');
    expect(problemOf('`tests/engine/waiting.test.ts` › nothing of the kind')).toContain('has no test');
  });
});
