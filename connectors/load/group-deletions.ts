import type { LoadConfig } from '../../core/dag/dag-spec.js';
import { hasGroupDeletions, keyWithinGroup, mergeKeyOf } from '../../core/loading/load-rules.js';

type Grouped = Pick<LoadConfig, 'disposition' | 'strategy' | 'key' | 'mergeKey'>;

/**
 * Whether a row of a batch deletes a whole group (`mergeKey`): a deletion that names the group and no row of it. `undefined`
 * where the load knows none.
 *
 * @param name how a column is written, `is_deleted` too
 */
export function groupDeletionSql(config: Grouped, name: (column: string) => string): string | undefined {
  if (!hasGroupDeletions(config)) return undefined;
  const isNamed = mergeKeyOf(config).map((column) => `${name(column)} IS NOT NULL`);
  const rest = keyWithinGroup(config).map((column) => `${name(column)} IS NULL`);
  const isWhole = rest.length === 0 ? [] : [`(${rest.join(' OR ')})`];
  return `(${[name('is_deleted'), ...isNamed, ...isWhole].join(' AND ')})`;
}

/**
 * Which of a batch's rows and deletions of a group go on, for QUALIFY: the rows, or the greatest deletion of the group, by
 * which of them is later. A deletion comes before rows of the same version.
 *
 * @param isGroup see `groupDeletionSql`
 * @param isFirst true for the greatest deletion of a group
 */
export function latestOfGroupSql(
  config: Grouped & Pick<LoadConfig, 'version'>,
  {
    isGroup,
    isFirst,
    name,
  }: { readonly isGroup: string; readonly isFirst: string; readonly name: (column: string) => string },
): string {
  const group = mergeKeyOf(config).map(name).join(', ');
  const greatest = (condition: string, value: string) =>
    `max(CASE WHEN ${condition} THEN ${value} END) OVER (PARTITION BY ${group})`;
  const [version] = config.version;
  const isDeleted = `${greatest(isGroup, '1')} IS NOT NULL`;
  const ofRows = greatest('NOT is_deleted', version === undefined ? '1' : name(version));
  const ofDeletions = greatest(isGroup, version === undefined ? '1' : name(version));
  const isRefilled =
    version === undefined
      ? 'FALSE'
      : `coalesce(${ofRows} > ${ofDeletions}, ${ofRows} IS NOT NULL AND ${ofDeletions} IS NULL)`;
  return `CASE WHEN ${isGroup} THEN ${isFirst} AND NOT ${isRefilled} WHEN is_deleted THEN TRUE ELSE NOT ${isDeleted} OR ${isRefilled} END`;
}
