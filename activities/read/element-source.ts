import type { ExtractTask, SourceRef } from '../../core/dag/dag-spec.js';
import { PipelineError } from '../../core/errors/index.js';
import type { StageContext } from '../../core/run/run.js';
import type { ActivityDeps } from '../deps.js';

/**
 * What an extract task reads in this instance of a mapped group, and the name under which its cursor stands: members of
 * the element take the place of the connection and of options, and the instance's name keeps the cursors apart.
 *
 * @throws PipelineError ELEMENT_INVALID, STAGING_*
 */
export async function elementSource(
  { values }: Pick<ActivityDeps, 'values'>,
  { element, mapIndex }: StageContext,
  { id, config }: ExtractTask,
): Promise<{ readonly from: SourceRef; readonly cursorKey: string }> {
  if (element === undefined || mapIndex === undefined) return { from: config.from, cursorKey: id };
  const { value, label } = await values.element(element);
  const cursorKey = `${id}[${label}]`;
  const { fromElement } = config;
  if (fromElement === undefined) return { from: config.from, cursorKey };
  const { connection, options = {} } = fromElement;
  const members = [...(connection === undefined ? [] : [connection]), ...Object.values(options)];
  const problems = members
    .filter((member) => !Object.hasOwn(value, member))
    .map((member) => `it has no "${member}"`);
  const named = connection === undefined ? undefined : value[connection];
  if (named !== undefined && typeof named !== 'string')
    problems.push(`its "${connection ?? ''}" names no connection, since it is not text`);
  if (problems.length > 0)
    throw new PipelineError('ELEMENT_INVALID', { taskId: id, label, problem: problems.join('; ') });
  const chosen = Object.entries(options).map(([name, member]) => [name, value[member] ?? null] as const);
  return {
    from: {
      ...config.from,
      ...(typeof named === 'string' ? { connection: named } : {}),
      options: { ...config.from.options, ...Object.fromEntries(chosen) },
    },
    cursorKey,
  };
}

/** Tells the loads of a mapped group's instances apart. @throws PipelineError STAGING_* */
export async function partitionKey(
  { values }: Pick<ActivityDeps, 'values'>,
  intervalKey: string,
  { element, mapIndex }: StageContext,
): Promise<string> {
  if (element === undefined || mapIndex === undefined) return intervalKey;
  return `${intervalKey}#${(await values.element(element)).label}`;
}
