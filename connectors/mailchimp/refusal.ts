import { PipelineError } from '../../core/errors/index.js';
import type { RefusedAnswer } from '../http/index.js';

/**
 * What a refusal says in its problem document (RFC 7807): its title, and the id that Mailchimp's support asks for. The
 * detail stays out: it can repeat what was sent. Limits, outages and refused keys are left to their status.
 * Source: https://mailchimp.com/developer/marketing/docs/errors/.
 */
export function explainRefusal({ status, body }: RefusedAnswer): PipelineError | undefined {
  if ([401, 403, 408, 425, 429].includes(status) || status >= 500) return undefined;
  const { title, instance } = problemOf(body);
  if (typeof title !== 'string' || !/^[\w .,:'-]{1,100}$/.test(title)) return undefined;
  const named = typeof instance === 'string' && /^[\w-]{1,64}$/.test(instance) ? ` (${instance})` : '';
  return new PipelineError('SOURCE_REFUSED', { source: 'mailchimp', status, reason: `${title}${named}` });
}

function problemOf(body: string): { readonly title?: unknown; readonly instance?: unknown } {
  try {
    return { ...(JSON.parse(body) as object) };
  } catch {
    return {};
  }
}
