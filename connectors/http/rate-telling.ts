import { limits } from '../../core/limits.js';
import type { RateRule, RateTelling } from '../../core/rates/rate-state.js';
import { answeredAtMs } from './answered-at.js';
import { rateLimitFamilies, resetInMs } from './rate-limit.js';

/**
 * What the headers of an answer tell of a limit; `undefined` where nothing. Read are those of HubSpot (API usage guidelines),
 * Shopify's REST API (API rate limits), the drafts of the IETF (draft-ietf-httpapi-ratelimit-headers, of which Klaviyo sends an
 * early one) and the common `X-RateLimit-*`. Instants are compared with the answer's own `Date`.
 */
export function rateTellingOf(headers: Headers): RateTelling | undefined {
  return ofHubspot(headers) ?? ofShopify(headers) ?? ofDraft(headers) ?? ofFamilies(headers);
}

function ofHubspot(headers: Headers): RateTelling | undefined {
  const [limit, remaining, perMs] = ['max', 'remaining', 'interval-milliseconds'].map((name) =>
    wholeNumber(headers.get(`x-hubspot-ratelimit-${name}`)),
  );
  if (limit === undefined || remaining === undefined || perMs === undefined) return undefined;
  return { ...rulesOf([ruleOf(limit, perMs)]), remaining, limit, resetsInMs: bounded(perMs) };
}

/** `39/40`: calls in a bucket that is empty again twenty seconds after it was full, on every plan. */
function ofShopify(headers: Headers): RateTelling | undefined {
  const size = /^\d+\/(\d+)$/.exec(headers.get('x-shopify-shop-api-call-limit')?.trim() ?? '')?.[1];
  return size === undefined ? undefined : rulesOf([ruleOf(Number(size), limits.shopifyBucketMs)]);
}

/** `RateLimit: "default";r=50;t=30` or `limit=100, remaining=50, reset=30`, and `RateLimit-Policy: "default";q=100;w=60`. */
function ofDraft(headers: Headers): RateTelling | undefined {
  const told = headers.get('ratelimit');
  const rules = rulesOf(policiesOf(headers.get('ratelimit-policy')));
  if (told === null) return rules.rules === undefined ? undefined : { ...rules, ...ofFamilies(headers) };
  const number = (...names: string[]): number | undefined =>
    wholeNumber(new RegExp(String.raw`(?:^|[;,\s])(?:${names.join('|')})\s*=\s*(\d+)`).exec(told)?.[1]);
  const [remaining, seconds] = [number('r', 'remaining'), number('t', 'reset')];
  if (remaining === undefined || seconds === undefined) return rules;
  const limit = number('limit');
  return {
    ...rules,
    remaining,
    ...(limit !== undefined && { limit }),
    resetsInMs: bounded(seconds * 1000),
  };
}

/** `…-Limit`, `…-Remaining` and `…-Reset`; a limit may go on with policies: `3, 3;w=1, 60;w=60`. */
function ofFamilies(headers: Headers): RateTelling | undefined {
  for (const family of rateLimitFamilies) {
    const remaining = wholeNumber(headers.get(`${family}-remaining`));
    const resetsInMs = resetInMs(headers.get(`${family}-reset`), answeredAtMs(headers));
    if (remaining === undefined || resetsInMs === undefined) continue;
    const told = headers.get(`${family}-limit`);
    const limit = wholeNumber(told?.split(/[,;]/)[0]);
    return {
      ...rulesOf(policiesOf(told)),
      remaining,
      ...(limit !== undefined && { limit }),
      resetsInMs: bounded(resetsInMs),
    };
  }
  return undefined;
}

/** Policies that count requests: `"burst";q=3;w=1`, or `3;w=1`. */
function policiesOf(text: string | null | undefined): readonly (RateRule | undefined)[] {
  return (text ?? '').split(',').map((item) => {
    if (/;\s*qu\s*=\s*"(?!requests")/.test(item)) return undefined;
    const units = /;\s*q\s*=\s*(\d+)/.exec(item)?.[1] ?? /^\s*(\d+)\s*;/.exec(item)?.[1];
    const seconds = /;\s*w\s*=\s*(\d+)/.exec(item)?.[1];
    return ruleOf(Number(units), Number(seconds) * 1000);
  });
}

function ruleOf(units: number, perMs: number): RateRule | undefined {
  return units > 0 && perMs > 0 && perMs <= limits.rateResetMaxMs ? { units, perMs } : undefined;
}

function rulesOf(found: readonly (RateRule | undefined)[]): Pick<RateTelling, 'rules'> {
  const rules = found.filter((rule) => rule !== undefined).slice(0, limits.rateMaxRules);
  return rules.length === 0 ? {} : { rules };
}

function bounded(waitMs: number): number {
  return Math.min(Math.max(waitMs, 0), limits.rateResetMaxMs);
}

function wholeNumber(text: string | null | undefined): number | undefined {
  const trimmed = text?.trim() ?? '';
  return /^\d{1,15}$/.test(trimmed) ? Number(trimmed) : undefined;
}
