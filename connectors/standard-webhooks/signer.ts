import { createHmac } from 'node:crypto';

/**
 * The headers of a delivery by Standard Webhooks 1.0, signed with HMAC-SHA256.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 *
 * @param secret base64 of the key, behind `whsec_`
 */
export function standardHeaders(
  { id, body, at }: { readonly id: string; readonly body: string; readonly at: Date },
  secret: string,
): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(at.getTime() / 1000));
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` };
}
