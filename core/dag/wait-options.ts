import { dagDefaults } from './dag-defaults.js';
import type { DurationInput } from '../duration.js';
import { parseInstant } from '../interval.js';
import type { SpecDraft } from './spec-draft.js';
import type { TimerOptions } from './task-options.js';
import type { PokeSpec, TimerTask } from './task-spec.js';

/** How often and how long a sensor looks. */
export function readPoke(
  draft: SpecDraft,
  taskId: string,
  options: {
    readonly pokeInterval?: DurationInput;
    readonly timeout?: DurationInput;
    readonly softFail?: boolean;
  },
): PokeSpec {
  const at = `task "${taskId}"`;
  return {
    pokeIntervalMs: draft.duration(options.pokeInterval ?? dagDefaults.pokeIntervalMs, `${at}: pokeInterval`),
    timeoutMs: draft.duration(options.timeout ?? dagDefaults.sensorTimeoutMs, `${at}: timeout`),
    softFail: options.softFail ?? false,
  };
}

/** Until when a timer waits. */
export function readUntil(draft: SpecDraft, taskId: string, { until }: TimerOptions): TimerTask['until'] {
  const at = `task "${taskId}": until`;
  if ('at' in until) {
    const instant = parseInstant(until.at);
    if (instant === undefined)
      draft.problems.push(`${at}: "${until.at}" is not a date or an instant with a zone`);
    return { kind: 'instant', at: instant ?? until.at };
  }
  return 'afterInterval' in until
    ? { kind: 'after-interval', delayMs: draft.duration(until.afterInterval, at) }
    : { kind: 'after-start', delayMs: draft.duration(until.afterStart, at) };
}
