import { keyWithinGroup, mergeKeyOf, strategyOf } from '../loading/load-rules.js';
import type { LoadConfig, TransformConfig } from './stage-config.js';
import type { TaskSpec } from './task-spec.js';
import type { UnnestConfig } from './unnest.js';

/** What a task knows of the rows that were unnested before it, under the names that columns have by then. */
interface Unnested {
  readonly taskId: string;
  readonly key: readonly string[];
  readonly version: readonly string[];
}

/**
 * What is wrong with a task behind an `unnest`: whatever would leave elements in a table that are gone, or let those of an
 * older parent win.
 */
export function checkUnnested(task: TaskSpec, byId: ReadonlyMap<string, TaskSpec>): string[] {
  if (task.kind !== 'transform' && task.kind !== 'load') return [];
  const behind: TaskSpec[] = [];
  let from: TaskSpec | undefined = task.kind === 'transform' ? task : byId.get(task.input);
  while (from !== undefined && !behind.includes(from)) {
    behind.unshift(from);
    from = 'input' in from ? byId.get(from.input) : undefined;
  }
  const at = behind.findIndex((other) => unnestOf(other) !== undefined);
  const first = behind[at];
  const unnest = first === undefined ? undefined : unnestOf(first);
  if (first === undefined || unnest === undefined) return [];
  const renames = behind
    .slice(at)
    .flatMap((other) => (other.kind === 'transform' ? [other.config.rename ?? {}] : []));
  const now = (names: readonly string[] = []) =>
    names.map((name) => renames.reduce((before, rename) => rename[before] ?? before, name));
  const unnested = { taskId: first.id, key: now(unnest.key), version: now(unnest.version) };
  const problems =
    task.kind === 'load'
      ? loadOfElements(task.config, unnested)
      : transformOfElements(task.config, unnested, first === task);
  return problems.map((problem) => `task "${task.id}": ${problem}`);
}

function unnestOf(task: TaskSpec): UnnestConfig | undefined {
  return task.kind === 'transform' ? task.config.unnest : undefined;
}

function transformOfElements(
  { unnest, keep, dedupe }: TransformConfig,
  { taskId, key }: Unnested,
  isFirst: boolean,
): string[] {
  const stays = 'and a table would keep those of before where it leaves out all of a row';
  return [
    ...(unnest === undefined || isFirst
      ? []
      : [`its rows are elements already, which "${taskId}" unnests; unnest once`]),
    ...(keep === undefined
      ? []
      : [`"keep" leaves elements out, ${stays}; keep before "unnest", or filter in a view`]),
    ...(dedupe === undefined || key.every((name) => dedupe.key.includes(name))
      ? []
      : [`"dedupe" leaves elements out, ${stays}; have ${list(key)} in its key`]),
  ];
}

function loadOfElements(config: LoadConfig, { taskId, key, version }: Unnested): string[] {
  if (config.disposition !== 'merge') return [];
  const where = `its rows are elements that "${taskId}" unnests;`;
  const group = strategyOf(config) === 'delete-insert' ? mergeKeyOf(config) : [];
  const isOfParent = [...group].sort().join('\n') === [...key].sort().join('\n');
  return [
    ...(isOfParent
      ? []
      : [
          `${where} so that those which are gone disappear, load them with strategy: 'delete-insert' and mergeKey: ${list(key)}`,
        ]),
    ...(isOfParent && config.key.length > 0 && keyWithinGroup(config).length === 0
      ? [
          `${where} its key ${list(config.key)} is that of their parent; add what tells elements apart, such as the position`,
        ]
      : []),
    ...(config.hardDelete === undefined
      ? []
      : [
          `${where} "hardDelete" would take single elements away; say in the extract which rows are deleted, or leave them to a view`,
        ]),
    ...(config.version.join('\n') === version.join('\n')
      ? []
      : [`${where} its version is that of their parent: ${list(version)}`]),
  ];
}

function list(names: readonly string[]): string {
  return `[${names.map((name) => `'${name}'`).join(', ')}]`;
}
