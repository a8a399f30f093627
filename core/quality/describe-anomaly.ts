import type { AnomalyFinding } from './anomaly.js';

/** An anomaly in a sentence. */
export function describeAnomaly(finding: AnomalyFinding): string {
  const { correction } = finding;
  if (correction === undefined) return describeFinding(finding);
  const { rule, values, quarantined } = correction;
  const done = [
    ...(values > 0 || quarantined === 0 ? [`${String(values)} values corrected`] : []),
    ...(quarantined > 0 ? [`${String(quarantined)} rows quarantined`] : []),
  ].join(', ');
  return `${describeFinding(finding)}; ${done} (${rule})`;
}

function describeFinding({ measure, column = '', actual, expected, score }: AnomalyFinding): string {
  switch (measure) {
    case 'volume':
      return `${String(actual)} rows where about ${String(Math.round(expected))} are usual`;
    case 'null-rate':
      return `column "${column}": ${percent(actual)} null where ${percent(expected)} is usual`;
    case 'distribution':
      return `column "${column}": its values are distributed otherwise than before (stability index ${score.toFixed(2)})`;
    case 'check':
      return `column "${column}": ${percent(actual)} of its values miss a check`;
  }
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
