import { createPageGuard } from '../page-guard.js';
import { closedObject } from '../option-problems.js';
import type { HubspotApi } from './api.js';
import { nextAfter, objectsOf, type CrmObject } from './crm-object.js';
import type { HubspotSettings } from './settings.js';

/** A page of a list, and the moment at which the list began, by HubSpot's clock. */
export interface ListPage {
  readonly objects: readonly CrmObject[];
  readonly beganAtMs: number;
  /** Where the list goes on; none behind the last page. */
  readonly place?: ListPlace;
}

/** Behind a page of a list. */
export type ListPlace = { after: string; beganAtMs: number };

/** Shape of a `ListPlace`. */
export const listPlaceSchema = closedObject({ after: { type: 'string' }, beganAtMs: { type: 'number' } }, [
  'after',
  'beganAtMs',
]);

/** All objects, or all archived ones, by id. @throws PipelineError SOURCE_* */
export async function* listObjects(
  api: HubspotApi,
  { object, properties, changedProperty, pageSize }: HubspotSettings,
  isArchived: boolean,
  from?: ListPlace,
): AsyncGenerator<ListPage> {
  const guard = createPageGuard('hubspot');
  let beganAtMs = from?.beganAtMs;
  let after = from?.after;
  do {
    guard.refuseRepeat(after ?? '');
    const page = await api.get(`/crm/v3/objects/${object}`, {
      limit: String(pageSize),
      archived: String(isArchived),
      properties: isArchived ? changedProperty : properties.join(','),
      ...(after !== undefined && { after }),
    });
    beganAtMs ??= page.answeredAtMs;
    const objects = objectsOf(page);
    guard.take(page.body, objects.length);
    after = nextAfter(page);
    yield { objects, beganAtMs, ...(after !== undefined && { place: { after, beganAtMs } }) };
  } while (after !== undefined);
}
