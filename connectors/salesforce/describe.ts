import { PipelineError } from '../../core/errors/index.js';
import { protocolFailure } from '../http/index.js';
import { memberAt } from '../json-page.js';
import type { SalesforceApi } from './api.js';
import type { SalesforceSettings } from './settings.js';
import { conditionText, type SoqlField } from './soql.js';

/** What is read of an object: its fields in order, and how its changes and deletions are told. */
export interface ObjectPlan {
  readonly fields: readonly SoqlField[];
  /** Field with the time of the last change; absent where the object has none. */
  readonly changedField?: string;
  /** Whether deleted rows come too, with `IsDeleted`. */
  readonly hasDeleted: boolean;
  /** Conditions of the options, as text. */
  readonly conditions: readonly string[];
  /**
   * A moment by Salesforce's clock before anything was read. What changes later is told with its new time, out of order:
   * no cursor may pass this moment.
   */
  readonly beganAtMs: number;
}

/** Times of change, the best first: `SystemModstamp` also moves with changes that the system makes. */
const changedFields = ['SystemModstamp', 'LastModifiedDate', 'CreatedDate'] as const;
/** Fields whose parts are fields of their own, and contents of files, which have an API of their own. */
const unreadTypes: ReadonlySet<string> = new Set(['address', 'location', 'base64']);

/** @throws PipelineError SOURCE_*, CONFIG_INVALID for fields and conditions that the object cannot answer */
export async function describeObject(api: SalesforceApi, settings: SalesforceSettings): Promise<ObjectPlan> {
  const { document, answeredAtMs: beganAtMs } = await api.get(`sobjects/${settings.object}/describe`);
  const described = fieldsOf(document);
  const known = new Map(described.map((field) => [field.name, field]));
  const problems: string[] = [];
  const missing = (name: string): void => {
    const near = described.find((field) => field.name.toLowerCase() === name.toLowerCase());
    const hint = near === undefined ? '' : `; it has "${near.name}"`;
    problems.push(`salesforce: ${settings.object} has no field "${name}" that this login may read${hint}`);
  };
  const changedField = changedFields.find((name) => known.has(name));
  const hasDeleted = settings.deletions && known.has('IsDeleted');
  const asked = settings.fields ?? described.filter(isRead).map(({ name }) => name);
  const needed = [
    'Id',
    ...(changedField === undefined ? [] : [changedField]),
    ...(hasDeleted ? ['IsDeleted'] : []),
  ];
  const fields: SoqlField[] = [];
  for (const name of new Set([...needed, ...asked])) {
    const field = known.get(name);
    if (field === undefined) missing(name);
    else if (!isRead(field))
      problems.push(`salesforce: "${name}" (${field.type}) cannot be read; read its parts instead`);
    else fields.push(field);
  }
  const conditions: string[] = [];
  for (const condition of settings.where) {
    const field = known.get(condition.field);
    if (field === undefined) {
      missing(condition.field);
      continue;
    }
    const found = conditionText(condition, field);
    if ('text' in found) conditions.push(found.text);
    else problems.push(found.problem);
  }
  if (problems.length > 0) throw new PipelineError('CONFIG_INVALID', { problems });
  return { fields, hasDeleted, conditions, beganAtMs, ...(changedField !== undefined && { changedField }) };
}

function fieldsOf(document: unknown): SoqlField[] {
  const list = memberAt(document, ['fields']);
  if (!Array.isArray(list))
    throw protocolFailure('salesforce', 'the description of the object has no fields');
  return list.map((field) => {
    const [name, type] = [memberAt(field, ['name']), memberAt(field, ['type'])];
    if (typeof name !== 'string' || typeof type !== 'string')
      throw protocolFailure('salesforce', 'the description of a field has no name or type');
    return { name, type };
  });
}

function isRead({ type }: SoqlField): boolean {
  return !unreadTypes.has(type);
}
