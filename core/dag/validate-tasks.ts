import type { DagSpec } from './dag-spec.js';
import { branchTargets, isInGroup } from './graph.js';
import { limits } from '../limits.js';
import type { ExpandSpec, TaskSpec } from './task-spec.js';
import { checkUnnested } from './validate-unnest.js';

/** What is wrong with branches, setups, mappings, slots and groups, a sentence each. */
export function checkTasks(spec: DagSpec): string[] {
  const byId = new Map(spec.tasks.map((task) => [task.id, task]));
  return [
    ...checkGroups(spec, byId),
    ...checkMappings(spec, byId),
    ...spec.tasks.flatMap((task) => [
      ...checkJitter(task),
      ...checkTeardown(task, byId),
      ...checkPast(task, byId),
      ...checkSwitch(task, spec),
      ...checkDeferred(task, byId),
      ...checkUnnested(task, byId),
      ...checkDeletions(task, byId),
      ...checkInputs(task, spec, byId),
    ]),
  ];
}

type ById = ReadonlyMap<string, TaskSpec>;

function isWholeNumber(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 1;
}

function checkJitter({ id, retry: { jitter } }: TaskSpec): string[] {
  if (jitter === undefined || (jitter >= 0 && jitter <= 1)) return [];
  return [`task "${id}": retryJitter is ${String(jitter)}; use a share from 0 to 1`];
}

function checkTeardown(task: TaskSpec, byId: ById): string[] {
  return (task.teardown?.setups ?? []).flatMap((id) =>
    byId.get(id)?.setup === true
      ? []
      : [`task "${task.id}" is a teardown of "${id}", which is no setup; give that one setup: true`],
  );
}

function checkPast(task: TaskSpec, byId: ById): string[] {
  return (task.dependsOnPast?.tasks ?? []).flatMap((id) =>
    byId.has(id) ? [] : [`task "${task.id}" depends on the past of "${id}", which does not exist`],
  );
}

function checkSwitch(task: TaskSpec, spec: DagSpec): string[] {
  if (task.kind !== 'switch') return [];
  const known = branchTargets(spec.tasks, task.id);
  const targets = [...new Set([...Object.values(task.cases).flat(), ...task.otherwise])];
  return targets
    .filter((id) => !known.includes(id))
    .map((id) => `task "${task.id}" may choose "${id}", which is no task or group directly after it`);
}

/** Rows that a transform leaves to the load are of use to loads and further such transforms only. */
function checkDeferred(task: TaskSpec, byId: ById): string[] {
  if (!('input' in task) || task.kind === 'load' || isDeferred(task)) return [];
  const from = byId.get(task.input);
  if (from === undefined || !isDeferred(from)) return [];
  return [
    `task "${task.id}" (${task.kind}) needs the rows of "${from.id}", which runs in the warehouse, with the load; set its runIn to "worker"`,
  ];
}

/** A deletion without a version is older than every row that has one, so that it would delete none. */
function checkDeletions(task: TaskSpec, byId: ById): string[] {
  if (task.kind !== 'load' || task.config.version.length === 0) return [];
  let from: TaskSpec | undefined = task;
  while (from !== undefined && 'input' in from) from = byId.get(from.input);
  if (from?.kind !== 'extract') return [];
  const { deleted } = from.config.from.options;
  if (typeof deleted !== 'object' || deleted === null || Array.isArray(deleted)) return [];
  const { version } = deleted;
  if (!Array.isArray(version) || version.length > 0) return [];
  return [
    `task "${task.id}" has versions (${task.config.version.join(', ')}), and "deleted" of "${from.id}" names none: its deletions would be older than every row; name them in deleted.version`,
  ];
}

function isDeferred(task: TaskSpec): boolean {
  return task.kind === 'transform' && task.config.runIn === 'warehouse';
}

function checkGroups(spec: DagSpec, byId: ById): string[] {
  const problems: string[] = [];
  const seen = new Set<string>();
  for (const group of spec.groups ?? []) {
    if (seen.has(group.id) || byId.has(group.id)) problems.push(`group id "${group.id}" is used twice`);
    seen.add(group.id);
    const tasks = spec.tasks.filter((task) => isInGroup(task, group.id));
    if (tasks.length === 0) problems.push(`group "${group.id}" has no task`);
    if (group.expand !== undefined && tasks.length > limits.mappedGroupMaxTasks)
      problems.push(
        `mapped group "${group.id}" has ${String(tasks.length)} tasks, over ${String(limits.mappedGroupMaxTasks)}`,
      );
  }
  return problems;
}

function checkMappings(spec: DagSpec, byId: ById): string[] {
  const problems: string[] = [];
  const mappedGroups = (spec.groups ?? []).filter((group) => group.expand !== undefined);
  for (const group of mappedGroups) {
    const outer = mappedGroups.find((other) => group.id.startsWith(`${other.id}.`));
    if (outer !== undefined)
      problems.push(`mapped group "${group.id}" is inside mapped group "${outer.id}"; map only one of them`);
    problems.push(...checkExpand(`group "${group.id}"`, group.expand, byId));
  }
  for (const task of spec.tasks) {
    if (task.expand === undefined) continue;
    const outer = mappedGroups.find((group) => isInGroup(task, group.id));
    if (outer !== undefined)
      problems.push(`task "${task.id}" is mapped inside mapped group "${outer.id}"; map only one of them`);
    problems.push(...checkExpand(`task "${task.id}"`, task.expand, byId));
    if (task.triggerRule === 'always' && sourcesOf(task.expand).some((source) => 'task' in source))
      problems.push(
        `task "${task.id}": trigger rule "always" would not wait for the list that it is mapped over`,
      );
  }
  return problems;
}

function sourcesOf(expand: ExpandSpec) {
  return expand.over.kind === 'kwargs' ? [expand.over.items] : Object.values(expand.over.arguments);
}

function checkExpand(at: string, expand: ExpandSpec | undefined, byId: ById): string[] {
  if (expand === undefined) return [];
  const problems: string[] = [];
  const sources = sourcesOf(expand);
  if (sources.length === 0) problems.push(`${at} is mapped over nothing; give it a list in "over"`);
  if (expand.maxActive !== undefined && !isWholeNumber(expand.maxActive))
    problems.push(`${at}: maxActive is ${String(expand.maxActive)}; use a whole number from 1 on`);
  for (const source of sources) {
    if (!('task' in source)) continue;
    const task = byId.get(source.task);
    if (task !== undefined && handsOnRows(task))
      problems.push(
        `${at} is mapped over "${source.task}" (${task.kind}), which hands on rows; map over a list`,
      );
  }
  return problems;
}

function handsOnRows(task: TaskSpec): boolean {
  return ['extract', 'validate', 'transform', 'check', 'anomaly-gate', 'load'].includes(task.kind);
}

/** References to elements, and rows that would leave a mapped group. */
function checkInputs(task: TaskSpec, spec: DagSpec, byId: ById): string[] {
  const problems: string[] = [];
  const ownGroup = mappedGroupOf(task, spec);
  const references = [
    ...('inputs' in task ? Object.values(task.inputs) : []),
    ...('input' in task ? [task.input] : []),
  ];
  for (const reference of references) {
    if (reference.startsWith('$')) {
      if (ownGroup === undefined)
        problems.push(`task "${task.id}" takes an element of a mapped group that it does not belong to`);
      continue;
    }
    const from = byId.get(reference);
    if (from === undefined) continue;
    const fromGroup = mappedGroupOf(from, spec);
    if ('input' in task && task.kind !== 'switch' && (fromGroup !== ownGroup || from.expand !== undefined))
      problems.push(
        `task "${task.id}" needs rows of "${reference}", which is on the other side of a mapping`,
      );
  }
  if (task.kind === 'extract' && task.config.fromElement !== undefined && ownGroup === undefined)
    problems.push(`task "${task.id}" has fromElement, and belongs to no mapped group`);
  if (task.kind === 'approval' && ownGroup !== undefined)
    problems.push(`task "${task.id}" is an approval in a mapped group; ask once, before or after the group`);
  if (task.kind === 'anomaly-gate' && task.config.onAnomaly === 'wait' && ownGroup !== undefined)
    problems.push(`task "${task.id}" waits for a person in a mapped group; let it flag what it finds`);
  return problems;
}

function mappedGroupOf(task: TaskSpec, spec: DagSpec): string | undefined {
  return spec.groups?.find((group) => group.expand !== undefined && isInGroup(task, group.id))?.id;
}
