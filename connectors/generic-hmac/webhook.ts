import type { KeyObject } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { JsonObject } from '../../core/json.js';
import { limits } from '../../core/limits.js';
import {
  hmac,
  isSignedByAny,
  refuseSetup,
  sha256,
  signatureBytes,
  singleHeader,
  textKeys,
  timeProblem,
} from '../webhook/check.js';
import { plainEvents } from '../webhook/plain-events.js';
import type { WebhookProvider, WebhookSetup, WebhookVerifier } from '../webhook/provider.js';

/** Any sender that signs its body with an HMAC: say where the signature is and what it covers. */
export const webhook: WebhookProvider = {
  title: 'HMAC of your own',
  checks: 'HMAC over the body, with a time where the sender signs one',
  secret: 'the shared secret, as text',
  options: {
    type: 'object',
    additionalProperties: false,
    required: ['header'],
    properties: {
      header: { type: 'string', pattern: '^[A-Za-z0-9-]{1,64}$', description: 'Header of the signature.' },
      algorithm: { enum: ['sha256', 'sha512', 'sha1'], description: 'Default: `sha256`.' },
      encoding: { enum: ['hex', 'base64'], description: 'Form of the signature. Default: `hex`.' },
      prefix: { type: 'string', maxLength: 32, description: 'Text before the signature, such as `sha256=`.' },
      timestampHeader: {
        type: 'string',
        pattern: '^[A-Za-z0-9-]{1,64}$',
        description: 'Header with seconds since 1970; `<time>.<body>` is signed then.',
      },
      combined: {
        type: 'boolean',
        description: 'The header holds both, as `t=<seconds>,v1=<signature>`, and `<time>.<body>` is signed.',
      },
      idHeader: {
        type: 'string',
        pattern: '^[A-Za-z0-9-]{1,64}$',
        description:
          'Header with an id that repeats keep. It is not signed; without it, the body makes the id.',
      },
    },
  },
  createVerifier,
  events: plainEvents,
};

const sizes = { sha1: 20, sha256: 32, sha512: 64 } as const;

interface Rules {
  readonly header: string;
  readonly algorithm: keyof typeof sizes;
  readonly encoding: 'hex' | 'base64';
  readonly prefix: string;
  readonly timestampHeader: string | undefined;
  readonly isCombined: boolean;
  readonly idHeader: string | undefined;
}

function createVerifier(setup: WebhookSetup): WebhookVerifier {
  const rules = readRules(setup.options);
  if (rules === undefined) return refuseSetup(setup.source, '.options.header is missing');
  const keys: readonly KeyObject[] = textKeys(setup.secrets);
  const toleranceMs = setup.toleranceMs ?? limits.webhookToleranceMs;
  return {
    begin({ headers, nowMs }) {
      const head = rules.isCombined ? readCombined(headers, rules) : readSeparate(headers, rules);
      if (typeof head === 'string') return head;
      const { timestamp, signatures } = head;
      if (timestamp !== undefined) {
        const stale = timeProblem(Number(timestamp) * 1000, nowMs, toleranceMs);
        if (stale !== undefined) return stale;
      }
      return (body) => {
        const sign = (key: KeyObject) =>
          hmac(rules.algorithm, key, timestamp === undefined ? '' : `${timestamp}.`, body);
        let isValid = false;
        for (const signature of signatures) if (isSignedByAny(keys, sign, signature)) isValid = true;
        if (!isValid) return { refused: 'no signature fits its bytes' };
        const digest = sha256(body).toString('hex');
        const ownId = rules.idHeader === undefined ? undefined : singleHeader(headers, rules.idHeader);
        return { accepted: { id: ownId ?? digest, repeatKey: digest } };
      };
    },
  };
}

interface SignatureHead {
  readonly timestamp: string | undefined;
  readonly signatures: readonly Buffer[];
}

function readSeparate(headers: IncomingHttpHeaders, rules: Rules): SignatureHead | string {
  const text = singleHeader(headers, rules.header);
  if (text?.startsWith(rules.prefix) !== true)
    return `the header ${rules.header} is missing or has another form`;
  const signature = signatureBytes(text.slice(rules.prefix.length), rules.encoding, sizes[rules.algorithm]);
  if (signature === undefined) return `the header ${rules.header} is no signature`;
  if (rules.timestampHeader === undefined) return { timestamp: undefined, signatures: [signature] };
  const timestamp = singleHeader(headers, rules.timestampHeader);
  if (timestamp === undefined || !/^\d{1,12}$/.test(timestamp))
    return `the header ${rules.timestampHeader} is no time in seconds`;
  return { timestamp, signatures: [signature] };
}

/** `t=…,v1=…,v1=…`: one time exactly, a bounded number of signatures; other versions are skipped. */
function readCombined(headers: IncomingHttpHeaders, rules: Rules): SignatureHead | string {
  const parts = singleHeader(headers, rules.header)?.split(',', limits.webhookMaxSignatures + 2) ?? [];
  const times = parts.filter((part) => part.startsWith('t=')).map((part) => part.slice(2));
  const texts = parts.filter((part) => part.startsWith('v1=')).map((part) => part.slice(3));
  const [timestamp] = times;
  if (times.length !== 1 || timestamp === undefined || !/^\d{1,12}$/.test(timestamp))
    return `the header ${rules.header} does not hold exactly one time in seconds`;
  if (parts.length > limits.webhookMaxSignatures + 1)
    return `it has more than ${String(limits.webhookMaxSignatures)} signatures`;
  const signatures = texts.flatMap(
    (text) => signatureBytes(text, rules.encoding, sizes[rules.algorithm]) ?? [],
  );
  return signatures.length === 0
    ? `the header ${rules.header} holds no signature`
    : { timestamp, signatures };
}

function readRules(options: JsonObject): Rules | undefined {
  const text = (name: string) => {
    const value = options[name];
    return typeof value === 'string' ? value : undefined;
  };
  const header = text('header')?.toLowerCase();
  if (header === undefined) return undefined;
  return {
    header,
    algorithm: (text('algorithm') ?? 'sha256') as keyof typeof sizes,
    encoding: text('encoding') === 'base64' ? 'base64' : 'hex',
    prefix: text('prefix') ?? '',
    timestampHeader: text('timestampHeader')?.toLowerCase(),
    isCombined: options['combined'] === true,
    idHeader: text('idHeader')?.toLowerCase(),
  };
}
