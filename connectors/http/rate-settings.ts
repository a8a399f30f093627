import { parseDuration } from '../../core/duration.js';
import { PipelineError } from '../../core/errors/index.js';
import type { JsonObject, JsonValue } from '../../core/json.js';
import { limits } from '../../core/limits.js';
import type { RateRule } from '../../core/rates/rate-state.js';

/**
 * The limits that a connection declares: `rate` is `{"requests": 100, "per": "10s"}`, or a list of such. All of them hold.
 *
 * @throws PipelineError CONNECTION_INVALID naming every problem
 */
export function rateRulesOf(connection: string, { rate }: JsonObject): readonly RateRule[] | undefined {
  if (rate === undefined) return undefined;
  const entries = Array.isArray(rate) ? rate : [rate];
  const problems: string[] = [];
  if (entries.length === 0 || entries.length > limits.rateMaxRules)
    problems.push(`rate must be one limit, or a list of 1 to ${String(limits.rateMaxRules)} limits`);
  const rules = entries.map((entry, index) =>
    ruleOf(entry, Array.isArray(rate) ? `rate[${String(index)}]` : 'rate', problems),
  );
  const spans = rules.map(({ perMs }) => perMs);
  if (problems.length === 0 && new Set(spans).size < spans.length)
    problems.push('rate has two limits with the same "per"');
  if (problems.length > 0) throw new PipelineError('CONNECTION_INVALID', { connection, problems });
  return rules;
}

function ruleOf(entry: JsonValue, place: string, problems: string[]): RateRule {
  const nothing = { units: 0, perMs: 0 };
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    problems.push(`${place} must be an object such as {"requests": 100, "per": "10s"}`);
    return nothing;
  }
  const { requests, per, ...others } = entry;
  for (const name of Object.keys(others)) problems.push(`${place} has the unknown key "${name}"`);
  const isCount = typeof requests === 'number' && Number.isSafeInteger(requests) && requests > 0;
  if (!isCount) problems.push(`${place}.requests must be a whole number above zero`);
  const perMs = typeof per === 'string' || typeof per === 'number' ? parseDuration(per) : undefined;
  if (perMs === undefined || perMs === 0 || perMs > limits.rateResetMaxMs)
    problems.push(`${place}.per must be a time of at most a day, such as "10s"`);
  return isCount && perMs !== undefined ? { units: requests, perMs } : nothing;
}
