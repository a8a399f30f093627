import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { gzipSync } from 'node:zlib';
import { createSource } from '../../connectors/inbox/index.js';
import { launchChromium } from '../helpers/chromium.js';
import { TestProject, waitUntil } from '../helpers/project.js';
import { readAll } from '../sources/read-all.js';

interface SiteEvent {
  readonly type: string;
  readonly event?: string;
  readonly name?: string;
  readonly anonymousId: string;
  readonly userId?: string;
  readonly gpc?: boolean;
  readonly consent?: { readonly categoryPreferences: Record<string, boolean> };
  readonly properties?: Record<string, unknown>;
  readonly context: { readonly page: { readonly url: string } };
}

const writeKey = 'wk_site';
let project: TestProject;
let gatewayUrl: string;
let site: Server;
let siteUrl: string;
let browser: Browser;
const contexts: BrowserContext[] = [];
let markers = 0;

beforeAll(async () => {
  project = await TestProject.create({}, { gateway: { writeKeys: [writeKey] } });
  gatewayUrl = (await project.startGateway()).url;
  site = createServer((request, response) => {
    const given = request.url?.includes('given') === true ? ' data-consent="given"' : '';
    response.setHeader('content-type', 'text/html');
    response.end(`<!doctype html><title>Shop</title>
      <script src="${gatewayUrl}/site.js" data-write-key="${writeKey}"${given}></script>
      <a id="buy" href="#bought" data-track="Buy">Buy now</a><input id="card" value="4111">
      <div style="height: 4000px"></div>`);
  });
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
  // Another origin than the gateway's, as in life.
  siteUrl = `http://localhost:${String((site.address() as AddressInfo).port)}`;
  browser = await launchChromium();
}, 240_000);

afterEach(async () => {
  for (const context of contexts.splice(0)) await context.close();
});

afterAll(async () => {
  await browser?.close();
  site?.closeAllConnections();
  await new Promise((resolve) => site?.close(resolve));
});

/** With `hasClock`, time on the page passes when the test says so. */
async function open(
  path: string,
  options: { readonly isGpc?: boolean; readonly hasClock?: boolean } = {},
): Promise<Page> {
  const context = await browser.newContext(
    options.isGpc === true ? { extraHTTPHeaders: { 'sec-gpc': '1' } } : {},
  );
  contexts.push(context);
  // Chromium has no switch for Global Privacy Control; its extensions set header and property in this way.
  if (options.isGpc === true)
    await context.addInitScript(`Object.defineProperty(navigator, 'globalPrivacyControl', { value: true })`);
  if (options.hasClock === true) await context.clock.install();
  const page = await context.newPage();
  await page.goto(`${siteUrl}${path}`);
  return page;
}

/** All events of the page that were received so far. */
async function received(path: string): Promise<SiteEvent[]> {
  const data = `${project.folder}/.millrace`;
  const { rows } = await readAll(createSource({ projectDirectory: project.folder, dataDirectory: data }), {
    stream: 'segment',
  });
  const events = rows.map((row) => JSON.parse(row) as SiteEvent);
  return events.filter(({ context }) => context.page.url.startsWith(`${siteUrl}${path}`));
}

const arrives = (path: string, what: string, isIt: (event: SiteEvent) => boolean) =>
  waitUntil(`${what} arrives`, async () => (await received(path)).some(isIt), 240_000);

/** Sees an event of another visitor arrive: what was sent before it is there by now. */
async function arrivesFromAnother(): Promise<void> {
  const path = `/marker-${String((markers += 1))}`;
  await open(`${path}?given`);
  await arrives(path, 'the marker', ({ type }) => type === 'page');
}

const kept = (page: Page) => page.evaluate<number>('localStorage.length');

test('the script is small, cached, and for every origin', async () => {
  const response = await fetch(`${gatewayUrl}/site.js`);
  const text = await response.text();
  expect(gzipSync(text, { level: 9 }).length).toBeLessThan(3 * 1024);
  expect(response.headers.get('access-control-allow-origin')).toBe('*');
  const again = await fetch(`${gatewayUrl}/site.js`, {
    headers: { 'if-none-match': response.headers.get('etag')! },
  });
  expect(again.status).toBe(304);
  expect((await fetch(`${gatewayUrl}/site.js`, { method: 'POST', body: '' })).status).toBe(405);
});

test('before the visitor has said yes nothing is stored or sent; with yes, what was seen follows', async () => {
  const page = await open('/ask');
  await page.click('#buy');
  const requests: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  await page.evaluate('history.pushState({}, "", "/ask/second")');
  expect(await kept(page)).toBe(0);
  expect(await received('/ask')).toEqual([]);
  expect(requests.filter((url) => url.includes('/v1/'))).toEqual([]);

  await page.evaluate('millrace.consent({ analytics: true, marketing: false })');
  await arrives(
    '/ask',
    'the second page',
    ({ type, context }) => type === 'page' && context.page.url.endsWith('/second'),
  );
  const events = await received('/ask');
  expect(events.map(({ type, event }) => event ?? type)).toEqual(['page', 'Clicked', 'Page Left', 'page']);
  expect(new Set(events.map(({ anonymousId }) => anonymousId)).size).toBe(1);
  for (const event of events)
    expect(event.consent).toEqual({ categoryPreferences: { analytics: true, marketing: false } });
  expect(await kept(page)).toBeGreaterThan(0);
});

test('no means no: what was held back is dropped, what was stored is removed', async () => {
  const page = await open('/no');
  await page.evaluate('millrace.consent({ analytics: true })');
  await arrives('/no', 'the page', ({ type }) => type === 'page');
  const before = (await received('/no')).length;
  await page.evaluate('millrace.consent({ analytics: false })');
  await page.click('#buy');
  await page.evaluate('millrace.track("Secret")');
  await page.goto('about:blank');
  expect((await received('/no')).length).toBe(before);
  const next = await page.context().newPage();
  await next.goto(`${siteUrl}/no/again`);
  expect(await next.evaluate('Object.keys(localStorage)')).toEqual(['millrace.consent']);
  await next.evaluate('millrace.track("Secret")');
  await arrivesFromAnother();
  expect(await received('/no/again')).toEqual([]);
  await next.evaluate('millrace.consent({ analytics: true }); millrace.track("Later")');
  await arrives('/no/again', 'what follows a later yes', ({ event }) => event === 'Later');
  expect((await received('/no/again')).map(({ event }) => event)).toEqual(['Later']);
});

test('who leaves without an answer is not told of', async () => {
  const page = await open('/silent');
  await page.click('#buy');
  await page.close({ runBeforeUnload: true });
  await arrivesFromAnother();
  expect(await received('/silent')).toEqual([]);
});

test('clicks, scroll depth and time arrive when the page is left, also by closing it', async () => {
  const page = await open('/leave?given');
  await page.click('#buy');
  await page.evaluate('scrollTo(0, document.documentElement.scrollHeight)');
  await waitUntil('it is scrolled', () => page.evaluate<boolean>('scrollY > 1000'));
  await page.evaluate(
    'new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))',
  );
  await page.close({ runBeforeUnload: true });
  await arrives('/leave', 'the session', ({ event }) => event === 'Session Duration');
  const events = await received('/leave');
  const of = (name: string) => events.find(({ event }) => event === name)?.properties;
  expect(of('Clicked')).toMatchObject({ tag: 'a', id: 'buy', text: 'Buy' });
  expect(of('Page Left')).toMatchObject({ scrollDepth: 100 });
  const { visibleMs, durationMs } = of('Session Duration') as Record<string, number>;
  expect(durationMs).toBeGreaterThanOrEqual(visibleMs!);
  expect(visibleMs).toBeGreaterThan(0);
  expect(JSON.stringify(events)).not.toContain('4111');
});

test('a visitor stays the same from page to page, is told by name, and can be forgotten', async () => {
  const page = await open('/who?given');
  await page.evaluate('millrace.identify("u-7", { plan: "plus" })');
  await page.goto(`${siteUrl}/who/two?given`);
  await arrives('/who/two', 'the second page', ({ type }) => type === 'page');
  const events = await received('/who');
  expect(new Set(events.map(({ anonymousId }) => anonymousId)).size).toBe(1);
  expect(events.filter(({ type }) => type === 'identify')).toMatchObject([{ userId: 'u-7' }]);
  expect((await received('/who/two')).every(({ userId }) => userId === 'u-7')).toBe(true);
  await page.evaluate('millrace.reset(); millrace.track("After")');
  await arrives('/who/two', 'the event of the next visitor', ({ event }) => event === 'After');
  const after = (await received('/who/two')).find(({ event }) => event === 'After');
  expect(after!.anonymousId).not.toBe(events[0]!.anonymousId);
  expect(after).not.toHaveProperty('userId');
});

test('Global Privacy Control turns every category but analytics to no, whatever was said', async () => {
  const page = await open('/gpc', { isGpc: true });
  await page.evaluate('millrace.consent({ analytics: true, marketing: true, advertising: true })');
  await arrives('/gpc', 'the page', ({ type }) => type === 'page');
  const [event] = await received('/gpc');
  expect(event!.consent).toEqual({
    categoryPreferences: { analytics: true, marketing: false, advertising: false },
  });
  // The gateway notes the header by itself, so that a page cannot forget it.
  expect(event!.gpc).toBe(true);
});

test('what a gateway cannot take now is sent again, once', async () => {
  const page = await open('/later', { hasClock: true });
  let tries = 0;
  await page.route('**/v1/batch', async (route) => {
    tries += 1;
    if (tries <= 2) await route.fulfill({ status: 503, headers: { 'access-control-allow-origin': '*' } });
    else await route.continue();
  });
  await page.evaluate('millrace.consent({ analytics: true })');
  await waitUntil('it was tried a third time', async () => {
    await page.clock.runFor(1_000);
    return tries >= 3;
  });
  await arrives('/later', 'the page', ({ type }) => type === 'page');
  await page.clock.runFor(60_000);
  expect((await received('/later')).filter(({ type }) => type === 'page')).toHaveLength(1);
  expect(tries).toBe(3);
});
