import { canonicalJson } from '../json.js';

/** What makes a load the same load: equal parts, equal id, one effect. */
export interface LoadKeyParts {
  readonly dag: string;
  readonly task: string;
  readonly table: string;
  readonly intervalKey: string;
  readonly contentHash: string;
}

/** The text whose SHA-256 is the load id. */
export function loadKey(parts: LoadKeyParts): string {
  const { dag, task, table, intervalKey, contentHash } = parts;
  return canonicalJson({ dag, task, table, intervalKey, contentHash });
}
