import { describe, expect, test } from '@jest/globals';
import { sources } from '../../scripts/docs/source-features.js';
import { listFiles, readText } from '../architecture/source-tree.js';
import { problemOf } from './named-tests.js';

const page = readText('docs/reference/sources.md');

/** Rows of the table of tests: the source, the feature, and the cell that names the test. */
const shown = [...page.matchAll(/^\| `([\w-]+)` +\| ([\w ]+?) +\| (`tests.*?) +\|$/gm)].map(
  ([, source = '', feature = '', cell = '']) => [source, feature, cell] as const,
);

/** Connectors that can be read from, by what their `index.ts` exports, and the readers of DAG files. */
function connectors(): string[] {
  const found = listFiles((path) => /^connectors\/[\w-]+\/index\.ts$/.test(path))
    .filter((path) =>
      /export (const source\b|function createSource\b|\{ createSource\b)/.test(readText(path)),
    )
    .map((path) => path.split('/')[1] ?? '');
  return [...found, 'function'].sort();
}

describe('the matrix of sources', () => {
  test('has a row for every source, and no other', () => {
    expect(sources.map(({ source }) => source).sort()).toEqual(connectors());
  });

  test('has a test for every tick', () => {
    const ticks =
      page
        .split('\n')
        .filter((line) => line.startsWith('| `'))
        .join('')
        .match(/✓/g) ?? [];
    expect(ticks.length).toBeGreaterThan(25);
    expect(shown).toHaveLength(ticks.length);
  });

  test.each(shown)('%s, %s: its test exists', (_source, _feature, cell) => {
    expect(problemOf(cell)).toBeUndefined();
  });
});
