import { describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadSettings } from '../../config.js';
import { createSchemaRegistry } from '../../schemas/registry.js';
import { blocksInLanguage, type CodeBlock } from './pages.js';

const settingAreas = ['temporal', 'warehouse', 'gateway', 'connections', 'pools', 'log', 'dataDirectory'];

function isSettings(block: CodeBlock): boolean {
  const value = JSON.parse(block.text) as object;
  return Object.keys(value).some((key) => settingAreas.includes(key));
}

/** Values for the variables that the settings name, so that what is left to fail is their shape. */
function variablesOf(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/"env":\s*"(\w+)"/g)].map((match) => [match[1] ?? '', 'value']),
  );
}

function inFolder(name: string, text: string, check: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-docs-'));
  try {
    writeFileSync(join(folder, name), text);
    check(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('JSON blocks', () => {
  const blocks = blocksInLanguage('json');

  test.each(blocks.filter(([, block]) => isSettings(block)))(
    '%s is a valid millrace.json',
    (_place, { text }) => {
      inFolder('millrace.json', text, (cwd) => {
        expect(loadSettings({ cwd, env: variablesOf(text) }).projectDirectory).toBe(cwd);
      });
    },
  );

  test.each(blocks.filter(([, { name }]) => name.endsWith('.schema.json')))(
    '%s is a record schema',
    (_place, { text }) => {
      const { $id: id } = JSON.parse(text) as { $id: string };
      inFolder(`${id}.schema.json`, text, (folder) => {
        expect(
          createSchemaRegistry([folder])
            .list()
            .map((schema) => schema.id),
        ).toEqual([id]);
      });
    },
  );

  test('settings and schemas are among the blocks', () => {
    expect(blocks.some(([, block]) => isSettings(block))).toBe(true);
    expect(blocks.some(([, { name }]) => name.endsWith('.schema.json'))).toBe(true);
  });
});
