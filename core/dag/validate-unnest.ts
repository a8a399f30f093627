import { mergeKeyOf, strategyOf } from '../loading/load-rules.js';
import type { TaskSpec } from './task-spec.js';

/**
 * What is wrong with a task behind an `unnest`: what would leave elements in a table that are gone (a second `unnest`, a
 * `keep`), or a merge that would
 * leave elements that are gone, or let those of an older parent win.
 */
export function checkUnnested(task: TaskSpec, byId: ReadonlyMap<string, TaskSpec>): string[] {
  if (task.kind !== 'transform' && task.kind !== 'load') return [];
  const behind: TaskSpec[] = [];
  let from: TaskSpec | undefined = task.kind === 'transform' ? task : byId.get(task.input);
  while (from !== undefined && !behind.includes(from)) {
    behind.unshift(from);
    from = 'input' in from ? byId.get(from.input) : undefined;
  }
  const at = behind.findIndex((other) => other.kind === 'transform' && other.config.unnest !== undefined);
  const first = behind[at];
  const unnest = first?.kind === 'transform' ? first.config.unnest : undefined;
  if (first === undefined || unnest === undefined) return [];
  if (task.kind === 'transform')
    return [
      ...(task.config.unnest === undefined || first === task
        ? []
        : [`task "${task.id}": its rows are elements already, which "${first.id}" unnests; unnest once`]),
      ...(task.config.keep === undefined
        ? []
        : [
            `task "${task.id}": "keep" leaves elements out, and a table would keep those of before where it leaves out all of a row; keep before "unnest", or filter in a view`,
          ]),
    ];
  if (task.config.disposition !== 'merge') return [];
  const renames = behind
    .slice(at)
    .flatMap((other) => (other.kind === 'transform' ? [other.config.rename ?? {}] : []));
  const now = (names: readonly string[] = []) =>
    names.map((name) => renames.reduce((before, rename) => rename[before] ?? before, name));
  const [key, version] = [now(unnest.key), now(unnest.version)];
  const asList = (names: readonly string[]) => `[${names.map((name) => `'${name}'`).join(', ')}]`;
  const where = `task "${task.id}": its rows are elements that "${first.id}" unnests;`;
  const group = strategyOf(task.config) === 'delete-insert' ? mergeKeyOf(task.config) : [];
  return [
    ...([...group].sort().join('\n') === [...key].sort().join('\n')
      ? []
      : [
          `${where} so that those which are gone disappear, load them with strategy: 'delete-insert' and mergeKey: ${asList(key)}`,
        ]),
    ...(task.config.version.join('\n') === version.join('\n')
      ? []
      : [`${where} its version is that of their parent: ${asList(version)}`]),
  ];
}
