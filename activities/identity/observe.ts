import type { Combination, Warehouse } from '../../connectors/warehouse.js';
import { PipelineError } from '../../core/errors/index.js';
import { orderedPair, pairKey } from '../../core/identity/graph.js';
import { widest, type IdentifierRow, type LinkRow, type Observations } from '../../core/identity/resolve.js';
import type { IdentityConfig, IdentitySource } from '../../core/identity/spec.js';
import { limits } from '../../core/limits.js';
import type { StageIo } from '../deps.js';
import { readIdentifier, type ReadIdentifier } from './identifier.js';
import { assertFits } from './read-state.js';

/** What the sources of a graph say. */
export interface Observed extends Observations {
  /** Ids of values that identify nobody, which the graph must not hold. */
  readonly blocked: ReadonlySet<string>;
}

type Reader = Pick<Warehouse, 'combinations' | 'tableColumns'>;
type Io = Pick<StageIo, 'signal' | 'heartbeat' | 'log'>;

/**
 * Reads every source whole, one row for each combination of its identifiers. A table that does not exist yet has no rows.
 *
 * @throws PipelineError IDENTITY_INVALID, IDENTITY_TOO_LARGE, WAREHOUSE_*
 */
export async function observe(
  warehouse: Reader,
  config: IdentityConfig,
  task: string,
  io: Io,
): Promise<Observed> {
  const present = await presentSources(warehouse, config, task, io);
  const identifiers = new Map<string, IdentifierRow>();
  const links = new Map<string, LinkRow>();
  const blocked = new Set<string>();
  for (const source of present) {
    const columns = Object.keys(source.columns);
    const maxRows = limits.identityMaxLinks;
    const request = { table: source.table, columns, at: source.at, maxRows };
    const rows = await warehouse.combinations(request);
    assertFits(rows, maxRows, task, `combinations of identifiers of table ${source.table}`);
    for (const row of rows) addRow(row, source);
    io.signal.throwIfAborted();
    io.heartbeat(source.table);
  }
  return { identifiers: [...identifiers.values()], links: [...links.values()], blocked };

  function addRow(row: Combination, { table, columns }: IdentitySource): void {
    const [firstSeen = '', lastSeen = ''] = row.slice(-2).map((text) => instant(text ?? ''));
    const seen = { firstSeen, lastSeen, source: table };
    const found: ReadIdentifier[] = [];
    for (const [index, name] of Object.values(columns).entries()) {
      const raw = row[index];
      const type = config.identifiers.findIndex((one) => one.name === name);
      const spec = config.identifiers[type];
      if (raw === null || raw === undefined || spec === undefined) continue;
      const identifier = readIdentifier(spec, raw);
      if (identifier.isBlocked) {
        blocked.add(identifier.id);
        continue;
      }
      found.push(identifier);
      const { id, value } = identifier;
      const before = identifiers.get(id);
      identifiers.set(
        id,
        before === undefined ? { id, type, value, ...seen } : { ...before, ...widest(before, seen) },
      );
      if (identifiers.size > limits.identityMaxIdentifiers)
        tooLarge('identifiers', 'identityMaxIdentifiers', task);
    }
    for (const [index, a] of found.entries())
      for (const b of found.slice(index + 1)) {
        if (a.id === b.id) continue;
        const [left, right] = orderedPair(a.id, b.id);
        const key = pairKey(left, right);
        const before = links.get(key);
        links.set(
          key,
          before === undefined ? { left, right, ...seen } : { ...before, ...widest(before, seen) },
        );
        if (links.size > limits.identityMaxLinks) tooLarge('links', 'identityMaxLinks', task);
      }
  }
}

function tooLarge(what: string, limit: 'identityMaxIdentifiers' | 'identityMaxLinks', task: string): never {
  throw new PipelineError('IDENTITY_TOO_LARGE', { task, what, limit, allowed: limits[limit] });
}

/** The sources whose tables exist. @throws PipelineError IDENTITY_INVALID, naming everything that does not fit */
async function presentSources(
  warehouse: Reader,
  { sources }: IdentityConfig,
  task: string,
  io: Io,
): Promise<IdentitySource[]> {
  const problems: string[] = [];
  const present: IdentitySource[] = [];
  for (const source of sources) {
    const columns = await warehouse.tableColumns(source.table);
    if (columns === undefined) {
      io.log.warn(`table ${source.table} does not exist yet; it counts as empty`);
      continue;
    }
    present.push(source);
    for (const name of Object.keys(source.columns))
      if (!columns.some((column) => column.name === name))
        problems.push(`table "${source.table}" has no column "${name}"`);
    const at = columns.find((column) => column.name === source.at);
    if (at?.type !== 'timestamp' && at?.type !== 'date')
      problems.push(
        `column "${source.at}" of table "${source.table}" ${at === undefined ? 'does not exist' : `is ${at.type}`}; "at" names a timestamp or a date`,
      );
  }
  if (problems.length > 0) throw new PipelineError('IDENTITY_INVALID', { task, problems });
  return present;
}

/** A date as the instant at which it begins. */
function instant(text: string): string {
  return text.includes(' ') ? text : `${text} 00:00:00`;
}
