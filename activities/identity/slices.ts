import { resolveGraph, type IdentifierRow, type ResolveRules } from '../../core/identity/resolve.js';
import type { IdentityConfig } from '../../core/identity/spec.js';
import type { JsonObject } from '../../core/json.js';
import { limits } from '../../core/limits.js';
import type { GraphSlice, GraphStore } from './graph-store.js';
import { identifierRow, linkRow, mergeRow } from './rows.js';
import type { Spool } from './spool.js';

/** What came out of a resolve. */
export interface ResolveTotals {
  readonly identifiers: number;
  readonly persons: number;
  readonly links: number;
  readonly refusedLinks: number;
  readonly newMerges: number;
  /** Stored identifiers that have another key now. */
  readonly movedIdentifiers: number;
}

export interface SlicesToResolve {
  readonly graph: GraphStore;
  readonly config: IdentityConfig;
  readonly rules: ResolveRules;
  /** Where the rows go that are not in their tables yet as they should be. */
  readonly spools: Readonly<Record<'identifiers' | 'links' | 'merges', Pick<Spool, 'add'>>>;
  /** When a merge came to be, and in which run. */
  mergedAt(mergeId: string): { readonly at: string; readonly runId: string };
  onSlice(): void;
}

/** Resolves a graph a part at a time. @throws PipelineError DISK_FULL */
export async function resolveSlices(work: SlicesToResolve): Promise<ResolveTotals> {
  const { spools } = work;
  let totals = { identifiers: 0, persons: 0, links: 0, refusedLinks: 0, newMerges: 0, movedIdentifiers: 0 };
  for (const slice of work.graph.slices(limits.identitySliceIdentifiers)) {
    const { rows, counts } = resolveSlice(work, slice);
    await spools.identifiers.add(rows.identifiers);
    await spools.links.add(rows.links);
    await spools.merges.add(rows.merges);
    totals = {
      identifiers: totals.identifiers + counts.identifiers,
      persons: totals.persons + counts.persons,
      links: totals.links + counts.links,
      refusedLinks: totals.refusedLinks + counts.refusedLinks,
      newMerges: totals.newMerges + counts.newMerges,
      movedIdentifiers: totals.movedIdentifiers + counts.movedIdentifiers,
    };
    work.onSlice();
  }
  return totals;
}

function resolveSlice({ config, rules, mergedAt }: SlicesToResolve, slice: GraphSlice) {
  const { state, wasIdentifier, wasLink } = slice;
  const resolved = resolveGraph(state, rules);
  const { revision } = rules;
  const former = new Map(state.merges.map((row) => [row.mergeId, mergeRow(row)]));
  const counts: ResolveTotals = {
    identifiers: resolved.identifiers.length,
    persons: new Set(resolved.identifiers.map(({ key }) => key)).size,
    links: resolved.links.length,
    refusedLinks: resolved.links.filter(({ status }) => status !== 'linked').length,
    newMerges: resolved.merges.filter(({ mergeId }) => !former.has(mergeId)).length,
    movedIdentifiers: resolved.identifiers.filter(({ id, key }) => {
      const was = wasIdentifier.get(id);
      return was !== undefined && was.key !== key;
    }).length,
  };
  const rows: Record<'identifiers' | 'links' | 'merges', JsonObject[]> = {
    identifiers: resolved.identifiers
      .filter((row) => differs(row, wasIdentifier.get(row.id), identifierFields))
      .map((row) => ({ ...identifierRow(row, config), revision })),
    links: resolved.links
      .filter((row, index) => differs(row, wasLink[index], linkFields))
      .map((row) => ({ ...linkRow(row), revision })),
    merges: resolved.merges
      .map((row) => ({ row: mergeRow(row), id: row.mergeId }))
      .filter(({ row, id }) => differs(row, former.get(id), Object.keys(row)))
      .map(({ row, id }) => {
        const { at, runId } = mergedAt(id);
        return { ...row, merged_at: at, run_id: runId, revision };
      }),
  };
  return { rows, counts };
}

const seenFields = ['firstSeen', 'lastSeen', 'source'] as const;
const identifierFields: readonly (keyof IdentifierRow)[] = ['key', 'keyedIn', ...seenFields];
const linkFields = ['status', ...seenFields] as const;

function differs<Row extends object>(
  row: Row,
  was: Partial<Row> | undefined,
  fields: readonly (keyof Row & string)[],
): boolean {
  return was === undefined || fields.some((name) => was[name] !== row[name]);
}
