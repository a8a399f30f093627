import { dagDefaults } from '../../core/dag/dag-defaults.js';
import type { DagMode, DagSpec, TaskSpec } from '../../core/dag/dag-spec.js';
import { describeSchedule } from '../../core/schedule/describe-schedule.js';
import type { FlowTable } from './flow-table.js';
import { identityFlows } from './identity.js';
import { schemaFields, transformFields, type FlowField } from './fields.js';

/** What an extract task reads. */
export interface FlowSource {
  readonly taskId: string;
  readonly connector: string;
  readonly stream: string;
  readonly connection: string | null;
  readonly read: 'interval' | 'cursor' | 'full';
}

/** How data flows through one DAG, read from its spec alone. */
export interface DataFlow {
  readonly dagId: string;
  readonly description: string;
  readonly owner: string | null;
  readonly tags: readonly string[];
  readonly mode: DagMode;
  readonly updateFrequency: string;
  readonly sources: readonly FlowSource[];
  readonly tables: readonly FlowTable[];
  /** Assets whose events its tasks emit. */
  readonly outlets: readonly string[];
  /** What is missing before the flow counts as documented: an owner, a schema, a tag. */
  readonly problems: readonly string[];
}

type Described = Pick<FlowTable, 'sources' | 'schema' | 'quarantineOver' | 'fields'>;
const nothing: Described = { sources: [], schema: null, quarantineOver: null, fields: null };

/** Describes the data flow of a DAG whose record schemas are embedded. */
export function describeDataFlow(spec: DagSpec): DataFlow {
  const problems: string[] = [];
  const owner = spec.owner === dagDefaults.owner ? null : spec.owner;
  if (owner === null) problems.push(`DAG "${spec.id}" has no owner`);
  const described = new Map<string, Described>();
  const inputOf = (taskId: string): Described => described.get(taskId) ?? nothing;
  const sources: FlowSource[] = [];
  const tables: FlowTable[] = [];
  for (const task of spec.tasks) {
    switch (task.kind) {
      case 'extract': {
        const { from, read } = task.config;
        const { connector, stream, connection = null } = from;
        sources.push({ taskId: task.id, connector, stream, connection, read });
        described.set(task.id, { ...nothing, sources: [task.id] });
        break;
      }
      case 'validate': {
        const { schema, quarantineOver } = task.config;
        const fields = schema.document === undefined ? null : schemaFields(schema.document);
        problems.push(...untagged(schema.id, fields ?? []));
        described.set(task.id, { ...inputOf(task.input), schema: schema.id, quarantineOver, fields });
        break;
      }
      case 'transform': {
        const input = inputOf(task.input);
        const isFunction = task.config.function === true;
        const fields =
          isFunction || input.fields === null ? null : transformFields(input.fields, task.config);
        described.set(task.id, { ...input, fields });
        break;
      }
      case 'check':
      case 'anomaly-gate':
        described.set(task.id, inputOf(task.input));
        break;
      case 'load': {
        const { into: table, disposition, key, version } = task.config;
        const input = inputOf(task.input);
        if (input.fields === null) problems.push(undescribed(task, spec.tasks));
        tables.push({ taskId: task.id, table, disposition, key, version, ...input });
        break;
      }
      case 'identity':
        tables.push(...identityFlows(task));
        break;
      default:
    }
  }
  return {
    dagId: spec.id,
    description: spec.description,
    owner,
    tags: spec.tags,
    mode: spec.mode,
    updateFrequency: describeSchedule(spec.schedule),
    sources,
    tables,
    outlets: [...new Set(spec.tasks.flatMap(({ outlets = [] }) => outlets))],
    problems: [...new Set(problems)],
  };
}

function untagged(schema: string, fields: readonly FlowField[]): string[] {
  return fields.flatMap(({ name, pii, purpose }) => [
    ...(pii === null ? [`schema "${schema}": field "${name}" has no x-pii`] : []),
    ...(purpose.length === 0 ? [`schema "${schema}": field "${name}" has no x-purpose`] : []),
  ]);
}

function undescribed(load: Extract<TaskSpec, { kind: 'load' }>, tasks: readonly TaskSpec[]): string {
  const { into } = load.config;
  const before = tasks.find(({ id }) => id === load.input);
  return before?.kind === 'transform' && before.config.function === true
    ? `table "${into}": the function of task "${before.id}" writes its columns; validate them before task "${load.id}"`
    : `table "${into}": task "${load.id}" loads rows that no schema describes`;
}
