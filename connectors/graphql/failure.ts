import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import { memberAt } from '../json-page.js';
import { costWaitMs, queryCostOf } from './cost.js';

type ErrorClass = 'throttled' | 'transient' | 'auth' | 'permanent';

/** Codes by which servers tell what kind of failure it is: those of Shopify, Apollo Server and GitHub. */
const classes: Readonly<Record<string, ErrorClass>> = {
  THROTTLED: 'throttled',
  RATE_LIMITED: 'throttled',
  RATE_LIMIT_EXCEEDED: 'throttled',
  TOO_MANY_REQUESTS: 'throttled',
  INTERNAL_SERVER_ERROR: 'transient',
  INTERNAL_ERROR: 'transient',
  SERVICE_UNAVAILABLE: 'transient',
  TIMEOUT: 'transient',
  UNAUTHENTICATED: 'auth',
  UNAUTHORIZED: 'auth',
  ACCESS_DENIED: 'auth',
  FORBIDDEN: 'auth',
};

/** The gravest first: what no repeat can mend is told before what one can. */
const gravity: readonly ErrorClass[] = ['auth', 'permanent', 'throttled', 'transient'];

interface Told {
  readonly code: string | undefined;
  readonly kind: ErrorClass;
  readonly error: unknown;
}

/**
 * The failure that an answer tells in `errors`, also where it has data beside them: a part of the data is not what was
 * asked for. Texts of the source stay out of the message, because they may repeat personal data; its codes and places do not.
 */
export function graphqlFailure(
  source: string,
  connection: string | undefined,
  document: unknown,
): PipelineError | undefined {
  const errors = memberAt(document, ['errors']);
  if (!isFilled(errors)) return undefined;
  const told = (Array.isArray(errors) ? errors : [errors]).map(toldBy);
  const [first] = [...told].sort((a, b) => gravity.indexOf(a.kind) - gravity.indexOf(b.kind)) as [Told];
  const reason = `a GraphQL error ${describe(first)}`;
  const cost = queryCostOf(document);
  if (cost !== undefined && cost.requested > cost.maximumAvailable) {
    const points = `${String(cost.requested)} points, and the budget holds ${String(cost.maximumAvailable)}`;
    return new PipelineError('SOURCE_REFUSED', {
      source,
      status: 200,
      reason: `the query costs ${points}: ask for smaller pages`,
    });
  }
  switch (first.kind) {
    case 'throttled': {
      const retryAfterMs = cost === undefined ? undefined : costWaitMs(cost);
      return new PipelineError(
        'SOURCE_RATE_LIMITED',
        { source, retryAfterMs: retryAfterMs ?? limits.rateLimitDefaultWaitMs },
        retryAfterMs === undefined ? {} : { retryAfterMs },
      );
    }
    case 'transient':
      return new PipelineError('SOURCE_UNAVAILABLE', { source, reason });
    case 'auth': {
      // As its status would say it: credentials that can be renewed are, on 401 alone.
      const status = first.code === 'UNAUTHENTICATED' ? 401 : 403;
      return new PipelineError('SOURCE_AUTH', { source, status, connection: connection ?? '-' });
    }
    case 'permanent':
      return new PipelineError('SOURCE_REFUSED', { source, status: 200, reason });
  }
}

function isFilled(errors: unknown): boolean {
  return Array.isArray(errors) ? errors.length > 0 : errors !== undefined && errors !== null;
}

function toldBy(error: unknown): Told {
  const code = [memberAt(error, ['extensions', 'code']), memberAt(error, ['type'])].find(isCode);
  const kind = code === undefined ? undefined : classes[code.toUpperCase()];
  return { code, kind: kind ?? 'permanent', error };
}

function isCode(value: unknown): value is string {
  return typeof value === 'string' && /^\w{1,64}$/.test(value);
}

/** `"undefinedField" at orders.nodes (line 3, column 5)`. */
function describe({ code, error }: Told): string {
  const path = memberAt(error, ['path']);
  const names = Array.isArray(path) ? path.filter((step) => /^\w{1,64}$/.test(String(step))) : [];
  const [location] = [memberAt(error, ['locations'])].flat();
  const [line, column] = [memberAt(location, ['line']), memberAt(location, ['column'])].map(Number);
  return [
    code === undefined ? 'without a code' : `"${code}"`,
    ...(names.length > 0 ? [`at ${names.join('.')}`] : []),
    ...(Number.isInteger(line) ? [`(line ${String(line)}, column ${String(column)} of the query)`] : []),
  ].join(' ');
}
