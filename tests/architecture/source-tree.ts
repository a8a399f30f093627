import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/** The root of the repository. */
export const root = fileURLToPath(new URL('../../', import.meta.url));

/** Folders of the product, in the order in which data walks. */
export const rooms = [
  'core',
  'schemas',
  'security',
  'connectors',
  'ops',
  'activities',
  'workflows',
  'serve',
  'testing',
  'client',
  'demo',
] as const;
export type Room = (typeof rooms)[number];

/** Processes that put the parts together. */
export const compositionRoots = ['worker.ts', 'gateway.ts', 'client.ts'] as const;

const skippedFolders = new Set(['node_modules', 'dist', 'coverage', '.git', '.millrace', '.cache']);

/** An import as written in one file. */
export interface Import {
  readonly specifier: string;
  /** Path from the root, for an import of a file of this repository. */
  readonly file: string | undefined;
  /** Package name, for everything else; Node's modules keep their `node:`. */
  readonly package: string | undefined;
  readonly isTypeOnly: boolean;
}

/** Files below the root, as paths with forward slashes, sorted. */
export function listFiles(matches: (path: string) => boolean, folder = root): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return skippedFolders.has(entry.name) ? [] : listFiles(matches, path);
      const name = relative(root, path).replaceAll('\\', '/');
      return entry.isFile() && matches(name) ? [name] : [];
    })
    .sort();
}

export function readText(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** TypeScript files of the product: the rooms and the files at the root. */
export function productFiles(): string[] {
  return listFiles((path) => path.endsWith('.ts') && (!path.includes('/') || roomOf(path) !== undefined));
}

export function roomOf(path: string): Room | undefined {
  return rooms.find((room) => path.startsWith(`${room}/`));
}

export function importsOf(path: string): Import[] {
  return importsIn(path, readText(path));
}

/** Static and dynamic imports, re-exports and `import('…')` types of a text that stands at a path. */
export function importsIn(path: string, text: string): Import[] {
  const found: Import[] = [];
  const add = (specifier: ts.Node | undefined, isTypeOnly: boolean) => {
    if (specifier !== undefined && ts.isStringLiteralLike(specifier)) {
      found.push({ specifier: specifier.text, isTypeOnly, ...targetOf(path, specifier.text) });
    }
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, isTypeOnlyClause(node.importClause));
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, isTypeOnlyExport(node));
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
      add(node.argument.literal, true);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0], false);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true));
  return found;
}

function isTypeOnlyClause(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const { name, namedBindings } = clause;
  if (name !== undefined || namedBindings === undefined || !ts.isNamedImports(namedBindings)) return false;
  return namedBindings.elements.length > 0 && namedBindings.elements.every((element) => element.isTypeOnly);
}

function isTypeOnlyExport({ isTypeOnly, exportClause }: ts.ExportDeclaration): boolean {
  if (isTypeOnly || exportClause === undefined || !ts.isNamedExports(exportClause)) return isTypeOnly;
  return exportClause.elements.length > 0 && exportClause.elements.every((element) => element.isTypeOnly);
}

function targetOf(path: string, specifier: string): Pick<Import, 'file' | 'package'> {
  if (specifier.startsWith('.')) {
    const target = resolve(root, dirname(path), specifier).replace(/\.js$/, '.ts');
    return { file: relative(root, target).replaceAll('\\', '/'), package: undefined };
  }
  if (specifier === 'millrace') return { file: 'index.ts', package: undefined };
  if (specifier === 'millrace/testing/kit') return { file: 'testing/kit/index.ts', package: undefined };
  if (specifier === 'millrace/testing') return { file: 'testing/index.ts', package: undefined };
  const parts = specifier.split('/');
  return { file: undefined, package: specifier.startsWith('@') ? parts.slice(0, 2).join('/') : parts[0] };
}
