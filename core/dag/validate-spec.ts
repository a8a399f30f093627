import { gateProblems } from '../quality/anomaly.js';
import { checkProblems } from '../quality/check-spec.js';
import { checkSlots } from './read-slots.js';
import { identityProblems } from '../identity/spec.js';
import type { DagSpec, TaskSpec } from './dag-spec.js';
import { canonicalJson } from '../json.js';
import { limits } from '../limits.js';
import { loadProblems } from '../loading/load-rules.js';
import { validateSchedule } from './validate-schedule.js';
import { triggerRules } from './task-spec.js';
import { unnestProblems } from './unnest.js';
import { checkAssets } from './validate-assets.js';
import { checkTasks } from './validate-tasks.js';

const handsOnRows = new Set<TaskSpec['kind']>(['extract', 'validate', 'transform', 'check', 'anomaly-gate']);
const idPattern = /^[A-Za-z][A-Za-z0-9_.-]*$/;

/** Everything that is wrong with a spec, a sentence each; an empty list for a good one. */
export function validateSpec(spec: DagSpec): string[] {
  const problems = [
    ...checkDag(spec),
    ...spec.tasks.flatMap((task) => checkTask(task, spec)),
    ...checkGraph(spec),
    ...checkTasks(spec),
    ...checkAssets(spec),
  ];
  if (problems.length > 0) return problems;
  const bytes = new TextEncoder().encode(canonicalJson(spec)).length;
  if (bytes > limits.specMaxBytes) {
    problems.push(
      `the spec is ${String(bytes)} bytes, over ${String(limits.specMaxBytes)}; split the DAG, or shorten schemas and options`,
    );
  }
  return problems;
}

function checkDag(spec: DagSpec): string[] {
  const problems = checkId(spec.id, 'DAG id');
  if (spec.tasks.length === 0) problems.push('it has no task');
  if (spec.tasks.length > limits.dagMaxTasks)
    problems.push(`it has ${String(spec.tasks.length)} tasks, over ${String(limits.dagMaxTasks)}`);
  for (const name of ['maxActiveRuns', 'maxActiveTasks'] as const) {
    const value = spec[name];
    if (value !== undefined && (!Number.isSafeInteger(value) || value < 1))
      problems.push(`${name} is ${String(value)}; use a whole number from 1 on`);
  }
  problems.push(...validateSchedule(spec.schedule));
  return problems;
}

function checkId(id: string, what: string): string[] {
  if (!idPattern.test(id))
    return [`${what} "${id}" is refused: use letters, digits, "_", "-" and ".", starting with a letter`];
  if (id.length > limits.identifierMaxLength)
    return [`${what} "${id.slice(0, 20)}…" is longer than ${String(limits.identifierMaxLength)} characters`];
  return [];
}

function checkTask(task: TaskSpec, spec: DagSpec): string[] {
  const problems = checkId(task.id, 'task id');
  const at = `task "${task.id}"`;
  if (!triggerRules.includes(task.triggerRule))
    problems.push(`${at}: there is no trigger rule "${task.triggerRule}"; known: ${triggerRules.join(', ')}`);
  if (!Number.isSafeInteger(task.retry.maximumAttempts) || task.retry.maximumAttempts < 1)
    problems.push(`${at}: retries is a whole number from 0 on`);
  if (task.retry.backoffCoefficient < 1) problems.push(`${at}: retryBackoff is at least 1`);
  problems.push(...checkSlots(task));
  if (task.kind === 'load') {
    const { into } = task.config;
    problems.push(...checkId(into, `${at}: table`));
    if (into.startsWith('_millrace'))
      problems.push(`${at}: table names that start with _millrace are Millrace's own`);
    problems.push(...loadProblems(task.config).map((problem) => `${at}: ${problem}`));
  }
  if (task.kind === 'validate' && !(task.config.quarantineOver >= 0 && task.config.quarantineOver <= 1)) {
    problems.push(`${at}: quarantineOver is ${String(task.config.quarantineOver)}; use a share from 0 to 1`);
  }
  if (task.kind === 'transform' && task.config.unnest !== undefined)
    problems.push(...unnestProblems(task.config.unnest).map((problem) => `${at}: ${problem}`));
  if (task.kind === 'check')
    problems.push(...checkProblems(task.config).map((problem) => `${at}: ${problem}`));
  if (task.kind === 'anomaly-gate')
    problems.push(...gateProblems(task.config).map((problem) => `${at}: ${problem}`));
  if (task.kind === 'identity')
    problems.push(...identityProblems(task.config).map((problem) => `${at}: ${problem}`));
  if (task.kind === 'extract') {
    const { connector, stream, problems: found = [] } = task.config.from;
    problems.push(...found.map((problem) => `${at}: ${connector}.${stream}: ${problem}`));
  }
  if (task.kind === 'extract' && task.config.read === 'interval' && spec.schedule.kind === 'stream') {
    problems.push(`${at}: a stream has no intervals; read by cursor`);
  }
  return problems;
}

function checkGraph(spec: DagSpec): string[] {
  const problems: string[] = [];
  const byId = new Map<string, TaskSpec>();
  const position = new Map<string, number>();
  for (const [index, task] of spec.tasks.entries()) {
    if (byId.has(task.id)) problems.push(`task id "${task.id}" is used twice`);
    else {
      byId.set(task.id, task);
      position.set(task.id, index);
    }
  }
  for (const task of spec.tasks) {
    for (const upstream of task.upstream) {
      const known = byId.get(upstream);
      if (known === undefined)
        problems.push(`task "${task.id}" comes after "${upstream}", which does not exist`);
      else if (known === task) problems.push(`task "${task.id}" comes after itself`);
    }
    if ('input' in task) {
      const from = byId.get(task.input);
      if (from !== undefined && task.kind !== 'switch' && !handsOnRows.has(from.kind))
        problems.push(`task "${task.id}" needs rows, which "${task.input}" (${from.kind}) does not hand on`);
    }
  }
  const cycle = findCycle(spec.tasks, byId);
  if (cycle !== undefined) problems.push(`these tasks wait for one another: ${cycle.join(' → ')}`);
  else if (
    problems.length === 0 &&
    spec.tasks.some((task) =>
      task.upstream.some((id) => (position.get(id) ?? 0) > (position.get(task.id) ?? 0)),
    )
  ) {
    problems.push('a task is listed before one that it comes after');
  }
  return problems;
}

function findCycle(tasks: readonly TaskSpec[], byId: ReadonlyMap<string, TaskSpec>): string[] | undefined {
  const finished = new Set<string>();
  const walk = (id: string, path: readonly string[]): string[] | undefined => {
    const at = path.indexOf(id);
    if (at >= 0) return at === path.length - 1 ? undefined : [...path.slice(at), id];
    if (finished.has(id)) return undefined;
    for (const upstream of byId.get(id)?.upstream ?? []) {
      const found = walk(upstream, [...path, id]);
      if (found !== undefined) return found;
    }
    finished.add(id);
    return undefined;
  };
  for (const task of tasks) {
    const found = walk(task.id, []);
    if (found !== undefined) return found;
  }
  return undefined;
}
