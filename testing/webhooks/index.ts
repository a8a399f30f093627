import type { WebhookFixture } from './fixture.js';
import { credentialFixtures, hmacFixtures, mailchimpFixture } from './hmac-fixtures.js';
import { createAdobeFixture, createSendgridFixture, createSesFixture } from './public-key-fixtures.js';

export { createTestCertificate, type CertificateOptions, type TestCertificate } from './certificate.js';
export { emailSamples, type EmailSample } from './email-samples.js';
export type { SignedDelivery, SignOptions, WebhookFixture } from './fixture.js';

/** Signers of all providers, by provider name. Keys that are generated are new each time. */
export function createWebhookFixtures(): ReadonlyMap<string, WebhookFixture> {
  const all = [
    ...hmacFixtures,
    ...credentialFixtures,
    mailchimpFixture,
    createSendgridFixture(),
    createSesFixture(),
    createAdobeFixture(),
  ];
  return new Map(all.map((fixture) => [fixture.provider, fixture]));
}
