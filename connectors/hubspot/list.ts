import { createPageGuard } from '../page-guard.js';
import type { HubspotApi } from './api.js';
import { nextAfter, objectsOf, type CrmObject } from './crm-object.js';
import type { HubspotSettings } from './settings.js';

/** A page of a list, and the moment at which the list began, by HubSpot's clock. */
export interface ListPage {
  readonly objects: readonly CrmObject[];
  readonly beganAtMs: number;
}

/** All objects, or all archived ones, by id. @throws PipelineError SOURCE_* */
export async function* listObjects(
  api: HubspotApi,
  { object, properties, changedProperty, pageSize }: HubspotSettings,
  isArchived: boolean,
): AsyncGenerator<ListPage> {
  const guard = createPageGuard('hubspot');
  let beganAtMs: number | undefined;
  let after: string | undefined;
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
    yield { objects, beganAtMs };
    after = nextAfter(page);
  } while (after !== undefined);
}
