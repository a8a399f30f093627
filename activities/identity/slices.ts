import { resolveGraph, type ResolveRules } from '../../core/identity/resolve.js';
import type { IdentityConfig } from '../../core/identity/spec.js';
import type { JsonObject } from '../../core/json.js';
import { limits } from '../../core/limits.js';
import type { GraphSlice, GraphStore } from './graph-store.js';
import { identifierRow, linkRow, mergeRow } from './rows.js';
import type { Spool } from './spool.js';

/** How much a graph, or a part of it, holds. */
export interface GraphSize {
  readonly identifiers: number;
  readonly persons: number;
  readonly links: number;
  readonly refusedLinks: number;
}

/** What came out of a resolve. */
export interface ResolveTotals {
  /** Of what was resolved: as it is stored, and as it is now. */
  readonly before: GraphSize;
  readonly after: GraphSize;
  /** Rows that are in no table yet. */
  readonly newIdentifiers: number;
  readonly newLinks: number;
  readonly newMerges: number;
  /** Stored identifiers that have another key now. */
  readonly movedIdentifiers: number;
  /** Keys that nobody had before. */
  readonly newKeys: readonly string[];
}

export const noSize: GraphSize = { identifiers: 0, persons: 0, links: 0, refusedLinks: 0 };

/** One size and `sign` times another. */
export function addSizes(a: GraphSize, b: GraphSize, sign: 1 | -1 = 1): GraphSize {
  return {
    identifiers: a.identifiers + sign * b.identifiers,
    persons: a.persons + sign * b.persons,
    links: a.links + sign * b.links,
    refusedLinks: a.refusedLinks + sign * b.refusedLinks,
  };
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
  let totals: ResolveTotals = {
    ...{ before: noSize, after: noSize, newIdentifiers: 0, newLinks: 0, newMerges: 0 },
    ...{ movedIdentifiers: 0, newKeys: [] },
  };
  const newKeys: string[] = [];
  for (const slice of work.graph.slices(limits.identitySliceIdentifiers)) {
    const { rows, counts } = resolveSlice(work, slice);
    await spools.identifiers.add(rows.identifiers);
    await spools.links.add(rows.links);
    await spools.merges.add(rows.merges);
    newKeys.push(...counts.newKeys);
    totals = {
      before: addSizes(totals.before, counts.before),
      after: addSizes(totals.after, counts.after),
      newIdentifiers: totals.newIdentifiers + counts.newIdentifiers,
      newLinks: totals.newLinks + counts.newLinks,
      newMerges: totals.newMerges + counts.newMerges,
      movedIdentifiers: totals.movedIdentifiers + counts.movedIdentifiers,
      newKeys,
    };
    work.onSlice();
  }
  return totals;
}

function resolveSlice({ config, rules, mergedAt }: SlicesToResolve, slice: GraphSlice) {
  const { state, wasIdentifier, wasLink, wasMerge, componentOf, componentOfMerge } = slice;
  const resolved = resolveGraph(state, rules);
  const { revision } = rules;
  const component = (id: string) => componentOf.get(id) ?? '';
  const identifiers = resolved.identifiers.map((row) => ({ ...row, component: component(row.id) }));
  const links = resolved.links.map((row) => ({ ...row, component: component(row.left) }));
  const former = new Map(
    state.merges.map((row) => [row.mergeId, mergeRow(row, wasMerge.get(row.mergeId) ?? '')]),
  );
  const mergedKeys = new Set(state.merges.map(({ mergedKey }) => mergedKey));
  const stored = [...wasIdentifier.values()];
  const wereKeys = new Set(stored.map(({ key }) => key));
  const storedLinks = wasLink.filter((was) => was !== undefined);
  const keys = new Set(resolved.identifiers.map(({ key = '' }) => key));
  const counts: ResolveTotals = {
    before: {
      identifiers: stored.length,
      persons: wereKeys.size,
      links: storedLinks.length,
      refusedLinks: storedLinks.filter(({ status }) => status !== 'linked').length,
    },
    after: {
      identifiers: identifiers.length,
      persons: keys.size,
      links: links.length,
      refusedLinks: links.filter(({ status }) => status !== 'linked').length,
    },
    newIdentifiers: identifiers.length - stored.length,
    newLinks: links.length - storedLinks.length,
    newMerges: resolved.merges.filter(({ mergeId }) => !former.has(mergeId)).length,
    movedIdentifiers: identifiers.filter(({ id, key }) => {
      const was = wasIdentifier.get(id);
      return was !== undefined && was.key !== key;
    }).length,
    newKeys: [...keys].filter((key) => !wereKeys.has(key) && !mergedKeys.has(key)),
  };
  const rows: Record<'identifiers' | 'links' | 'merges', JsonObject[]> = {
    identifiers: identifiers
      .filter((row) => differs(row, wasIdentifier.get(row.id), identifierFields))
      .map((row) => ({ ...identifierRow(row, config), revision })),
    links: links
      .filter((row, index) => differs(row, wasLink[index], linkFields))
      .map((row) => ({ ...linkRow(row), revision })),
    merges: resolved.merges
      .map((row) => ({
        row: mergeRow(row, componentOfMerge.get(row.mergeId) ?? component(row.mergedAnchor)),
        id: row.mergeId,
      }))
      .filter(({ row, id }) => differs(row, former.get(id), Object.keys(row)))
      .map(({ row, id }) => {
        const { at, runId } = mergedAt(id);
        return { ...row, merged_at: at, run_id: runId, revision };
      }),
  };
  return { rows, counts };
}

const seenFields = ['firstSeen', 'lastSeen', 'source', 'component'] as const;
const identifierFields = ['key', 'keyedIn', ...seenFields] as const;
const linkFields = ['status', ...seenFields] as const;

function differs<Row extends object>(
  row: Row,
  was: Partial<Row> | undefined,
  fields: readonly (keyof Row & string)[],
): boolean {
  return was === undefined || fields.some((name) => was[name] !== row[name]);
}
