import type { SourceRef } from '../../core/dag/dag-spec.js';
import type { SoqlCondition } from './soql.js';

export type { SoqlCondition } from './soql.js';

/** Options of a read of a Salesforce org. */
export interface SalesforceReadOptions {
  /** Entry of `connections` in the configuration. */
  readonly connection: string;
  readonly options?: {
    /** API names of fields; all that the login may read where they are left out. */
    readonly fields?: readonly string[];
    /** Conditions that all must hold. A record that stops to meet them is not told as a deletion. */
    readonly where?: readonly SoqlCondition[];
    /** Also read what was deleted, as deletions; default true. Needs the key `Id` and the version `SystemModstamp` in the load. */
    readonly deletions?: boolean;
    /** When a job of Bulk API 2.0 reads: `full` (default) for reads of everything, `always`, `never`. */
    readonly bulk?: 'full' | 'always' | 'never';
    /** Records per page of a query, 200 to 2,000 (the API's own bounds); default 2,000. */
    readonly pageSize?: number;
    /** Records per piece of a bulk job's results, to 50,000; default 5,000. */
    readonly bulkPageSize?: number;
  };
}

function read(object: string, { connection, options = {} }: SalesforceReadOptions): SourceRef {
  return {
    connector: 'salesforce',
    stream: object,
    connection,
    options: JSON.parse(JSON.stringify(options)) as SourceRef['options'],
  };
}

function stream(object: string) {
  return (options: SalesforceReadOptions): SourceRef => read(object, options);
}

/**
 * References to objects of a Salesforce org: the fields of each record, side by side. Plain data: nothing is read before a
 * run asks for it. `object` reads any object by its API name (`Invoice__c`).
 */
export const salesforce = {
  contacts: stream('Contact'),
  accounts: stream('Account'),
  leads: stream('Lead'),
  opportunities: stream('Opportunity'),
  object: ({ object, ...options }: SalesforceReadOptions & { readonly object: string }): SourceRef =>
    read(object, options),
} as const;
