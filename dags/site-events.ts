import { defineDag, inbox } from 'millrace';

/** Web behaviour and e-mail engagement as they happen; the same event delivered twice is one row. */
export default defineDag({
  id: 'site-events',
  description: 'Events of the web site and of the e-mail service, from the gateway',
  owner: 'demo',
  tags: ['events'],
  mode: 'real-time',
  schedule: { stream: true },
  tasks: ({ extract, validate, transform, load }) => {
    const site = extract('site', { from: inbox.stream('segment') });
    const siteEvents = validate('check-site', site, { schema: 'site-event.v2', quarantineOver: 1 });
    const siteRows = transform('shape-site', siteEvents, {
      rename: {
        messageId: 'message_id',
        userId: 'user_id',
        anonymousId: 'anonymous_id',
        groupId: 'group_id',
        previousId: 'previous_id',
        originalTimestamp: 'original_timestamp',
        sentAt: 'sent_at',
        receivedAt: 'received_at',
      },
    });
    load('merge-site', siteRows, {
      into: 'site_events',
      key: ['message_id'],
      version: ['received_at'],
      disposition: 'merge',
    });

    const email = extract('email', { from: inbox.emailEvents('email') });
    const emailEvents = validate('check-email', email, { schema: 'email-event.v2', quarantineOver: 1 });
    const emailRows = transform('shape-email', emailEvents, {
      rename: {
        eventId: 'event_id',
        occurredAt: 'occurred_at',
        receivedAt: 'received_at',
        messageId: 'message_id',
        bounceClass: 'bounce_class',
        openVia: 'open_via',
        isMachineOpen: 'is_machine_open',
        isScannerClick: 'is_scanner_click',
        userAgent: 'user_agent',
        campaignId: 'campaign_id',
        requestId: 'request_id',
      },
    });
    load('merge-email', emailRows, {
      into: 'email_events',
      key: ['provider', 'event_id'],
      version: ['received_at'],
      disposition: 'merge',
    });
  },
});
