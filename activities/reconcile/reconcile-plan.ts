import { keyTypes } from '../../connectors/checksum.js';
import { systemColumns, validityColumns } from '../../connectors/load/system-tables.js';
import type { ReconcileRequest } from '../../core/reconcile/reconcile.js';
import type { TransformTask } from '../../core/dag/dag-spec.js';
import type { DataInterval } from '../../core/interval.js';
import { strategyOf } from '../../core/loading/load-rules.js';
import type { ComparedColumn, ReconcilePlan, ReconcileWindow } from '../../core/reconcile/reconcile.js';
import type { ActivityDeps, Stage } from '../deps.js';
import { checksumContext, sourceNames, sourceRequest } from './reconcile-source.js';

const own: ReadonlySet<string> = new Set([
  ...Object.values(systemColumns),
  ...Object.values(validityColumns),
]);

/**
 * Decides how a table is compared: by checksums where its source and the warehouse compute them and no transform changes
 * values in between, else by reading every row again.
 *
 * @throws PipelineError SOURCE_*, CONNECTION_*, WAREHOUSE_*
 */
export function createPlanReconcile(deps: ActivityDeps): Stage<ReconcileRequest, ReconcilePlan> {
  return async (request, io) => {
    const { extract, load, transforms } = request;
    const reRead = (reason: string): ReconcilePlan => ({ way: 're-read', reason });
    const { connector } = extract.config.from;
    const { checksums } = deps.warehouse;
    const reader = connector === 'function' ? undefined : (await deps.source(connector)).checksums;
    if (reader === undefined) return reRead(`source "${connector}" computes no checksums`);
    if (checksums === undefined) return reRead(`warehouse "${deps.warehouse.name}" computes no checksums`);
    if (extract.config.fromElement !== undefined) return reRead('the extract belongs to a mapped group');
    const changing = transforms.find((task) => task.kind === 'check' || changesValues(task.config));
    if (changing !== undefined)
      return reRead(`${changing.kind} "${changing.id}" may change values, or set rows aside, on the way`);
    const { config } = load;
    if (config.key.length === 0) return reRead('the load has no key');
    if (strategyOf(config) === 'scd2') return reRead('strategy "scd2" keeps several rows of a key');
    if (config.hardDelete !== undefined) return reRead('"hardDelete" takes rows away that the source has');
    const stored = await deps.warehouse.tableColumns(config.into);
    if (stored === undefined) return reRead('the table does not exist yet');

    const all = stored
      .filter(({ name }) => !own.has(name))
      .map((type): ComparedColumn => ({
        name: type.name,
        source: sourceNames(type.name, transforms).at(-1) ?? type.name,
        type,
      }));
    const refused = all.flatMap(({ name, type }) => {
      const refusal = checksums.refusal(type);
      return refusal === undefined ? [] : [{ name, text: `${name}: ${refusal}` }];
    });
    const rendered = all.filter(({ name }) => !refused.some((one) => one.name === name));
    const plan = await reader.plan(await sourceRequest(deps, request), rendered, checksumContext(deps, io));
    const pick = (names: readonly string[]) =>
      names.flatMap(
        (name) =>
          plan.columns.find((column) => column.name === name && keyTypes.includes(column.type.type)) ?? [],
      );
    const [key, version] = [pick(config.key), pick(config.version)];
    if (key.length < config.key.length) return reRead('the key has no text that both sides share');
    if (version.length < config.version.length)
      return reRead('the version has no text that both sides share');
    const keyNames = key.map(({ source }) => source).sort();
    if (keyNames.join('\n') !== [...plan.key].sort().join('\n'))
      return reRead(`the key of the load (${keyNames.join(', ')}) is not known to be the source's`);
    const window = windowOf(request.interval, version[0], plan.follows);
    if (typeof window === 'string') return reRead(window);
    return {
      way: 'checksums',
      columns: plan.columns,
      key,
      version,
      notCompared: [...refused.map(({ text }) => text), ...plan.notCompared],
      ...window,
    };
  };
}

/** Rows of a time are those whose version is of it, on both sides; or the reason why that cannot be said. */
function windowOf(
  interval: DataInterval | undefined,
  version: ComparedColumn | undefined,
  follows: string | undefined,
): { readonly window?: ReconcileWindow } | string {
  if (interval === undefined) return {};
  if (version?.type.type !== 'timestamp')
    return 'the load has no version that is an instant, by which rows could belong to a time';
  if (follows !== undefined && follows !== version.source)
    return `the source is read by "${follows}", which is not the version of the load`;
  return { window: { column: version, from: interval.start, to: interval.end } };
}

/** Renaming and leaving columns out changes no value. */
function changesValues({
  rename: _rename,
  select: _select,
  drop: _drop,
  ...rest
}: TransformTask['config']): boolean {
  return Object.keys(rest).length > 0;
}
