/** DAG files of the webhook tests: one stream of e-mail events of all services, one of events of objects. */

const emailSources = [
  'brevo',
  'mailchimp',
  'mailersend',
  'mailgun',
  'mailjet',
  'mandrill',
  'postmark',
  'resend',
  'sendgrid',
  'ses',
  'sparkpost',
];
const objectSources = [
  'shopify',
  'hubspot',
  'segment',
  'adobe-io',
  'standard-webhooks',
  'generic-hmac',
  'generic-bearer',
  'generic-basic',
];
const names = (sources: readonly string[]): string => sources.map((source) => `'${source}'`).join(', ');

/** All services fill one table of e-mail events. */
export const emailDag = `
import { defineDag, inbox } from 'millrace';
export default defineDag({
  id: 'mail', schedule: { stream: true },
  tasks: ({ extract, validate, load }) => {
    const raw = extract('drain', { from: inbox.emailEvents(${names(emailSources)}) });
    load('store', validate('check', raw, { schema: 'email-event.v2', quarantineOver: 1 }), {
      into: 'email_events', key: ['provider', 'eventId'], version: ['receivedAt'], disposition: 'merge' });
  },
});`;

/** One table of changes, one row a change, and one of the latest state of each order. */
export const objectDag = `
import { defineDag, inbox } from 'millrace';
export default defineDag({
  id: 'objects', schedule: { stream: true },
  tasks: ({ extract, validate, load }) => {
    const all = extract('drain', { from: inbox.webhookEvents(${names(objectSources)}) });
    load('changes', validate('check', all, { schema: 'webhook-event.v1', quarantineOver: 1 }), {
      into: 'changes', key: ['changeId'], version: ['receivedAt'], disposition: 'merge' });
    const shop = extract('drain-shop', { from: inbox.webhookEvents('shopify') });
    load('orders', validate('check-shop', shop, { schema: 'webhook-event.v1', quarantineOver: 1 }), {
      into: 'orders_now', key: ['objectType', 'objectId'], version: ['version'], disposition: 'merge' });
  },
});`;
