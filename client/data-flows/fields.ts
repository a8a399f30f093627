import type { ColumnType } from '../../core/loading/columns.js';
import type { TransformConfig } from '../../core/dag/dag-spec.js';
import { carriedColumns, type UnnestConfig } from '../../core/dag/unnest.js';
import type { JsonObject } from '../../core/json.js';
import { schemaColumns } from '../../schemas/columns.js';

/** One column on its way, with the tags of the record schema that it comes from. */
export interface FlowField {
  readonly name: string;
  readonly type: ColumnType;
  /** Where its value comes from: a field of the source, with a path into it; or `constant`. */
  readonly from: string;
  /** Class of personal data (`x-pii`); null where the schema says nothing. */
  readonly pii: string | null;
  /** What it may be used for (`x-purpose`). */
  readonly purpose: readonly string[];
  /** Whether it names the person that the record is about (`x-subject-key`). */
  readonly isSubjectKey: boolean;
}

/** The fields of a record schema, with their tags. */
export function schemaFields(document: JsonObject): FlowField[] {
  const properties = (document['properties'] ?? {}) as Record<string, JsonObject>;
  return schemaColumns(document).map(({ name, type }) => {
    const tags = properties[name] ?? {};
    const pii = tags['x-pii'];
    return {
      name,
      type,
      from: name,
      pii: typeof pii === 'string' ? pii : null,
      purpose: purposesOf(tags['x-purpose']),
      isSubjectKey: tags['x-subject-key'] === true,
    };
  });
}

/** One purpose as text, or several as a list. */
function purposesOf(tag: unknown): string[] {
  if (typeof tag === 'string') return [tag];
  return Array.isArray(tag) ? tag.filter((purpose) => typeof purpose === 'string') : [];
}

/** Fields after a declarative transform, in the order of its steps; what is taken out of a field keeps its tags. */
export function transformFields(before: readonly FlowField[], config: TransformConfig): FlowField[] {
  const { unnest, extract = {}, rename = {}, constant = {}, select, drop = [] } = config;
  const fields = unnest === undefined ? before : unnestedFields(before, unnest);
  const taken = Object.entries(extract).flatMap(([name, { from, path, type }]): FlowField[] => {
    const source = fields.find((field) => field.name === from);
    return source === undefined
      ? []
      : [{ ...source, name, type, from: `${source.from}${path.replace(/^\$/, '')}` }];
  });
  const renamed = [...fields, ...taken].map((field) => ({
    ...field,
    name: rename[field.name] ?? field.name,
  }));
  const constants = Object.entries(constant).map(([name, value]): FlowField => {
    const type = typeof value === 'boolean' ? 'boolean' : typeof value === 'number' ? 'double' : 'string';
    return { name, type, from: 'constant', pii: 'none', purpose: [], isSubjectKey: false };
  });
  const replaced = new Set(Object.keys(constant));
  return [...renamed.filter(({ name }) => !replaced.has(name)), ...constants].filter(
    ({ name }) => (select === undefined || select.includes(name)) && !drop.includes(name),
  );
}

/** Fields of the elements of an array, which keep the tags of the field that holds it, beside those of their parent. */
function unnestedFields(fields: readonly FlowField[], unnest: UnnestConfig): FlowField[] {
  const { column, path = '$', position, columns } = unnest;
  const source = fields.find(({ name }) => name === column);
  const carried = carriedColumns(unnest);
  if (source === undefined) return fields.filter(({ name }) => carried.includes(name));
  const array = `${source.from}${path.replace(/^\$/, '')}[]`;
  return [
    ...carried.flatMap((name) => fields.find((field) => field.name === name) ?? []),
    ...(position === undefined
      ? []
      : [
          {
            ...source,
            name: position,
            type: 'int64',
            from: array,
            pii: 'none',
            isSubjectKey: false,
          } as const,
        ]),
    ...Object.entries(columns).map(([name, member]): FlowField => ({
      ...source,
      name,
      type: member.type,
      from: `${array}${member.path.replace(/^\$/, '')}`,
    })),
  ];
}
