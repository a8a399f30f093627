import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readText, root } from '../architecture/source-tree.js';

/** What is wrong with the naming of a test (`` `tests/….test.ts` › beginning of its title ``), or nothing. */
export function problemOf(shown: string): string | undefined {
  const match = /^`(tests\/[\w./-]+\.test\.ts)` › (.+)$/.exec(shown);
  if (match === null) return 'names no test';
  const [, path = '', title = ''] = match;
  if (!existsSync(join(root, path))) return `there is no ${path}`;
  // A title stands in quotes: after `test(`, or in the table of a `test.each`.
  const text = readText(path).replaceAll(/\s+/g, ' ');
  return ["'", '`', '"'].some((quote) => text.includes(`${quote}${title}`))
    ? undefined
    : `${path} has no test "${title}"`;
}
