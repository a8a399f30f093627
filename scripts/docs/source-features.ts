/** A test, by its file and the beginning of its title. */
export interface ShownBy {
  readonly test: string;
  readonly title: string;
}

/** What a source can, each with the test that shows it. What it cannot has no entry. */
export interface SourceFeatures {
  /** Folder under `connectors/`, or `function`. */
  readonly source: string;
  readonly features: Readonly<Partial<Record<SourceFeature, ShownBy>>>;
}

/** Columns of the matrix, with what each means. */
export const sourceFeatures = {
  pull: 'A task reads it when it runs.',
  webhook: 'It delivers to the gateway.',
  incremental: 'A read begins at the last committed cursor, or takes one data interval.',
  resume: 'A read that was cut goes on at the page, piece, file or table where it was.',
  deletes: 'What is deleted there is deleted here.',
  'rate budget':
    'It waits before the limit is hit, over all workers, and as long as the source says after that.',
  auth: 'Credentials of a connection; wrong ones are an error at once.',
  schema: 'A record schema with classes of personal data comes with the package.',
  fixture: 'A server or signer in `millrace/testing` stands in for it.',
} as const;

/** One column. */
export type SourceFeature = keyof typeof sourceFeatures;

const from =
  (test: string) =>
  (title: string): ShownBy => ({ test, title });
const shopifyTest = from('tests/sources/shopify.test.ts');
const hubspotTest = from('tests/sources/hubspot.test.ts');
const magentoTest = from('tests/sources/magento.test.ts');
const salesforceTest = from('tests/sources/salesforce.test.ts');
const restTest = from('tests/sources/rest.test.ts');
const graphqlTest = from('tests/sources/graphql.test.ts');
const shopifyGraphqlTest = from('tests/sources/shopify-graphql.test.ts');
const klaviyoTest = from('tests/sources/klaviyo.test.ts');
const ga4Test = from('tests/sources/ga4.test.ts');
const mailchimpTest = from('tests/sources/mailchimp.test.ts');
const fileTest = from('tests/sources/file.test.ts');
const remoteFilesTest = from('tests/sources/remote-files.test.ts');
const deletesTest = from('tests/sources/declared-deletes.test.ts');
const schemaTest = from('tests/sources/schemas.test.ts');
const vendorTest = from('tests/webhooks/vendors.test.ts');

/** Every source. */
export const sources: readonly SourceFeatures[] = [
  {
    source: 'shopify',
    features: {
      pull: shopifyGraphqlTest('of %s has each object once'),
      webhook: vendorTest('Shopify, both families of headers'),
      incremental: shopifyTest('asks from the cursor less the lag'),
      resume: shopifyGraphqlTest('a bulk operation is taken over'),
      deletes: shopifyTest('deletions come as key and version'),
      'rate budget': shopifyGraphqlTest('the budget of points is waited for'),
      auth: shopifyTest('a wrong token is SOURCE_AUTH at once'),
      schema: schemaTest('every order of the fixture shop fits order.v1'),
      fixture: from('tests/sources/shop-server.test.ts')('is the same for the same seed'),
    },
  },
  {
    source: 'hubspot',
    features: {
      pull: hubspotTest('lists each object once, its properties beside its members'),
      webhook: vendorTest('HubSpot %s'),
      incremental: hubspotTest('an object that changes while pages are read pushes no other out of sight'),
      resume: hubspotTest('a read by %s that is cut behind any page goes on with the next one'),
      deletes: hubspotTest('polled through its whole life, faults included'),
      'rate budget': hubspotTest('a limit with nothing left is waited for'),
      auth: hubspotTest('a wrong token is SOURCE_AUTH at once'),
      schema: schemaTest('every contact of the fixture account fits hubspot-contact.v1'),
      fixture: from('tests/sources/hubspot-server.test.ts')('lists all contacts, page by page'),
    },
  },
  {
    source: 'salesforce',
    features: {
      pull: salesforceTest('is a bulk job: each record once, every digit and line break kept'),
      incremental: salesforceTest('records that change while pages are read push no other out of sight'),
      resume: from('tests/sources/salesforce-cut.test.ts')('in the midst of %s goes on with the next page'),
      deletes: salesforceTest('polled through its whole life, faults and late commits included'),
      'rate budget': salesforceTest('the share of requests that is left to others is not touched'),
      auth: salesforceTest('a wrong token is SOURCE_AUTH at once'),
      schema: schemaTest('every contact of the fixture org fits salesforce-contact.v1'),
      fixture: salesforceTest('of %s is the same by query'),
    },
  },
  {
    source: 'magento',
    features: {
      pull: magentoTest('lists each record once, to the digit; times have their zone'),
      incremental: magentoTest('an order that changes while pages are read pushes no other out of sight'),
      resume: magentoTest('a read by %s that is cut behind any page goes on with the next one'),
      auth: magentoTest('keys of an integration sign each request and each try anew'),
      schema: schemaTest('all %s of the fixture Magento shop fit %s'),
      fixture: magentoTest('the fixture repeats its last page behind the end'),
    },
  },
  {
    source: 'klaviyo',
    features: {
      pull: klaviyoTest('has each event once, with the name of its metric'),
      incremental: klaviyoTest('asks from the cursor less the lag, the very moment included'),
      resume: klaviyoTest('a read of %s that is cut behind any page goes on with the next one'),
      'rate budget': klaviyoTest('a spent limit is waited for'),
      auth: klaviyoTest('a wrong key is SOURCE_AUTH at once'),
      schema: schemaTest('%s of the fixture servers fit %s'),
      fixture: klaviyoTest('polled through its whole life, faults included'),
    },
  },
  {
    source: 'mailchimp',
    features: {
      pull: mailchimpTest('each comes once, as sent, of every status'),
      incremental: mailchimpTest('asks from the cursor less the lag, the very second included'),
      resume: mailchimpTest('a read of %s that is cut behind a page goes on with the next one'),
      'rate budget': mailchimpTest('a 429, an outage and cut bodies end with their codes'),
      auth: mailchimpTest('a wrong key is SOURCE_AUTH at once'),
      schema: schemaTest('%s of the fixture servers fit %s'),
      fixture: mailchimpTest('polled through its whole life, faults included'),
    },
  },
  {
    source: 'ga4',
    features: {
      pull: ga4Test('has each event once, twins included'),
      incremental: ga4Test('reads the tables that changed since the cursor only'),
      resume: ga4Test('a read that is cut behind a table goes on with the next one'),
      auth: ga4Test('%s %s is %s'),
      schema: schemaTest('every event of the fixture property fits ga4-event.v1'),
      fixture: ga4Test('polled through its whole life, faults included'),
    },
  },
  {
    source: 'rest',
    features: {
      pull: restTest('reads every record once, to the digit'),
      incremental: restTest('%s: asks from the cursor less the lag, and moves it'),
      deletes: deletesTest('rest: they move the cursor'),
      resume: restTest('a read that is cut behind any page goes on with the next one'),
      'rate budget': restTest('a spent rate limit is waited for'),
      auth: restTest('%s goes with every page'),
      fixture: restTest('seeded faults change nothing in what is delivered'),
    },
  },
  {
    source: 'graphql',
    features: {
      pull: graphqlTest('reads every record once, to the digit'),
      incremental: graphqlTest('reads what changed since the cursor less the lag'),
      deletes: deletesTest('graphql: also those inside edges'),
      resume: graphqlTest('a read that is cut behind any page goes on with the next one'),
      'rate budget': graphqlTest('is waited for before it is spent'),
      auth: graphqlTest('a wrong token is SOURCE_AUTH at once'),
      fixture: graphqlTest('seeded faults, and records that come twice'),
    },
  },
  {
    source: 'postgres',
    features: {
      pull: from('tests/postgres/types.test.ts')('has one form, whatever the settings of the server'),
      incremental: from('tests/postgres/incremental.test.ts')(
        'finds what was committed late, within the lag',
      ),
      deletes: from('tests/postgres/incremental.test.ts')('delivers deletions with key and version alone'),
      auth: from('tests/postgres/connection.test.ts')('say whether they pass, and never the password'),
    },
  },
  {
    source: 'mysql',
    features: {
      pull: from('tests/mysql/types.test.ts')('has one form, whatever the settings of the server'),
      incremental: from('tests/mysql/incremental.test.ts')('finds what was committed late, within the lag'),
      deletes: from('tests/mysql/incremental.test.ts')('delivers deletions with key and version alone'),
      auth: from('tests/mysql/connection.test.ts')(
        'that fails says whether it passes, and never the password',
      ),
    },
  },
  {
    source: 'inbox',
    features: {
      webhook: from('tests/engine/webhooks.test.ts')('each is one row of one table'),
      incremental: from('tests/engine/schedule-and-stream.test.ts')(
        'a deploy takes effect after the batch under way, and continues behind the last event',
      ),
      auth: from('tests/webhooks/receivers.test.ts')('without a secret an endpoint that needs one is closed'),
      schema: from('tests/engine/webhooks.test.ts')('each is one row of one table'),
      fixture: from('tests/webhooks/receivers.test.ts')('each provider has a fixture'),
    },
  },
  {
    source: 'file',
    features: {
      pull: fileTest('NDJSON passes byte for byte'),
      incremental: remoteFilesTest('read by cursor, each file comes once, and again when it changed'),
      deletes: deletesTest('file: in text the empty value is none'),
      resume: fileTest('a read that is cut behind a file goes on with the next one'),
      auth: remoteFilesTest('that takes no password of ours is SOURCE_AUTH'),
      schema: schemaTest('every line of the purchase history fits purchase.v1'),
      fixture: remoteFilesTest('a transfer that is cut goes on at its byte'),
    },
  },
  {
    source: 'function',
    features: {
      pull: from('tests/sources/extract.test.ts')('records become lines; big integers keep their digits'),
      incremental: from('tests/sources/extract.test.ts')(
        'records become lines; big integers keep their digits',
      ),
    },
  },
];
