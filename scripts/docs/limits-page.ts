import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { limits } from '../../core/limits.js';

interface LimitGroup {
  readonly description: string;
  readonly names: string[];
}

/** `docs/reference/limits.md`: names, values and the comments of `core/limits.ts` and its parts. */
export function limitsPage(): string {
  const rows = readGroups('core/limits.ts').flatMap(({ description, names }) =>
    names.map((name) => `| \`${name}\` | ${readable(name)} | ${description.replaceAll('|', '\\|')} |`),
  );
  return [
    '# Limits',
    '',
    'Generated from `core/limits.ts` by `npm run docs`. A comment that covers several limits is repeated.',
    '',
    '| limit | value | meaning |',
    '| --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

function readGroups(path: string): LimitGroup[] {
  const text = readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const groups: LimitGroup[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isSpreadAssignment(node)) {
      groups.push(...readGroups(partOf(node.expression.getText(file))));
      return;
    }
    if (ts.isPropertyAssignment(node) && ts.isIdentifier(node.name)) {
      const comment = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc).at(-1)?.comment;
      const description = ts.getTextOfJSDocComment(comment)?.replaceAll(/\s+/g, ' ').trim();
      const last = groups.at(-1);
      if (description !== undefined) groups.push({ description, names: [node.name.text] });
      else if (last === undefined) throw new Error(`limit ${node.name.text} has no comment`);
      else last.names.push(node.name.text);
      return;
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return groups;
}

/** `connectorLimits` is what `core/limits/connector-limits.ts` declares. */
function partOf(name: string): string {
  return `core/limits/${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}.ts`;
}

function readable(name: string): string {
  const value: number = (limits as Readonly<Record<string, number>>)[name] ?? NaN;
  if (name.endsWith('Bytes'))
    return inUnits(
      value,
      [
        [2 ** 30, 'GiB'],
        [2 ** 20, 'MiB'],
        [2 ** 10, 'KiB'],
      ],
      'bytes',
    );
  if (name.endsWith('Ms'))
    return inUnits(
      value,
      [
        [3_600_000, 'h'],
        [60_000, 'min'],
        [1_000, 's'],
      ],
      'ms',
    );
  return value.toLocaleString('en-US');
}

function inUnits(value: number, units: readonly (readonly [number, string])[], smallest: string): string {
  const unit = units.find(([size]) => value >= size && value % size === 0);
  const [size, label] = unit ?? [1, smallest];
  return `${(value / size).toLocaleString('en-US')} ${label}`;
}
