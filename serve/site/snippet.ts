/**
 * The script for pages of one's own: page views, clicks, how far a page was scrolled, how long a session lasted. It sends
 * events of the Segment specification to the gateway that serves it.
 *
 * Nothing is stored or sent before the visitor has said yes to `analytics`; with Global Privacy Control every other
 * category stays no. Values of form fields are never read.
 */
(() => {
  type Categories = Record<string, boolean>;
  type Members = Record<string, unknown>;

  const script = document.currentScript as HTMLScriptElement | null;
  const writeKey = script?.dataset['writeKey'];
  if (script === null || writeKey === undefined) return;
  const endpoint = new URL('v1/batch', script.src).href;
  const isGpc = (navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl === true;

  const queueMax = 100;
  const flushAfterMs = 2_000;
  const sessionIdleMs = 30 * 60_000;
  const names = {
    id: 'millrace.id',
    session: 'millrace.session',
    user: 'millrace.user',
    consent: 'millrace.consent',
  };

  let consent: Categories | undefined;
  let queue: Members[] = [];
  let timer: number | undefined;
  let anonymousId: string = crypto.randomUUID();
  let userId: string | undefined;
  let session = {
    id: crypto.randomUUID() as string,
    startedAt: Date.now(),
    seenAt: Date.now(),
    visibleMs: 0,
  };
  let visibleSince: number | undefined;
  let depth = 0;
  let path = '';

  const mayKeep = () => consent?.['analytics'] === true;
  const load = (name: string): unknown => {
    try {
      return JSON.parse(localStorage.getItem(name) ?? 'null');
    } catch {
      return null;
    }
  };
  const store = (name: string, value: unknown) => {
    try {
      if (value === undefined) localStorage.removeItem(name);
      else localStorage.setItem(name, JSON.stringify(value));
    } catch {
      // A browser that stores nothing gives each page a visitor of its own.
    }
  };

  const context = () => ({
    page: { path: location.pathname, url: location.href, title: document.title, referrer: document.referrer },
    locale: navigator.language,
    userAgent: navigator.userAgent,
    screen: { width: innerWidth, height: innerHeight },
    sessionId: session.id,
    consent: { categoryPreferences: consent },
    library: { name: 'millrace-site', version: '1' },
  });

  const add = (type: string, members: Members) => {
    if (consent !== undefined && !mayKeep()) return;
    const now = Date.now();
    if (now - session.seenAt > sessionIdleMs)
      session = { id: crypto.randomUUID(), startedAt: now, seenAt: now, visibleMs: 0 };
    session.seenAt = now;
    queue.push({
      type,
      messageId: crypto.randomUUID(),
      timestamp: new Date(now).toISOString(),
      ...members,
      context: context(),
    });
    if (queue.length > queueMax) queue.shift();
    if (mayKeep()) {
      store(names.session, session);
      timer ??= setTimeout(() => flush(false), flushAfterMs);
    }
  };

  const flush = (isLeaving: boolean) => {
    clearTimeout(timer);
    timer = undefined;
    if (!mayKeep() || queue.length === 0) return;
    const events = queue.splice(0, 20).map((event) => ({
      anonymousId,
      ...(userId !== undefined && { userId }),
      ...event,
      // What was held back until the answer carries the answer.
      context: { ...(event['context'] as Members), consent: { categoryPreferences: consent } },
    }));
    const body = JSON.stringify({ writeKey, sentAt: new Date().toISOString(), batch: events });
    // As text/plain, which a page may send to another origin without asking first.
    const isSent = isLeaving && navigator.sendBeacon(endpoint, body);
    if (!isSent) {
      fetch(endpoint, {
        method: 'POST',
        body,
        keepalive: isLeaving,
        headers: { 'content-type': 'text/plain' },
      })
        .then((response) => {
          if (response.status === 429 || response.status > 499) throw new Error();
        })
        .catch(() => {
          // Same ids, so what arrived all the same is known there.
          queue = [...events, ...queue].slice(0, queueMax);
          timer ??= setTimeout(() => flush(false), flushAfterMs * 5);
        });
    }
    if (queue.length > 0) flush(isLeaving);
  };

  const scrolled = () => {
    const { scrollHeight } = document.documentElement;
    depth = Math.max(depth, Math.min(100, Math.round(((scrollY + innerHeight) / scrollHeight) * 100)));
  };
  const visible = () => {
    const now = Date.now();
    if (visibleSince !== undefined) session.visibleMs += now - visibleSince;
    visibleSince = document.visibilityState === 'visible' ? now : undefined;
  };
  const leavePage = () => {
    if (path === '') return;
    visible();
    add('track', { event: 'Page Left', properties: { path, scrollDepth: depth } });
  };
  const enterPage = () => {
    if (location.pathname + location.search === path) return;
    leavePage();
    path = location.pathname + location.search;
    depth = 0;
    scrolled();
    page();
  };
  const leaveSite = () => {
    leavePage();
    const { visibleMs, startedAt } = session;
    const properties = { visibleMs, durationMs: Date.now() - startedAt };
    add('track', { event: 'Session Duration', properties });
    flush(true);
  };

  const page = (name?: string, properties?: Members) =>
    add('page', {
      name,
      properties: { path: location.pathname, url: location.href, title: document.title, ...properties },
    });

  const setConsent = (given: Categories) => {
    consent = Object.fromEntries(
      Object.entries(given).map(([category, isYes]) => [
        category,
        isYes && (!isGpc || category === 'analytics'),
      ]),
    );
    if (mayKeep()) {
      store(names.consent, consent);
      store(names.id, anonymousId);
      store(names.session, session);
      flush(false);
    } else {
      queue = [];
      for (const name of Object.values(names)) store(name, undefined);
      store(names.consent, consent);
    }
  };

  const known = load(names.consent) as Categories | null;
  if (known !== null) consent = known;
  if (mayKeep()) {
    anonymousId = (load(names.id) as string | null) ?? anonymousId;
    userId = (load(names.user) as string | null) ?? undefined;
    const before = load(names.session) as typeof session | null;
    if (before !== null && Date.now() - before.seenAt < sessionIdleMs) session = before;
    setConsent(consent ?? {});
  } else if (script.dataset['consent'] === 'given' && known === null)
    setConsent({ analytics: true, marketing: true });

  addEventListener('scroll', scrolled, { passive: true });
  document.addEventListener(
    'click',
    (event) => {
      const element = (event.target as Element | null)?.closest('a,button,[data-track]');
      if (!element) return;
      const { dataset, id, tagName } = element as HTMLElement;
      const href = (element as HTMLAnchorElement).href;
      const text = dataset['track'] ?? element.textContent.trim().slice(0, 80);
      add('track', { event: 'Clicked', properties: { tag: tagName.toLowerCase(), id, text, href } });
    },
    true,
  );
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'hidden') leaveSite();
    else visible();
  });
  addEventListener('pagehide', () => flush(true));
  addEventListener('popstate', enterPage);
  const push = history.pushState.bind(history);
  history.pushState = (...change) => {
    push(...change);
    enterPage();
  };

  Object.assign(globalThis, {
    millrace: {
      consent: setConsent,
      page,
      track: (event: string, properties?: Members) => add('track', { event, properties }),
      identify: (id: string, traits?: Members) => {
        userId = id;
        if (mayKeep()) store(names.user, id);
        add('identify', { userId: id, traits });
      },
      /** Forgets the visitor: a new one begins. */
      reset: () => {
        flush(false);
        userId = undefined;
        anonymousId = crypto.randomUUID();
        store(names.user, undefined);
        if (mayKeep()) store(names.id, anonymousId);
      },
    },
  });
  visible();
  enterPage();
})();
