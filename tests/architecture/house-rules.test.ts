import { describe, expect, test } from '@jest/globals';
import { catalogue } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import { generatedPages } from '../../scripts/docs/pages.js';
import { importsOf, listFiles, productFiles, readText, roomOf } from './source-tree.js';

const maxLines = 400;
/** Absolute home and work folders; the lookbehind leaves addresses and relative paths alone. */
const machineFolder = /(?<![\w.:-])(\/(work|root|home|Users)\/[a-z]|[A-Z]:\\Users\\)/;

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

function manifest(): Manifest {
  return JSON.parse(readText('package.json')) as Manifest;
}

function isSource(path: string): boolean {
  return /\.(ts|mjs)$/.test(path);
}

/** Text of the product without the files that declare codes and limits. */
function productText(): string {
  const isDeclaration = (path: string): boolean =>
    path === 'core/errors/catalogue.ts' || /^core\/([a-z]+-)?limits\.ts$/.test(path);
  return productFiles()
    .filter((path) => !isDeclaration(path))
    .map(readText)
    .join('\n');
}

describe('files', () => {
  test(`no source file is longer than ${String(maxLines)} lines`, () => {
    const long = listFiles(isSource).filter((path) => readText(path).split('\n').length > maxLines + 1);
    expect(long).toEqual([]);
  });

  test('file names are kebab-case', () => {
    const odd = listFiles(isSource).filter(
      (path) => !/^([a-z0-9]+([.-][a-z0-9]+)*\/)*[a-z0-9]+([.-][a-z0-9]+)*$/.test(path),
    );
    expect(odd).toEqual([]);
  });

  test('no file names a folder of somebody’s machine', () => {
    const isText = (path: string) =>
      /\.(ts|mjs|json|md|ya?ml|svg|sql)$|^\.ci\/|^\.npmrc$/.test(path) && !path.startsWith('dags/data/');
    expect(listFiles(isText).filter((path) => machineFolder.test(readText(path)))).toEqual([]);
  });

  test.each([['/', 'root/x'].join(''), ['"/', 'home/jo/x"'].join(''), ['C:', '\\Users\\jo'].join('')])(
    'the check sees %s',
    (text) => {
      expect(machineFolder.test(text)).toBe(true);
    },
  );
});

describe('packages', () => {
  test('every version is exact', () => {
    const { dependencies, devDependencies } = manifest();
    const loose = Object.entries({ ...dependencies, ...devDependencies }).filter(
      ([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version),
    );
    expect(loose).toEqual([]);
  });

  test('the lock file names no host', () => {
    expect(readText('package-lock.json')).not.toMatch(/"resolved":\s*"https?:/);
  });

  test('what the product loads is a dependency, and every dependency is loaded', () => {
    const { dependencies, devDependencies } = manifest();
    const loaded = new Set<string>();
    const missing: string[] = [];
    for (const path of productFiles()) {
      for (const { package: name, isTypeOnly } of importsOf(path)) {
        if (name === undefined || name.startsWith('node:')) continue;
        loaded.add(name);
        const isDeclared =
          name in dependencies || ((isTypeOnly || roomOf(path) === 'demo') && name in devDependencies);
        if (!isDeclared) missing.push(`${path}: ${name}`);
      }
    }
    expect(missing).toEqual([]);
    expect(Object.keys(dependencies).filter((name) => !loaded.has(name))).toEqual([]);
  });
});

describe('catalogues', () => {
  test('every error code is raised somewhere', () => {
    const text = productText();
    expect(Object.keys(catalogue).filter((code) => !text.includes(`'${code}'`))).toEqual([]);
  });

  test('every limit bounds something', () => {
    const text = productText();
    expect(Object.keys(limits).filter((name) => !new RegExp(`limits\\.${name}\\b`).test(text))).toEqual([]);
  });

  test('the generated reference pages are up to date; "npm run docs" writes them', async () => {
    for (const [path, text] of Object.entries(await generatedPages())) {
      expect({ path, text: readText(path) }).toEqual({ path, text });
    }
  });
});
