import {
  gmailProxy,
  link,
  linkScanner,
  markOf,
  mailProgram,
  recipient,
  second,
  secondIso,
  type EmailSample,
} from './email-sample.js';

const ses = (eventType: string, meaning: EmailSample['meaning'], more: object): EmailSample => ({
  name: eventType,
  meaning: {
    recipient,
    messageId: '0102019a-0000-4000-8000-000000000000-000000',
    occurredAt: secondIso,
    ...meaning,
  },
  payload: {
    eventType,
    mail: {
      timestamp: '2026-02-01T10:00:00.000Z',
      source: 'shop@example.com',
      sendingAccountId: '123456789012',
      messageId: '0102019a-0000-4000-8000-000000000000-000000',
      destination: [recipient],
      headersTruncated: false,
      commonHeaders: { from: ['shop@example.com'], to: [recipient], subject: 'Spring' },
      tags: { 'ses:configuration-set': ['shop'], campaign: ['spring-1'] },
    },
    ...more,
  },
});

const bounce = (bounceType: string, bounceSubType: string, meaning: EmailSample['meaning']): EmailSample =>
  ses('Bounce', meaning, {
    bounce: {
      feedbackId: '0102019a-feed',
      bounceType,
      bounceSubType,
      bouncedRecipients: [
        { emailAddress: recipient, action: 'failed', status: '5.1.1', diagnosticCode: 'smtp; 550' },
      ],
      timestamp: '2026-02-01T10:00:00.000Z',
      reportingMTA: 'dsn; mta.example.com',
    },
  });

export const samplesOfSes: readonly EmailSample[] = [
  ses('Send', { type: 'sent' }, { send: {} }),
  ses(
    'Delivery',
    { type: 'delivered' },
    {
      delivery: {
        timestamp: '2026-02-01T10:00:00.000Z',
        processingTimeMillis: 11893,
        recipients: [recipient],
        smtpResponse: '250 2.6.0 Message received',
        reportingMTA: 'mta.example.com',
      },
    },
  ),
  ses(
    'DeliveryDelay',
    { type: 'deferred' },
    {
      deliveryDelay: {
        timestamp: '2026-02-01T10:00:00.000Z',
        delayType: 'TransientCommunicationFailure',
        expirationTime: '2026-02-02T10:00:00.000Z',
        delayedRecipients: [{ emailAddress: recipient, status: '4.4.1', diagnosticCode: 'smtp; 421 later' }],
      },
    },
  ),
  bounce('Permanent', 'General', { type: 'bounced', bounceClass: 'hard' }),
  bounce('Transient', 'MailboxFull', { type: 'bounced', bounceClass: 'soft' }),
  bounce('Transient', 'ContentRejected', { type: 'bounced', bounceClass: 'block' }),
  bounce('Undetermined', 'Undetermined', { type: 'bounced', bounceClass: 'undetermined' }),
  ses('Reject', { type: 'dropped' }, { reject: { reason: 'Bad content' } }),
  ses(
    'Rendering Failure',
    { type: 'dropped' },
    { failure: { errorMessage: 'no such attribute', templateName: 't' } },
  ),
  ses(
    'Open',
    { type: 'opened', openVia: 'proxy', isMachineOpen: false },
    {
      open: { ipAddress: '203.0.113.9', timestamp: '2026-02-01T10:00:00.000Z', userAgent: gmailProxy },
    },
  ),
  ses(
    'Click',
    { type: 'clicked', url: link, isScannerClick: false },
    {
      click: {
        ipAddress: '203.0.113.9',
        timestamp: '2026-02-01T10:00:00.000Z',
        userAgent: mailProgram,
        link,
        linkTags: null,
      },
    },
  ),
  ses(
    'Complaint',
    { type: 'complained' },
    {
      complaint: {
        feedbackId: '0102019a-feed',
        complainedRecipients: [{ emailAddress: recipient }],
        timestamp: '2026-02-01T10:00:00.000Z',
        complaintFeedbackType: 'abuse',
      },
    },
  ),
  ses(
    'Subscription',
    { type: 'unsubscribed' },
    {
      subscription: {
        contactList: 'shop',
        timestamp: '2026-02-01T10:00:00.000Z',
        source: 'UnsubscribeHeader',
        newTopicPreferences: { unsubscribeAll: true, topicSubscriptionStatus: [] },
      },
    },
  ),
  ses(
    'Subscription',
    { type: 'resubscribed' },
    {
      subscription: {
        contactList: 'shop',
        timestamp: '2026-02-01T10:00:00.000Z',
        source: 'PreferenceCenter',
        newTopicPreferences: { unsubscribeAll: false, topicSubscriptionStatus: [] },
      },
    },
  ),
];

const sparkpost = (
  type: string,
  eventClass: string,
  meaning: EmailSample['meaning'],
  more: object = {},
): EmailSample => ({
  name: type,
  meaning: { recipient, messageId: '000443ee14578172be22', occurredAt: secondIso, ...meaning },
  payload: [
    {
      msys: {
        [eventClass]: {
          type,
          event_id: `sp-${type}-${markOf(more)}`,
          timestamp: String(second),
          message_id: '000443ee14578172be22',
          transmission_id: '65832150921904138',
          rcpt_to: recipient,
          raw_rcpt_to: recipient,
          campaign_id: 'spring-1',
          rcpt_tags: ['spring'],
          rcpt_meta: { customer: '7' },
          subject: 'Spring',
          ...more,
        },
      },
    },
  ],
});

const message = 'message_event';
const track = 'track_event';

export const samplesOfSparkpost: readonly EmailSample[] = [
  sparkpost('injection', message, { type: 'queued' }),
  sparkpost('delivery', message, { type: 'delivered' }),
  sparkpost('delay', message, { type: 'deferred' }, { bounce_class: '21', reason: 'later' }),
  sparkpost(
    'bounce',
    message,
    { type: 'bounced', bounceClass: 'hard' },
    { bounce_class: '10', raw_reason: '550 gone' },
  ),
  sparkpost(
    'bounce',
    message,
    { type: 'bounced', bounceClass: 'soft' },
    { bounce_class: '22', raw_reason: '452 full' },
  ),
  sparkpost(
    'bounce',
    message,
    { type: 'bounced', bounceClass: 'block' },
    { bounce_class: '51', raw_reason: '550 listed' },
  ),
  sparkpost('bounce', message, { type: 'bounced', bounceClass: 'undetermined' }, { bounce_class: '1' }),
  sparkpost('bounce', message, { type: 'autoresponded' }, { bounce_class: '60' }),
  sparkpost('out_of_band', message, { type: 'bounced', bounceClass: 'soft' }, { bounce_class: '70' }),
  sparkpost('policy_rejection', message, { type: 'dropped' }, { reason: '550 on the list' }),
  sparkpost('generation_failure', 'gen_event', { type: 'dropped' }),
  sparkpost('generation_rejection', 'gen_event', { type: 'dropped' }),
  sparkpost('open', track, { type: 'opened', isMachineOpen: false }, { user_agent: mailProgram }),
  sparkpost('initial_open', track, { type: 'opened' }, { user_agent: mailProgram }),
  sparkpost('amp_open', track, { type: 'opened' }),
  sparkpost('amp_initial_open', track, { type: 'opened' }),
  sparkpost(
    'click',
    track,
    { type: 'clicked', url: link, isScannerClick: true },
    { user_agent: linkScanner, target_link_url: link },
  ),
  sparkpost('amp_click', track, { type: 'clicked', url: link }, { target_link_url: link }),
  sparkpost('spam_complaint', message, { type: 'complained' }),
  sparkpost('list_unsubscribe', 'unsubscribe_event', { type: 'unsubscribed' }),
  sparkpost('link_unsubscribe', 'unsubscribe_event', { type: 'unsubscribed' }, { target_link_url: link }),
];
