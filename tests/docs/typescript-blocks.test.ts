import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import type { DagDefinition } from '../../core/dag/dag-definition.js';
import { createSchemaRegistry } from '../../schemas/registry.js';
import { root } from '../architecture/source-tree.js';
import { blocksInLanguage } from './pages.js';

const blocks = blocksInLanguage('ts');
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-docs-'));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** What the compiler says of texts that stand at paths, with the settings of the repository. */
function compile(texts: ReadonlyMap<string, string>): string[] {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => ts.sys.readFile(path)) as {
    config: object;
  };
  const { options } = ts.parseJsonConfigFileContent(
    { ...config, include: [], files: ['index.ts'] },
    ts.sys,
    root,
  );
  const host = ts.createCompilerHost({ ...options, noEmit: true });
  const { fileExists, getSourceFile, readFile } = host;
  host.fileExists = (path) => texts.has(path) || fileExists(path);
  host.readFile = (path) => texts.get(path) ?? readFile(path);
  host.getSourceFile = (path, ...rest) => {
    const text = texts.get(path);
    return text === undefined ? getSourceFile(path, ...rest) : ts.createSourceFile(path, text, rest[0], true);
  };
  const program = ts.createProgram([...texts.keys()], { ...options, noEmit: true }, host);
  return [...texts.keys()].flatMap((path) => {
    const file = program.getSourceFile(path);
    const found = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)];
    return found.map(({ messageText }) => `${path}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`);
  });
}

describe('TypeScript blocks', () => {
  test('compile with the settings of the repository', () => {
    const texts = new Map(
      blocks.map(([, block], index) => [join(root, 'docs', `block-${String(index)}.ts`), block.text]),
    );
    expect(texts.size).toBeGreaterThan(2);
    expect(compile(texts)).toEqual([]);
  });

  test('the check sees an edge that does not fit', () => {
    const text = `import { defineDag } from 'millrace';
export default defineDag({
  id: 'wrong',
  tasks: ({ task, load }) => {
    load('merge', task('count', { run: () => 3 }), { into: 'numbers' });
  },
});`;
    expect(compile(new Map([[join(root, 'docs', 'wrong.ts'), text]])).join()).toMatch(/not assignable/);
  });

  test.each(blocks.filter(([, { text }]) => text.includes('defineDag')))(
    '%s is a DAG',
    async (_place, block) => {
      const path = join(folder, `dag-${String(blocks.findIndex(([, other]) => other === block))}.ts`);
      writeFileSync(path, block.text);
      const { default: definition } = (await import(path)) as { default: DagDefinition };
      expect(definition.spec.tasks.length).toBeGreaterThan(0);
      for (const task of definition.spec.tasks) {
        if (task.kind === 'validate' && !isShownMessage(task.config.schema.id))
          expect(knownSchemas()).toContain(task.config.schema.id);
      }
    },
  );
});

/** A message of a `.proto` file that a page shows: it is read as a deploy reads it. */
function isShownMessage(id: string): boolean {
  const [file = ''] = id.split('#');
  if (!file.endsWith('.proto')) return false;
  const shown = blocksInLanguage('proto').find(([, { name }]) => name === file);
  writeFileSync(join(folder, file), shown?.[1].text ?? '');
  return createSchemaRegistry([folder]).get(id).protobuf !== undefined;
}

/** Schemas of the package, and those that pages show. */
function knownSchemas(): string[] {
  const shown = blocksInLanguage('json').flatMap(([, { name, text }]) =>
    name.endsWith('.schema.json') ? [(JSON.parse(text) as { $id: string }).$id] : [],
  );
  return [
    ...createSchemaRegistry([join(root, 'schemas', 'records')])
      .list()
      .map((schema) => schema.id),
    ...shown,
  ];
}
