import type { Manifest, StagedFile } from '../../core/loading/manifest.js';
import type { QuarantineRow } from '../../core/quality/quarantine.js';
import type { RowCheck } from './check-sql.js';
import type { ActivityDeps } from '../deps.js';
import { readStagedLines } from '../staged/staged-lines.js';

/** A row that goes to quarantine, by its position in what was extracted. */
export interface RejectedRow {
  readonly position: number;
  /** The row as it was judged: JSON text. */
  readonly row: string;
}

/** Quarantine rows with their original bytes, where the extracted file is known; else as they were judged. */
export async function quarantineRows<Rejected extends RejectedRow>(
  deps: Pick<ActivityDeps, 'staging'>,
  input: Manifest,
  rejected: readonly Rejected[],
  reasonOf: (row: Rejected) => Pick<QuarantineRow, 'code' | 'pointer' | 'message'>,
): Promise<QuarantineRow[]> {
  const originals = new Map<number, string>();
  if (rejected.length > 0 && input.origin !== undefined) {
    const wanted = new Set(rejected.map(({ position }) => position));
    const paths = await Promise.all(input.origin.map((file) => deps.staging.localPath(file)));
    for await (const { position, bytes } of readStagedLines(paths))
      if (wanted.has(position)) originals.set(position, Buffer.from(bytes).toString('utf8'));
  }
  return rejected.map((row) => ({
    ...reasonOf(row),
    raw: originals.get(row.position) ?? row.row,
    position: row.position,
  }));
}

/** Why a row that misses a check goes to quarantine. */
export function missOf(check: RowCheck): Pick<QuarantineRow, 'code' | 'pointer' | 'message'> {
  return {
    code: `CHECK_${check.kind.toUpperCase().replace('-', '_')}`,
    pointer: pointerOf(check),
    message: `misses check "${check.name}"`,
  };
}

/** The column as a JSON pointer (RFC 6901); the whole record where there are several. */
function pointerOf(check: RowCheck): string {
  const [column, ...further] = check.kind === 'unique' ? check.columns : [check.column];
  if (column === undefined || further.length > 0) return '';
  return `/${column.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** Stages quarantine rows for the load. */
export async function stageRejects(
  deps: Pick<ActivityDeps, 'staging'>,
  rejects: readonly QuarantineRow[],
): Promise<StagedFile[]> {
  if (rejects.length === 0) return [];
  const lines = rejects.map((reject) => Buffer.from(`${JSON.stringify(reject)}\n`));
  return [await deps.staging.write(lines, rejects.length)];
}
