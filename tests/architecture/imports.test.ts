import { describe, expect, test } from '@jest/globals';
import {
  compositionRoots,
  importsIn,
  importsOf,
  productFiles,
  readText,
  roomOf,
  rooms,
  type Import,
  type Room,
} from './source-tree.js';

interface Rule {
  /** Rooms whose code this room may use, besides its own. */
  readonly code: readonly Room[];
  /** Rooms of which it may use types only. */
  readonly types?: readonly Room[];
  /** Packages that it may load; undefined leaves them free. */
  readonly packages?: (name: string, file: string) => boolean;
}

const knowsNoTemporal = (name: string) => !name.startsWith('@temporalio/');

const rules: Readonly<Record<Room, Rule>> = {
  core: { code: [], packages: () => false },
  schemas: { code: ['core'], packages: knowsNoTemporal },
  security: { code: ['core'], packages: knowsNoTemporal },
  connectors: { code: ['core', 'schemas', 'security'], packages: knowsNoTemporal },
  ops: { code: ['core', 'security'], packages: knowsNoTemporal },
  activities: { code: ['core', 'schemas', 'security', 'connectors', 'ops'] },
  // Both packages are written to run inside the workflow sandbox.
  workflows: {
    code: ['core'],
    types: ['activities'],
    packages: (name) => name === '@temporalio/workflow' || name === '@temporalio/common',
  },
  serve: { code: ['core', 'schemas', 'security', 'connectors', 'ops'], packages: knowsNoTemporal },
  // Fixture servers know no Temporal; the kit runs DAGs, and puts the parts of a worker together for that.
  testing: {
    code: ['core', 'schemas', 'connectors', 'activities'],
    packages: (name, file) => file.startsWith('testing/kit/') || knowsNoTemporal(name),
  },
  client: { code: ['core', 'schemas', 'security', 'connectors', 'ops', 'activities', 'workflows', 'serve'] },
  demo: {
    code: ['core', 'schemas', 'security', 'connectors', 'ops', 'activities', 'serve', 'testing', 'client'],
  },
};

const readersOfSettings = new Set<string>(compositionRoots);

function violationsIn(path: string, text: string): string[] {
  return importsIn(path, text).flatMap((item) => {
    const problem = violation(path, item);
    return problem === undefined ? [] : [`${path}: ${problem}`];
  });
}

/** The settings and the parts of their schema. */
const settingsFile = /^config(-schema(-\w+)?)?\.ts$/;

function violation(path: string, { file, package: name, isTypeOnly }: Import): string | undefined {
  const room = roomOf(path);
  if (file !== undefined) {
    if ((compositionRoots as readonly string[]).includes(file)) return `imports the composition root ${file}`;
    if (settingsFile.test(file)) {
      if (settingsFile.test(path)) return undefined;
      const mayRead = readersOfSettings.has(path) || room === 'client' || room === 'demo';
      return mayRead ? undefined : `reads ${file}; take what is needed as a parameter`;
    }
    const target = roomOf(file);
    if (room === undefined || target === undefined || target === room) return undefined;
    if (rules[room].code.includes(target)) return undefined;
    if (isTypeOnly && rules[room].types?.includes(target) === true) return undefined;
    return `${room} must not import ${file}`;
  }
  if (name === undefined || room === undefined || isTypeOnly) return undefined;
  return rules[room].packages?.(name, path) === false ? `${room} must not load ${name}` : undefined;
}

describe('import direction', () => {
  test.each(rooms)('%s imports only what it may', (room) => {
    const files = productFiles().filter((path) => roomOf(path) === room);
    expect(files.length).toBeGreaterThan(0);
    expect(files.flatMap((path) => violationsIn(path, readText(path)))).toEqual([]);
  });

  test('nobody imports a composition root, and only they read the settings', () => {
    const files = productFiles().filter((path) => roomOf(path) === undefined);
    expect(files.flatMap((path) => violationsIn(path, readText(path)))).toEqual([]);
  });

  test.each([
    ['core/a.ts', `import { join } from 'node:path';`, 'core must not load node:path'],
    ['core/a.ts', `import type { X } from '../schemas/x.js';`, 'core must not import schemas/x.ts'],
    [
      'connectors/a.ts',
      `import { X } from '@temporalio/common';`,
      'connectors must not load @temporalio/common',
    ],
    [
      'workflows/a.ts',
      `import { type X, y } from '../activities/y.js';`,
      'workflows must not import activities/y.ts',
    ],
    ['ops/a.ts', `import { x } from '../connectors/x.js';`, 'ops must not import connectors/x.ts'],
    ['workflows/a.ts', `const fs = await import('node:fs');`, 'workflows must not load node:fs'],
    [
      'workflows/a.ts',
      `export { x } from '../connectors/x.js';`,
      'workflows must not import connectors/x.ts',
    ],
    ['client/a.ts', `import '../worker.js';`, 'imports the composition root worker.ts'],
    [
      'serve/a.ts',
      `import type { Settings } from '../config.js';`,
      'reads config.ts; take what is needed as a parameter',
    ],
  ])('the check sees a wrong import in %s: %s', (path, text, problem) => {
    expect(violationsIn(path, text)).toEqual([`${path}: ${problem}`]);
  });

  test('the check lets types of activities pass into workflows', () => {
    expect(violationsIn('workflows/a.ts', `import type { X } from '../activities/y.js';`)).toEqual([]);
  });
});

describe('cycles', () => {
  test('no file imports itself through others, not even a type', () => {
    const graph = new Map(
      productFiles().map((path) => [
        path,
        importsOf(path).flatMap(({ file }) => (file === undefined ? [] : [file])),
      ]),
    );
    expect(findCycles(graph)).toEqual([]);
  });

  test('the check sees a cycle', () => {
    const graph = new Map([
      ['a', ['b']],
      ['b', ['c', 'd']],
      ['c', ['a']],
      ['d', []],
    ]);
    expect(findCycles(graph)).toEqual(['a → b → c → a']);
  });
});

function findCycles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  const cycles: string[] = [];
  const walk = (node: string, path: readonly string[]): void => {
    const start = path.indexOf(node);
    if (start >= 0) cycles.push([...path.slice(start), node].join(' → '));
    if (start >= 0 || done.has(node)) return;
    for (const next of graph.get(node) ?? []) walk(next, [...path, node]);
    done.add(node);
  };
  for (const node of graph.keys()) walk(node, []);
  return cycles;
}
