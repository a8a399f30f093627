import { identityColumns, identityLoad, type IdentityTable } from '../../activities/identity/tables.js';
import type { IdentityTask } from '../../core/dag/dag-spec.js';
import type { FlowTable } from './flow-table.js';
import type { FlowField } from './fields.js';

/** Columns that stand for a person; what names one outright is tagged as its types of identifiers are. */
const pseudonyms: ReadonlySet<string> = new Set([
  ...['identifier_id', 'person_key', 'left_id', 'right_id', 'links', 'merged_anchor_id', 'kept_anchor_id'],
  ...['merged_key', 'kept_key', 'resolves_to', 'split_by', 'component', 'note'],
]);
const behaviour: ReadonlySet<string> = new Set(['first_seen', 'last_seen']);

/** The tables that an identity task writes, with the tags of their columns. */
export function identityFlows({ id: taskId, config }: IdentityTask): FlowTable[] {
  const purpose = ['identity'];
  const classes = [...new Set(config.identifiers.map(({ pii }) => pii))].sort().join(', ');
  const from = config.sources
    .flatMap(({ table, columns }) => Object.keys(columns).map((column) => `${table}.${column}`))
    .join(', ');
  const piiOf = (name: string): string => {
    if (name === 'identifier_value') return classes;
    if (name === 'reason') return 'free-text';
    if (behaviour.has(name)) return 'behaviour';
    return pseudonyms.has(name) ? 'pseudonym' : 'none';
  };
  return (Object.keys(identityColumns) as IdentityTable[]).map((table) => {
    const { into, disposition, key, version } = identityLoad(config, table);
    return {
      taskId,
      table: into,
      disposition,
      key,
      version,
      sources: [],
      schema: null,
      quarantineOver: null,
      fields: identityColumns[table].map(({ name, type }): FlowField => ({
        name,
        type,
        from: name === 'identifier_value' ? from : `task ${taskId}`,
        pii: piiOf(name),
        purpose,
        isSubjectKey: name === 'person_key' || name === 'identifier_value',
      })),
    };
  });
}
