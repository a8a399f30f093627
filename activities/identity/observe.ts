import type { Warehouse } from '../../connectors/warehouse.js';
import { PipelineError } from '../../core/errors/index.js';
import type { IdentityConfig, IdentitySource } from '../../core/identity/spec.js';
import { limits } from '../../core/limits.js';
import type { StageIo } from '../deps.js';
import type { GraphStore } from './graph-store.js';
import { readIdentifier } from './identifier.js';
import { exceptRead } from './progress.js';
import { combinationsOf } from './read-state.js';

type Reader = Pick<Warehouse, 'combinations' | 'tableColumns' | 'tally'>;
type Io = Pick<StageIo, 'signal' | 'heartbeat' | 'log'>;

/**
 * Adds what sources say, one row for each combination of identifiers; with `isNew`, only what was loaded since the last
 * resolve.
 *
 * @throws PipelineError IDENTITY_TOO_LARGE, WAREHOUSE_*
 */
export async function observe(
  warehouse: Reader,
  config: IdentityConfig,
  {
    sources,
    isNew,
    task,
  }: { readonly sources: readonly IdentitySource[]; readonly isNew: boolean; readonly task: string },
  io: Io,
  graph: GraphStore,
): Promise<void> {
  const types = new Map(config.identifiers.map((spec, type) => [spec.name, { spec, type }]));
  for (const source of sources) {
    const { table, at } = source;
    const columns = Object.keys(source.columns);
    const typed = Object.values(source.columns).map((name) => types.get(name));
    const except = isNew ? await exceptRead(warehouse, config, table) : {};
    const request = { table, columns, at, ...except, maxRows: limits.identityMaxLinks };
    for await (const row of combinationsOf(warehouse, request, task)) {
      const [firstSeen = '', lastSeen = ''] = row.slice(-2).map((text) => instant(text ?? ''));
      const found = typed.flatMap((known, index) => {
        const raw = row[index];
        if (raw === null || raw === undefined || known === undefined) return [];
        const { id, value, isBlocked } = readIdentifier(known.spec, raw);
        if (!isBlocked) return [{ id, value, type: known.type }];
        graph.block(id);
        return [];
      });
      graph.observe(found, { firstSeen, lastSeen, source: table });
    }
    io.signal.throwIfAborted();
    io.heartbeat(table);
  }
}

/** The sources whose tables exist. @throws PipelineError IDENTITY_INVALID, naming everything that does not fit */
export async function presentSources(
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
