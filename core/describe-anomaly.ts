import type { AnomalyFinding } from './anomaly.js';

/** An anomaly in a sentence. */
export function describeAnomaly({ measure, column = '', actual, expected, score }: AnomalyFinding): string {
  switch (measure) {
    case 'volume':
      return `${String(actual)} rows where about ${String(Math.round(expected))} are usual`;
    case 'null-rate':
      return `column "${column}": ${percent(actual)} null where ${percent(expected)} is usual`;
    case 'distribution':
      return `column "${column}": its values are distributed otherwise than before (stability index ${score.toFixed(2)})`;
  }
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
