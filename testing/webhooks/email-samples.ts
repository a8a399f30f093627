import { samplesOfBrevo, samplesOfMailjet, samplesOfMandrill, samplesOfPostmark } from './email-samples-a.js';
import {
  samplesOfMailersend,
  samplesOfMailgun,
  samplesOfResend,
  samplesOfSendgrid,
} from './email-samples-b.js';
import { samplesOfSes, samplesOfSparkpost } from './email-samples-c.js';
import { samplesOfMailchimp } from './mailchimp-samples.js';
import type { EmailSample } from './email-sample.js';

export type { EmailSample } from './email-sample.js';

/**
 * Events as each e-mail service sends them, with what they mean: made up after the documentation of the services, one for
 * each kind of event that they document. Each payload is one delivery.
 */
export const emailSamples: Readonly<Record<string, readonly EmailSample[]>> = {
  brevo: samplesOfBrevo,
  mailchimp: samplesOfMailchimp,
  mailersend: samplesOfMailersend,
  mailgun: samplesOfMailgun,
  mailjet: samplesOfMailjet,
  mandrill: samplesOfMandrill,
  postmark: samplesOfPostmark,
  resend: samplesOfResend,
  sendgrid: samplesOfSendgrid,
  ses: samplesOfSes,
  sparkpost: samplesOfSparkpost,
};
