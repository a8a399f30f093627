import { recipient, type EmailSample } from './email-sample.js';

const member = { id: '8a25ff1d98', list_id: 'a6b5da1054', email: recipient, email_type: 'html' };

const mailchimp = (type: string, meaning: EmailSample['meaning'], data: object): EmailSample => ({
  name: type,
  meaning: { recipient, occurredAt: '2026-02-01T10:00:00Z', ...meaning },
  payload: {
    type,
    fired_at: '2026-02-01 10:00:00',
    data,
  },
});

export const samplesOfMailchimp: readonly EmailSample[] = [
  mailchimp(
    'subscribe',
    { type: 'resubscribed' },
    {
      ...member,
      ip_opt: '203.0.113.9',
      merges: { EMAIL: recipient, FNAME: 'Ada', INTERESTS: 'Spring,Summer' },
    },
  ),
  mailchimp(
    'unsubscribe',
    { type: 'unsubscribed' },
    { ...member, action: 'unsub', reason: 'manual', campaign_id: 'cb398d21d2', ip_opt: '203.0.113.9' },
  ),
  mailchimp('unsubscribe', { type: 'complained' }, { ...member, action: 'unsub', reason: 'abuse' }),
  mailchimp(
    'cleaned',
    { type: 'bounced', bounceClass: 'hard' },
    { list_id: member.list_id, campaign_id: '4fjk2ma9xd', reason: 'hard', email: recipient },
  ),
  mailchimp(
    'cleaned',
    { type: 'complained' },
    { list_id: member.list_id, reason: 'abuse', email: recipient },
  ),
];
