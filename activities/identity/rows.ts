import type { IdentifierRow, LinkRow, MergeRow } from '../../core/identity/resolve.js';
import type { IdentityConfig } from '../../core/identity/spec.js';
import type { JsonObject } from '../../core/json.js';
import type { InComponent } from './graph-store.js';

/** A row of the table of identifiers, without its revision. */
export function identifierRow(row: IdentifierRow & InComponent, { identifiers }: IdentityConfig): JsonObject {
  return {
    identifier_id: row.id,
    identifier_type: identifiers[row.type]?.name ?? '',
    identifier_value: row.value,
    person_key: row.key ?? '',
    person_key_revision: row.keyedIn ?? 0,
    first_seen: row.firstSeen,
    last_seen: row.lastSeen,
    source: row.source,
    component: row.component,
  };
}

/** A row of the table of links, without its revision. */
export function linkRow(row: LinkRow & InComponent): JsonObject {
  return {
    left_id: row.left,
    right_id: row.right,
    first_seen: row.firstSeen,
    last_seen: row.lastSeen,
    source: row.source,
    status: row.status ?? 'linked',
    component: row.component,
  };
}

/** A row of the table of merges, without when it came to be, and its revision. */
export function mergeRow(row: MergeRow, component: string): JsonObject {
  const [[left, right] = ['', '']] = row.links;
  return {
    merge_id: row.mergeId,
    merged_key: row.mergedKey,
    kept_key: row.keptKey,
    resolves_to: row.resolvesTo ?? row.keptKey,
    status: row.status ?? 'merged',
    left_id: left,
    right_id: right,
    links: JSON.stringify(row.links),
    merged_anchor_id: row.mergedAnchor,
    kept_anchor_id: row.keptAnchor,
    merged_key_revision: row.mergedKeyedIn,
    merged_in: row.revision,
    component,
  };
}

/** An ISO instant as a TIMESTAMP in UTC is written. */
export function instant(iso: string): string {
  return iso.replace('T', ' ').replace('Z', '');
}
