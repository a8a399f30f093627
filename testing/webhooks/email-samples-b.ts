import {
  appleProxy,
  link,
  linkScanner,
  markOf,
  mailProgram,
  recipient,
  second,
  secondIso,
  type EmailSample,
} from './email-sample.js';

const whenAndWho = { recipient, occurredAt: secondIso };

const mailersend = (kind: string, meaning: EmailSample['meaning'], meta: object = {}): EmailSample => ({
  name: `activity.${kind}`,
  meaning: { ...whenAndWho, messageId: '62f114f8165fe0d8db0288e5', ...meaning },
  payload: {
    type: `activity.${kind}`,
    domain_id: '7z3m5jgrogdpyo6n',
    created_at: '2026-02-01T10:00:00.000Z',
    webhook_id: '2351ndgwr4zqx8ko',
    url: 'https://hooks.example.com/webhooks/mailersend',
    data: {
      object: 'activity',
      id: `62f114f8165fe0d8db0288e${String(kind.length)}-${kind}`,
      type: kind,
      created_at: '2026-02-01T09:59:58.000Z',
      message_id: '62f114f8165fe0d8db0288e5',
      subject: 'Spring',
      recipient,
      tags: ['spring'],
      meta,
    },
  },
});

export const samplesOfMailersend: readonly EmailSample[] = [
  mailersend('sent', { type: 'sent' }),
  mailersend('delivered', { type: 'delivered' }),
  mailersend('deferred', { type: 'deferred' }),
  mailersend(
    'soft_bounced',
    { type: 'bounced', bounceClass: 'soft' },
    { bounce_code: 452, bounce_reason: 'full' },
  ),
  mailersend(
    'hard_bounced',
    { type: 'bounced', bounceClass: 'hard' },
    { bounce_code: 550, bounce_reason: 'gone' },
  ),
  mailersend('suppressed', { type: 'dropped' }, { suppression_reason: 'hard bounced before' }),
  mailersend(
    'opened',
    { type: 'opened', isMachineOpen: true },
    { user_agent: appleProxy, ip: '203.0.113.9' },
  ),
  mailersend('opened_unique', { type: 'opened', isMachineOpen: false }, { user_agent: mailProgram }),
  mailersend('clicked', { type: 'clicked', url: link }, { url: link, user_agent: mailProgram }),
  mailersend(
    'clicked_unique',
    { type: 'clicked', url: link, isScannerClick: true },
    { url: link, user_agent: linkScanner },
  ),
  mailersend('unsubscribed', { type: 'unsubscribed' }, { unsubscribe_reason: 'too many' }),
  mailersend('spam_complaints', { type: 'complained' }),
  {
    name: 'activity.spam_complaint, first form',
    meaning: { ...whenAndWho, messageId: '62f114f8165fe0d8db0288e6', type: 'complained' },
    payload: {
      type: 'activity.spam_complaint',
      created_at: '2026-02-01T10:00:00.000Z',
      data: {
        object: 'activity',
        id: '62f114f8165fe0d8db0288ff',
        type: 'spam_complaint',
        email: {
          message: { id: '62f114f8165fe0d8db0288e6' },
          recipient: { email: recipient },
          subject: 'Spring',
          tags: null,
        },
        morph: { object: 'spam_complaint', reason: null },
      },
    },
  },
];

const mailgun = (event: string, meaning: EmailSample['meaning'], more: object = {}): EmailSample => ({
  name: event,
  meaning: {
    recipient,
    messageId: '20260201100000.1@mail.example.com',
    occurredAt: '2026-02-01T10:00:00.529Z',
    ...meaning,
  },
  payload: {
    event,
    id: `mg-${event}-${markOf(more)}`,
    timestamp: second + 0.529,
    'log-level': 'info',
    recipient,
    'recipient-domain': 'example.com',
    message: {
      headers: {
        to: recipient,
        from: 'shop@example.com',
        subject: 'Spring',
        'message-id': '20260201100000.1@mail.example.com',
      },
      attachments: [],
      size: 111,
    },
    tags: ['spring'],
    campaigns: [],
    'user-variables': { customer: '7' },
    ...more,
  },
});

export const samplesOfMailgun: readonly EmailSample[] = [
  mailgun('accepted', { type: 'queued' }),
  mailgun(
    'rejected',
    { type: 'dropped' },
    { reject: { reason: 'sandbox subdomains are for test purposes only' } },
  ),
  mailgun('delivered', { type: 'delivered' }, { 'delivery-status': { code: 250, message: 'OK', tls: true } }),
  mailgun(
    'failed',
    { type: 'deferred' },
    { severity: 'temporary', reason: 'generic', 'delivery-status': { code: 452, message: 'later' } },
  ),
  mailgun(
    'failed',
    { type: 'bounced', bounceClass: 'hard' },
    { severity: 'permanent', reason: 'bounce', 'delivery-status': { code: 550, message: 'no mailbox' } },
  ),
  mailgun(
    'failed',
    { type: 'bounced', bounceClass: 'block' },
    { severity: 'permanent', reason: 'suppress-bounce', 'delivery-status': { code: 605, message: '' } },
  ),
  mailgun(
    'opened',
    { type: 'opened', isMachineOpen: true },
    { ip: '203.0.113.9', 'client-info': { 'user-agent': appleProxy } },
  ),
  mailgun(
    'clicked',
    { type: 'clicked', url: link, isScannerClick: false },
    { url: link, 'client-info': { 'user-agent': mailProgram } },
  ),
  mailgun('unsubscribed', { type: 'unsubscribed' }),
  mailgun('complained', { type: 'complained' }),
];

const resend = (type: string, meaning: EmailSample['meaning'], more: object = {}): EmailSample => ({
  name: type,
  meaning: { ...whenAndWho, messageId: '56761188-7520-42d8-8898-ff6fc54ce618', ...meaning },
  payload: {
    type,
    created_at: '2026-02-01T10:00:00.000Z',
    data: {
      created_at: '2026-02-01 09:58:00.126801+00:00',
      email_id: '56761188-7520-42d8-8898-ff6fc54ce618',
      from: 'Shop <shop@example.com>',
      to: [`Ada <${recipient}>`],
      subject: 'Spring',
      tags: { category: 'spring' },
      ...more,
    },
  },
});

export const samplesOfResend: readonly EmailSample[] = [
  resend('email.scheduled', { type: 'queued' }),
  resend('email.sent', { type: 'sent' }),
  resend('email.delivered', { type: 'delivered' }),
  resend('email.delivery_delayed', { type: 'deferred' }),
  resend(
    'email.bounced',
    { type: 'bounced', bounceClass: 'hard' },
    { bounce: { message: 'gone', type: 'Permanent', subType: 'General' } },
  ),
  resend(
    'email.bounced',
    { type: 'bounced', bounceClass: 'soft' },
    { bounce: { message: 'full', type: 'Transient', subType: 'MailboxFull' } },
  ),
  resend(
    'email.bounced',
    { type: 'bounced', bounceClass: 'undetermined' },
    { bounce: { message: 'who knows' } },
  ),
  resend('email.failed', { type: 'dropped' }, { failed: { reason: 'reached_daily_quota' } }),
  resend('email.suppressed', { type: 'dropped' }),
  resend(
    'email.opened',
    { type: 'opened', isMachineOpen: true },
    { open: { ipAddress: '203.0.113.9', userAgent: appleProxy } },
  ),
  resend(
    'email.clicked',
    { type: 'clicked', url: link, isScannerClick: false },
    { click: { link, ipAddress: '203.0.113.9', userAgent: mailProgram } },
  ),
  resend('email.complained', { type: 'complained' }),
];

const sendgrid = (event: string, meaning: EmailSample['meaning'], more: object = {}): EmailSample => ({
  name: event,
  meaning: { ...whenAndWho, messageId: '14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0', ...meaning },
  payload: [
    {
      email: recipient,
      timestamp: second,
      'smtp-id': '<14c5d75ce93.dfd.64b469@ismtpd-555>',
      event,
      category: ['spring', 'shop'],
      sg_event_id: `sg-${event}-${markOf(more)}`,
      sg_message_id: '14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0',
      ...more,
    },
  ],
});

export const samplesOfSendgrid: readonly EmailSample[] = [
  sendgrid('processed', { type: 'queued' }),
  sendgrid('deferred', { type: 'deferred' }, { response: '400 try again later', attempt: '5' }),
  sendgrid('delivered', { type: 'delivered' }, { response: '250 OK' }),
  sendgrid(
    'bounce',
    { type: 'bounced', bounceClass: 'hard' },
    { reason: '550 no such user', status: '5.1.1', type: 'bounce' },
  ),
  sendgrid(
    'bounce',
    { type: 'bounced', bounceClass: 'soft' },
    { reason: '452 full', status: '4.2.2', type: 'bounce' },
  ),
  sendgrid(
    'bounce',
    { type: 'bounced', bounceClass: 'block' },
    { reason: '550 listed', status: '5.7.1', type: 'blocked' },
  ),
  sendgrid('dropped', { type: 'dropped' }, { reason: 'Bounced Address', status: '5.0.0' }),
  sendgrid(
    'open',
    { type: 'opened', isMachineOpen: true, openVia: 'prefetch' },
    { useragent: mailProgram, ip: '203.0.113.9', sg_machine_open: true },
  ),
  sendgrid(
    'open',
    { type: 'opened', isMachineOpen: false, openVia: 'direct' },
    { useragent: mailProgram, ip: '203.0.113.9', sg_machine_open: false },
  ),
  sendgrid(
    'click',
    { type: 'clicked', url: link, isScannerClick: true },
    { useragent: linkScanner, ip: '203.0.113.9', url: link, url_offset: { index: 0, type: 'html' } },
  ),
  sendgrid('spamreport', { type: 'complained' }),
  sendgrid('unsubscribe', { type: 'unsubscribed' }),
  sendgrid('group_unsubscribe', { type: 'unsubscribed' }, { asm_group_id: 10 }),
  sendgrid('group_resubscribe', { type: 'resubscribed' }, { asm_group_id: 10 }),
];
