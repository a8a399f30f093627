import type { ExtractTask, SourceRef } from '../core/dag-spec.js';
import type { JsonValue } from '../core/json.js';
import type { StageContext } from '../core/run.js';
import type { ActivityDeps } from './deps.js';

/**
 * What an extract task reads in this instance of a mapped group, and the name under which its cursor stands: members of
 * the element take the place of the connection and of options, and the instance's name keeps the cursors apart.
 *
 * @throws PipelineError STAGING_*
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
  const connection = fromElement.connection === undefined ? undefined : value[fromElement.connection];
  const options: Record<string, JsonValue> = { ...config.from.options };
  for (const [name, member] of Object.entries(fromElement.options ?? {}))
    options[name] = value[member] ?? null;
  return {
    from: { ...config.from, ...(typeof connection === 'string' ? { connection } : {}), options },
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
