import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TrafficTruth } from './site-traffic.js';

/** What the outside world of the demo has done so far; a second start goes on from here. */
export interface DemoState {
  readonly shopSteps: number;
  /** Set once all events have been sent. */
  readonly traffic?: TrafficTruth;
}

const fileName = 'demo-state.json';

export function readDemoState(dataDirectory: string): DemoState {
  try {
    return JSON.parse(readFileSync(join(dataDirectory, fileName), 'utf8')) as DemoState;
  } catch {
    return { shopSteps: 0 };
  }
}

export function writeDemoState(dataDirectory: string, state: DemoState): void {
  mkdirSync(dataDirectory, { recursive: true });
  writeFileSync(join(dataDirectory, fileName), JSON.stringify(state));
}
