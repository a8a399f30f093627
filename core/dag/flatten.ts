import type { TransformConfig } from './stage-config.js';
import { isMemberPath, memberTypes, type MemberType } from './unnest.js';

/** Members of an object column that become columns, and how their names are made. */
export interface FlattenOptions {
  /** Member → type; `geo.lat` is the member `lat` of the member `geo`. */
  readonly members: Readonly<Record<string, MemberType>>;
  /** Between the names of column and members. Default: `_`, so that `city` of `address` becomes `address_city`. */
  readonly separator?: string;
}

type Steps = Pick<TransformConfig, 'extract' | 'rename' | 'drop'>;

/** Object column → its members, as the steps `extract` and `drop`; what is wrong goes into `problems`. */
export function readFlatten(
  flatten: Readonly<Record<string, FlattenOptions>>,
  { extract = {}, rename = {}, drop = [] }: Steps,
  problems: string[],
): Required<Pick<TransformConfig, 'extract' | 'drop'>> {
  const taken: Record<string, NonNullable<TransformConfig['extract']>[string]> = { ...extract };
  const seen = new Set(Object.keys(extract).map((name) => name.toLowerCase()));
  for (const [from, { members, separator = '_' }] of Object.entries(flatten)) {
    if (Object.keys(members).length === 0)
      problems.push(`flatten "${from}": "members" is empty; say which become columns`);
    for (const [member, type] of Object.entries(members)) {
      const parts = member.split('.');
      const name = [from, ...parts].join(separator);
      const path = `$${parts.map((part) => (isMemberPath(`$.${part}`) ? `.${part}` : `."${part}"`)).join('')}`;
      if (!isMemberPath(path)) problems.push(`flatten "${from}": "${member}" is not the name of a member`);
      if (!memberTypes.includes(type))
        problems.push(
          `flatten "${from}": there is no type "${type}" for "${member}"; known: ${memberTypes.join(', ')}`,
        );
      if (seen.has(name.toLowerCase())) problems.push(`flatten "${from}": two columns are called "${name}"`);
      seen.add(name.toLowerCase());
      taken[name] = { from, path, type };
    }
  }
  const gone = Object.keys(flatten).map((name) => rename[name] ?? name);
  return { extract: taken, drop: [...new Set([...drop, ...gone])] };
}
