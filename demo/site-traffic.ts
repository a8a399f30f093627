import { Analytics } from '@segment/analytics-node';
import { createHash, randomUUID } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { seededRandom } from '../testing/index.js';

/** What the traffic must look like in the warehouse once everything has arrived. */
export interface TrafficTruth {
  /** Rows of `site_events`: distinct valid events. */
  readonly siteEvents: number;
  /** Rows of `email_events`: distinct deliveries. */
  readonly emailEvents: number;
  /** Deliveries that the schema refuses. */
  readonly invalid: number;
  /** Deliveries of site events, repeats and invalid ones included. */
  readonly deliveries: number;
}

export interface TrafficOptions {
  readonly gatewayUrl: string;
  readonly writeKey: string;
  readonly webhookSecret: string;
  readonly events: number;
  readonly seed: number;
  onProgress(sent: number): void;
}

const pages = ['/', '/pricing', '/shop', '/shop/teapot', '/blog', '/cart'];
const actions = ['Product Viewed', 'Product Added', 'Checkout Started', 'Order Completed', 'Email Opened'];

/**
 * Sends seeded traffic through the real Segment client and signed webhooks: of the events about one in ten goes twice,
 * some go out of order, and one in fifty lacks what the schema requires.
 */
export async function sendTraffic(options: TrafficOptions): Promise<TrafficTruth> {
  const random = seededRandom(options.seed);
  const analytics = new Analytics({
    writeKey: options.writeKey,
    host: options.gatewayUrl,
    flushAt: 50,
    flushInterval: 50,
  });
  const failures: unknown[] = [];
  analytics.on('error', (error) => failures.push(error));
  const invalidTotal = Math.floor(options.events / 50);
  const validTotal = options.events - invalidTotal;
  let deliveries = 0;
  const send = (index: number) => {
    deliveries += 1;
    const common = {
      userId: `user-${String(index % 200)}`,
      messageId: eventId(options.seed, index),
      // Out of order: the event's own time runs backwards within each group of seven.
      timestamp: new Date(Date.UTC(2026, 0, 1) + (index - (index % 7) * 2) * 1_000),
    };
    if (index % 3 === 0)
      analytics.page({
        ...common,
        name: pages[index % pages.length] ?? '/',
        properties: { path: pages[index % pages.length] ?? '/' },
      });
    else if (index % 25 === 1)
      analytics.identify({ ...common, traits: { plan: index % 2 === 0 ? 'free' : 'plus' } });
    else
      analytics.track({
        ...common,
        event: actions[index % actions.length] ?? 'Viewed',
        properties: { value: `${String(index % 90)}.50` },
      });
  };
  const late: number[] = [];
  for (let index = 0; index < validTotal; index += 1) {
    send(index);
    if (random.next() < 0.1) late.push(index);
    if (late.length > 0 && random.next() < 0.08) send(late.shift() ?? index);
    if (index % 100 === 99) {
      await analytics.flush({ timeout: 30_000 });
      options.onProgress(deliveries);
    }
  }
  for (const index of late) send(index);
  await analytics.flush({ timeout: 30_000 });
  await analytics.closeAndFlush({ timeout: 30_000 });
  if (failures.length > 0)
    throw new Error(`the gateway refused ${String(failures.length)} deliveries`, { cause: failures[0] });

  for (let index = 0; index < invalidTotal; index += 1) {
    // Neither userId nor anonymousId: the official client refuses to send these, other clients do not.
    await post(
      `${options.gatewayUrl}/v1/track`,
      JSON.stringify({
        writeKey: options.writeKey,
        type: 'track',
        messageId: eventId(options.seed, 1_000_000 + index),
        event: 'Nobody',
      }),
    );
    deliveries += 1;
  }
  options.onProgress(deliveries);
  const emailEvents = await sendEmailEvents(options);
  return { siteEvents: validTotal, emailEvents, invalid: invalidTotal, deliveries };
}

async function sendEmailEvents(options: TrafficOptions): Promise<number> {
  const webhook = new Webhook(options.webhookSecret);
  const total = 40;
  for (let index = 0; index < total + 5; index += 1) {
    const number = index % total;
    const id = `msg_${eventId(options.seed, 2_000_000 + number)}`;
    const body = JSON.stringify({
      type: number % 4 === 0 ? 'email.clicked' : 'email.opened',
      timestamp: new Date(Date.UTC(2026, 0, 1) + number * 60_000).toISOString(),
      data: { email_id: `em-${String(number)}`, to: [`person${String(number)}@example.com`] },
    });
    const now = new Date();
    await post(`${options.gatewayUrl}/webhooks/email`, body, {
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
      'webhook-signature': webhook.sign(id, now, body),
    });
  }
  return total;
}

async function post(url: string, body: string, headers: Record<string, string> = {}): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
  });
  if (!response.ok) throw new Error(`${url} answered ${String(response.status)}: ${await response.text()}`);
  await response.arrayBuffer();
}

function eventId(seed: number, index: number): string {
  return createHash('sha256')
    .update(`${String(seed)}/${String(index)}`)
    .digest('hex')
    .slice(0, 32);
}

/** A fresh Standard Webhooks secret. */
export function webhookSecret(): string {
  return `whsec_${Buffer.from(randomUUID() + randomUUID()).toString('base64')}`;
}
