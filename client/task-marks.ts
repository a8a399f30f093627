import type { TaskState } from '../core/dag/dag-spec.js';
import type { RunState } from '../core/run/ledger.js';

interface Mark {
  readonly symbol: string;
  readonly ascii: string;
  /** SGR parameter of a terminal. */
  readonly colour: number;
  /** Fill of a Mermaid class. */
  readonly fill: string;
}

export type MarkedState = TaskState | RunState;

const waiting: Mark = { symbol: '·', ascii: '.', colour: 90, fill: '#eceff1' };
const running: Mark = { symbol: '▶', ascii: 'R', colour: 36, fill: '#b2ebf2' };
const skipped: Mark = { symbol: '−', ascii: '-', colour: 35, fill: '#f8bbd0' };
const retrying: Mark = { symbol: '↻', ascii: 'Y', colour: 33, fill: '#fff59d' };

/** How a state is shown in a grid and in a graph. */
const marks: Readonly<Record<MarkedState, Mark>> = {
  none: { ...waiting, symbol: ' ', ascii: ' ' },
  scheduled: waiting,
  queued: waiting,
  running,
  restarting: running,
  deferred: running,
  success: { symbol: '■', ascii: 'S', colour: 32, fill: '#c8e6c9' },
  failed: { symbol: '✗', ascii: 'F', colour: 31, fill: '#ffcdd2' },
  skipped,
  cancelled: { symbol: '○', ascii: 'C', colour: 35, fill: '#f8bbd0' },
  upstream_failed: { symbol: '!', ascii: 'U', colour: 33, fill: '#ffe0b2' },
  up_for_retry: retrying,
  up_for_reschedule: retrying,
  removed: skipped,
};

export interface MarkStyle {
  readonly isAscii: boolean;
  readonly hasColour: boolean;
}

export function markOf(state: MarkedState, { isAscii, hasColour }: MarkStyle): string {
  const { symbol, ascii, colour } = marks[state];
  const text = isAscii ? ascii : symbol;
  return hasColour ? `\u001b[${String(colour)}m${text}\u001b[0m` : text;
}

export function fillOf(state: MarkedState): string {
  return marks[state].fill;
}

/** The marks of these states with their names, each once. */
export function legendOf(states: Iterable<MarkedState>, style: MarkStyle): string {
  const named = [...new Set(states)].filter((state) => state !== 'none').sort();
  return named.map((state) => `${markOf(state, style)} ${state}`).join('  ');
}
