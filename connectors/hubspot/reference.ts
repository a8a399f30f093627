import type { SourceRef } from '../../core/dag/dag-spec.js';
import type { HubspotObject } from './objects.js';

/** Options of a read of HubSpot's CRM. */
export interface HubspotReadOptions {
  /** Entry of `connections` in the configuration. */
  readonly connection: string;
  readonly options?: {
    /** Properties to read, by their internal names; each has a default list. */
    readonly properties?: readonly string[];
    /** Objects whose ids each row lists in `associations`. A change of an association alone does not bring a row again. */
    readonly associations?: readonly HubspotObject[];
    /** Also read what was archived, as deletions; default true. Needs the key `id` and the version `updatedAt` in the load. */
    readonly deletions?: boolean;
    /** Objects per page, 1 to 100 (the API's own bound); default 100. */
    readonly pageSize?: number;
  };
}

function stream(name: HubspotObject) {
  return ({ connection, options = {} }: HubspotReadOptions): SourceRef => ({
    connector: 'hubspot',
    stream: name,
    connection,
    options: {
      ...options,
      ...(options.properties !== undefined && { properties: [...options.properties] }),
      ...(options.associations !== undefined && { associations: [...options.associations] }),
    } as SourceRef['options'],
  });
}

/**
 * References to objects of HubSpot's CRM: `id`, `createdAt`, `updatedAt`, `archived` and the properties, side by side.
 * Plain data: nothing is read before a run asks for it.
 */
export const hubspot = {
  contacts: stream('contacts'),
  companies: stream('companies'),
  deals: stream('deals'),
  tickets: stream('tickets'),
} as const;
