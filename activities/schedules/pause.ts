import { setTimeout } from 'node:timers/promises';

/** Waits. False where the wait was broken off. */
export async function pause(durationMs: number, signal: AbortSignal): Promise<boolean> {
  try {
    await setTimeout(durationMs, undefined, { signal });
    return true;
  } catch {
    return false;
  }
}
