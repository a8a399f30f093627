import type { LoadMarker } from '../../connectors/warehouse.js';
import type { ColumnSpec } from '../../core/loading/columns.js';
import type { LoadTask } from '../../core/dag/dag-spec.js';
import type { Manifest } from '../../core/loading/manifest.js';
import type { StageContext } from '../../core/run/run.js';
import type { ActivityDeps } from '../deps.js';

/** A load that is committed. */
interface Loaded {
  readonly context: StageContext;
  readonly task: LoadTask;
  readonly input: Manifest;
  readonly marker: LoadMarker;
  /** Columns of the table before it; absent where there was no table, or it was committed before. */
  readonly before: readonly ColumnSpec[] | undefined;
}

/** Columns that a load may change; undefined where there is no table, or nobody asks. */
export async function columnsBefore(
  { alarms, warehouse }: ActivityDeps,
  table: string,
): Promise<readonly ColumnSpec[] | undefined> {
  return alarms === undefined ? undefined : warehouse.tableColumns(table);
}

/**
 * Remembers when the table was loaded, and raises or ends the alarms of a load. It is committed by then: what goes wrong
 * here is logged and fails nothing.
 */
export async function tellOfLoad(deps: ActivityDeps, loaded: Loaded): Promise<void> {
  const { context, task, marker } = loaded;
  const { into: table } = task.config;
  try {
    await deps.quality?.recordLoad({
      dagId: context.dagId,
      taskId: task.id,
      table,
      committedAt: marker.committedAt,
    });
    await tellOfColumns(deps, loaded);
    await tellOfQuarantine(deps, loaded);
  } catch (error) {
    deps.logger.warn({ err: error, dag: context.dagId, table }, 'alarms of a load could not be told of');
  }
}

async function tellOfColumns(
  { alarms, warehouse }: ActivityDeps,
  { context: { dagId }, task, marker, before }: Loaded,
): Promise<void> {
  if (alarms === undefined || before === undefined) return;
  const { into: subject } = task.config;
  const changes = columnChanges(before, (await warehouse.tableColumns(subject)) ?? []);
  const at = marker.committedAt;
  if (changes.length === 0) await alarms.recover({ dagId, kind: 'schema-change', subject, at });
  else
    await alarms.raise({
      dagId,
      kind: 'schema-change',
      subject,
      at,
      occurrence: marker.loadId,
      message: `DAG "${dagId}": a load changed table "${subject}": ${changes.join(', ')}; check what reads it, or freeze its contract`,
    });
}

/** What differs between the columns of a table before and after a load, a phrase each. */
export function columnChanges(before: readonly ColumnSpec[], after: readonly ColumnSpec[]): string[] {
  const known = new Map(before.map((column) => [column.name, column]));
  return after.flatMap((column) => {
    const old = known.get(column.name);
    if (old === undefined) return [`column "${column.name}" (${typeOf(column)}) is new`];
    return typeOf(old) === typeOf(column)
      ? []
      : [`column "${column.name}" went from ${typeOf(old)} to ${typeOf(column)}`];
  });
}

function typeOf({ type, precision, scale }: ColumnSpec): string {
  return type === 'decimal' ? `decimal(${String(precision)}, ${String(scale)})` : type;
}

async function tellOfQuarantine(
  { alarms, quarantineAlarmOver: allowed = 1 }: ActivityDeps,
  { context: { dagId }, task, marker }: Loaded,
): Promise<void> {
  const { extracted, quarantined } = marker.counts;
  const { into: subject } = task.config;
  if (alarms === undefined || extracted === 0) return;
  const alarm = { dagId, kind: 'quarantine-rate', subject, at: marker.committedAt } as const;
  if (quarantined / extracted <= allowed) await alarms.recover(alarm);
  else
    await alarms.raise({
      ...alarm,
      occurrence: marker.loadId,
      message: `DAG "${dagId}": ${String(quarantined)} of ${String(extracted)} rows for table "${subject}" were quarantined; "millrace quarantine list --dag ${dagId}" says why`,
    });
}
