/** Objects of the CRM that can be read. */
export const hubspotObjects = ['contacts', 'companies', 'deals', 'tickets'] as const;

/** One of them. */
export type HubspotObject = (typeof hubspotObjects)[number];

interface ObjectFacts {
  /** Property that holds the time of the last change (HubSpot documentation, "Search the CRM"). */
  readonly changedProperty: string;
  /** What is asked for where nobody says. */
  readonly properties: readonly string[];
}

/** What differs from object to object. */
export const objectFacts: Readonly<Record<HubspotObject, ObjectFacts>> = {
  contacts: {
    changedProperty: 'lastmodifieddate',
    properties: [
      'email',
      'firstname',
      'lastname',
      'phone',
      'company',
      'jobtitle',
      'city',
      'country',
      'lifecyclestage',
      'hs_lead_status',
      'hubspot_owner_id',
    ],
  },
  companies: {
    changedProperty: 'hs_lastmodifieddate',
    properties: ['name', 'domain', 'industry', 'city', 'country', 'lifecyclestage', 'hubspot_owner_id'],
  },
  deals: {
    changedProperty: 'hs_lastmodifieddate',
    properties: ['dealname', 'amount', 'dealstage', 'pipeline', 'closedate', 'hubspot_owner_id'],
  },
  tickets: {
    changedProperty: 'hs_lastmodifieddate',
    properties: ['subject', 'hs_pipeline', 'hs_pipeline_stage', 'hs_ticket_priority', 'hubspot_owner_id'],
  },
};
