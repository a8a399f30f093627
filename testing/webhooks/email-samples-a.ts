import {
  appleProxy,
  gmailProxy,
  link,
  linkScanner,
  mailProgram,
  recipient,
  second,
  secondIso,
  type EmailSample,
} from './email-sample.js';

const whenAndWho = { recipient, occurredAt: secondIso };

const brevo = (event: string, meaning: EmailSample['meaning'], more: object = {}): EmailSample => ({
  name: event,
  meaning: { ...whenAndWho, messageId: '<202602011000.17@relay.example.com>', ...meaning },
  payload: {
    event,
    email: recipient,
    id: 26224,
    date: '2026-02-01 11:00:00',
    ts: second + 3600,
    ts_event: second,
    ts_epoch: second * 1000,
    'message-id': '<202602011000.17@relay.example.com>',
    subject: 'Spring',
    tag: '["spring"]',
    tags: ['spring'],
    sending_ip: '203.0.113.7',
    ...more,
  },
});

export const samplesOfBrevo: readonly EmailSample[] = [
  brevo('request', { type: 'queued' }),
  brevo('sent', { type: 'sent' }),
  brevo('delivered', { type: 'delivered' }),
  brevo('deferred', { type: 'deferred' }, { reason: 'greylisted, come back later' }),
  brevo('hard_bounce', { type: 'bounced', bounceClass: 'hard' }, { reason: '550 no such mailbox' }),
  brevo('soft_bounce', { type: 'bounced', bounceClass: 'soft' }, { reason: '452 mailbox full' }),
  brevo('invalid_email', { type: 'bounced', bounceClass: 'hard' }),
  brevo('blocked', { type: 'dropped' }, { reason: 'address is on the block list' }),
  brevo('error', { type: 'dropped' }, { reason: 'template failed' }),
  brevo('opened', { type: 'opened', isMachineOpen: false, openVia: 'direct' }, { user_agent: mailProgram }),
  brevo(
    'unique_opened',
    { type: 'opened', isMachineOpen: false, openVia: 'proxy' },
    { user_agent: gmailProxy },
  ),
  brevo('proxy_open', { type: 'opened', isMachineOpen: true, openVia: 'prefetch' }),
  brevo('unique_proxy_open', { type: 'opened', isMachineOpen: true }),
  brevo('click', { type: 'clicked', url: link, isScannerClick: false }, { link }),
  brevo('spam', { type: 'complained' }),
  brevo('complaint', { type: 'complained' }),
  brevo('unsubscribed', { type: 'unsubscribed' }),
  brevo('list_addition', { type: 'resubscribed' }),
];

const mailjet = (event: string, meaning: EmailSample['meaning'], more: object = {}): EmailSample => ({
  name: event,
  meaning: { ...whenAndWho, messageId: '19421777835146490', ...meaning },
  // The id is above 2^53, so the payload is text.
  payload: JSON.stringify({
    event,
    time: second,
    MessageID: 0,
    Message_GUID: '1ab23cd4-e567-8901-2345-6789f0gh1i2j',
    email: recipient,
    mj_campaign_id: 7257,
    mj_contact_id: 4,
    customcampaign: 'spring',
    CustomID: 'c-1',
    Payload: '',
    ...more,
  }).replace('"MessageID":0', '"MessageID":19421777835146490'),
});

export const samplesOfMailjet: readonly EmailSample[] = [
  mailjet('sent', { type: 'delivered' }, { smtp_reply: '250 OK', mj_message_id: '19421777835146490' }),
  mailjet(
    'open',
    { type: 'opened', isMachineOpen: true },
    { ip: '203.0.113.9', geo: 'FR', agent: appleProxy },
  ),
  mailjet('click', { type: 'clicked', url: link, isScannerClick: true }, { url: link, agent: linkScanner }),
  mailjet(
    'bounce',
    { type: 'bounced', bounceClass: 'hard' },
    { blocked: false, hard_bounce: true, error_related_to: 'recipient', error: 'user unknown' },
  ),
  mailjet(
    'bounce',
    { type: 'bounced', bounceClass: 'soft' },
    { blocked: false, hard_bounce: false, error_related_to: 'recipient', error: 'quota exceeded' },
  ),
  mailjet(
    'bounce',
    { type: 'bounced', bounceClass: 'block' },
    { blocked: true, hard_bounce: false, error_related_to: 'spam', error: 'content blocked' },
  ),
  mailjet(
    'bounce',
    { type: 'deferred' },
    { blocked: false, hard_bounce: false, error_related_to: 'domain', error: 'greylisted' },
  ),
  mailjet('blocked', { type: 'dropped' }, { error_related_to: 'mailjet', error: 'preblocked' }),
  mailjet('spam', { type: 'complained' }, { source: 'JMRPP' }),
  mailjet('unsub', { type: 'unsubscribed' }, { mj_list_id: 1, ip: '203.0.113.9', agent: mailProgram }),
];

const mandrill = (event: string, meaning: EmailSample['meaning'], more: object = {}): EmailSample => ({
  name: event,
  meaning: { ...whenAndWho, messageId: 'b2f0a1c4d5e6', ...meaning },
  payload: [
    {
      event,
      _id: 'b2f0a1c4d5e6',
      ts: second,
      msg: {
        _id: 'b2f0a1c4d5e6',
        ts: second - 60,
        email: recipient,
        sender: 'shop@example.com',
        subject: 'Spring',
        state: 'sent',
        tags: ['spring'],
        metadata: { campaign_id: 'spring-1' },
        smtp_events: [],
      },
      ...more,
    },
  ],
});

export const samplesOfMandrill: readonly EmailSample[] = [
  mandrill('send', { type: 'sent' }),
  mandrill('delivered', { type: 'delivered' }),
  mandrill('deferral', { type: 'deferred' }),
  mandrill('hard_bounce', { type: 'bounced', bounceClass: 'hard' }),
  mandrill('soft_bounce', { type: 'bounced', bounceClass: 'soft' }),
  mandrill('reject', { type: 'dropped' }),
  mandrill('open', { type: 'opened', isMachineOpen: false }, { ip: '203.0.113.9', user_agent: mailProgram }),
  mandrill(
    'click',
    { type: 'clicked', url: link },
    { ip: '203.0.113.9', user_agent: mailProgram, url: link },
  ),
  mandrill('spam', { type: 'complained' }),
  mandrill('unsub', { type: 'unsubscribed' }),
];

const postmark = (
  record: string,
  time: string,
  meaning: EmailSample['meaning'],
  more: object = {},
): EmailSample => ({
  name: record,
  meaning: { recipient, messageId: '00000000-0000-4000-8000-000000000017', ...meaning },
  payload: {
    RecordType: record,
    MessageStream: 'outbound',
    ServerID: 23,
    MessageID: '00000000-0000-4000-8000-000000000017',
    Tag: 'spring',
    Metadata: { campaign: 'spring-1' },
    [time]: '2026-02-01T10:00:00.1234567Z',
    ...more,
  },
});

const bounce = (type: string, meaning: EmailSample['meaning']): EmailSample => ({
  ...postmark('Bounce', 'BouncedAt', meaning, {
    ID: 692560173,
    Type: type,
    TypeCode: 1,
    Name: type,
    Description: 'What the receiving server said.',
    Details: 'smtp;550 5.1.1 not here',
    Email: recipient,
    Inactive: true,
    CanActivate: true,
    Subject: 'Spring',
  }),
  name: `Bounce ${type}`,
});

export const samplesOfPostmark: readonly EmailSample[] = [
  postmark('Delivery', 'DeliveredAt', { type: 'delivered' }, { Recipient: recipient, Details: '250 ok' }),
  postmark(
    'Open',
    'ReceivedAt',
    { type: 'opened', openVia: 'proxy', isMachineOpen: false },
    {
      Recipient: recipient,
      FirstOpen: true,
      Platform: 'WebMail',
      UserAgent: gmailProxy,
      Geo: { IP: '203.0.113.9' },
    },
  ),
  postmark(
    'Click',
    'ReceivedAt',
    { type: 'clicked', url: link, isScannerClick: false },
    { Recipient: recipient, ClickLocation: 'HTML', OriginalLink: link, UserAgent: mailProgram },
  ),
  bounce('HardBounce', { type: 'bounced', bounceClass: 'hard' }),
  bounce('SoftBounce', { type: 'bounced', bounceClass: 'soft' }),
  bounce('Undeliverable', { type: 'bounced', bounceClass: 'soft' }),
  bounce('VirusNotification', { type: 'bounced', bounceClass: 'block' }),
  bounce('SpamNotification', { type: 'bounced', bounceClass: 'block' }),
  bounce('DMARCPolicy', { type: 'bounced', bounceClass: 'block' }),
  bounce('Blocked', { type: 'bounced', bounceClass: 'block' }),
  bounce('Unknown', { type: 'bounced', bounceClass: 'undetermined' }),
  bounce('Transient', { type: 'deferred' }),
  bounce('DnsError', { type: 'deferred' }),
  bounce('OpenRelayTest', { type: 'deferred' }),
  bounce('BadEmailAddress', { type: 'dropped' }),
  bounce('ManuallyDeactivated', { type: 'dropped' }),
  bounce('Unconfirmed', { type: 'dropped' }),
  bounce('SMTPApiError', { type: 'dropped' }),
  bounce('TemplateRenderingFailed', { type: 'dropped' }),
  bounce('AutoResponder', { type: 'autoresponded' }),
  bounce('AddressChange', { type: 'autoresponded' }),
  bounce('ChallengeVerification', { type: 'autoresponded' }),
  bounce('Unsubscribe', { type: 'unsubscribed' }),
  bounce('Subscribe', { type: 'resubscribed' }),
  postmark(
    'SpamComplaint',
    'BouncedAt',
    { type: 'complained' },
    { Type: 'SpamComplaint', Email: recipient, ID: 42 },
  ),
  postmark(
    'SubscriptionChange',
    'ChangedAt',
    { type: 'unsubscribed' },
    {
      Recipient: recipient,
      Origin: 'Recipient',
      SuppressSending: true,
      SuppressionReason: 'ManualSuppression',
    },
  ),
  postmark(
    'SubscriptionChange',
    'ChangedAt',
    { type: 'resubscribed' },
    { Recipient: recipient, Origin: 'Customer', SuppressSending: false, SuppressionReason: null },
  ),
];
