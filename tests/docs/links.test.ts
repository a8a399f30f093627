import { describe, expect, test } from '@jest/globals';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readText, root } from '../architecture/source-tree.js';
import { listPages } from './pages.js';

/** Links to files of the repository and to headings, that lead nowhere. */
function deadLinks(page: string, markdown: string): string[] {
  const prose = markdown.replaceAll(/^```[^]*?^```$/gm, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map((match) => match[1] ?? '')
    .filter((link) => !/^[a-z]+:/.test(link))
    .filter((link) => {
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? page : join(dirname(page), path);
      if (!existsSync(join(root, target))) return true;
      return anchor !== undefined && !headings(readText(target)).includes(anchor);
    });
}

/** Anchors as GitHub makes them. */
function headings(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.*)$/gm)].map((match) =>
    (match[1] ?? '')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-'),
  );
}

describe('links', () => {
  test.each(listPages())('%s links only to what exists', (page) => {
    expect(deadLinks(page, readText(page))).toEqual([]);
  });

  test('the check sees a dead file and a dead heading', () => {
    const page = '[a](README.md) [b](nowhere.md) [c](#one) [d](#two) [e](https://example.org)\n\n# One';
    expect(deadLinks('SECURITY.md', page)).toEqual(['nowhere.md', '#one', '#two']);
  });

  test('the README is short', () => {
    expect(readText('README.md').split('\n').length).toBeLessThanOrEqual(121);
  });
});
