import type {
  AnomalyFinding,
  AnomalyGateConfig,
  AnomalyMeasure,
  BatchProfile,
  ColumnProfile,
} from './anomaly.js';

/**
 * What of a batch is not like the batches before it. Robust: the median and the median absolute deviation (MAD) of the
 * batches before, so that a few odd ones among them change little. Each measure has a least deviation, so that batches
 * which were all alike do not make every difference an anomaly: for a volume 5 % and the square root, for a null rate one
 * percentage point and what chance alone does in so few rows. Distributions are compared by the population stability index
 * with all batches before taken together.
 *
 * The same input gives the same findings. Fewer than `warmUp` batches give none.
 */
export function findAnomalies(
  profile: BatchProfile,
  baseline: readonly BatchProfile[],
  config: AnomalyGateConfig,
): AnomalyFinding[] {
  if (baseline.length < config.warmUp) return [];
  const wants = (measure: AnomalyMeasure): boolean => config.measures.includes(measure);
  const findings: (AnomalyFinding | undefined)[] = [];
  if (wants('volume'))
    findings.push(
      outlier(
        'volume',
        profile.rows,
        baseline.map(({ rows }) => rows),
        (median) => Math.max(0.05 * median, Math.sqrt(median), 1),
        config,
      ),
    );
  for (const column of Object.keys(profile.columns).sort()) {
    if (profile.rows === 0 || config.columns?.includes(column) === false) continue;
    const own = profile.columns[column];
    const before = baseline.filter(({ rows, columns }) => rows > 0 && columns[column] !== undefined);
    if (own === undefined || before.length < config.warmUp) continue;
    if (wants('null-rate')) {
      const rates = before.map(({ rows, columns }) => (columns[column]?.nulls ?? 0) / rows);
      const leastScale = (median: number) =>
        Math.max(0.01, Math.sqrt((median * (1 - median)) / profile.rows));
      const found = outlier('null-rate', own.nulls / profile.rows, rates, leastScale, config);
      if (found !== undefined) findings.push({ ...found, column });
    }
    if (wants('distribution')) {
      const histograms = before
        .map(({ columns }) => columns[column]?.histogram)
        .filter((counts) => counts !== undefined);
      findings.push(shifted(column, own, histograms, config));
    }
  }
  return findings.filter((finding) => finding !== undefined);
}

function outlier(
  measure: AnomalyMeasure,
  actual: number,
  before: readonly number[],
  leastScale: (median: number) => number,
  { deviations: threshold }: AnomalyGateConfig,
): AnomalyFinding | undefined {
  const expected = medianOf(before);
  const mad = medianOf(before.map((value) => Math.abs(value - expected)));
  // 1.4826 makes the MAD of normally distributed values their standard deviation.
  const score = Math.abs(actual - expected) / Math.max(1.4826 * mad, leastScale(expected));
  return score > threshold ? { measure, actual, expected, score, threshold } : undefined;
}

function shifted(
  column: string,
  { histogram }: ColumnProfile,
  before: readonly Readonly<Record<string, number>>[],
  { warmUp, stabilityOver }: AnomalyGateConfig,
): AnomalyFinding | undefined {
  if (histogram === undefined || before.length < warmUp) return undefined;
  const pooled: Record<string, number> = {};
  for (const counts of before)
    for (const [bin, count] of Object.entries(counts)) pooled[bin] = (pooled[bin] ?? 0) + count;
  const bins = [...new Set([...Object.keys(pooled), ...Object.keys(histogram)])].sort();
  const [own, all] = [histogram, pooled].map((counts) =>
    Object.values(counts).reduce((sum, count) => sum + count, 0),
  ) as [number, number];
  if (own === 0 || all === 0) return undefined;
  const score = stabilityIndex(bins, histogram, pooled);
  // What chance alone gives to two samples of one distribution, three times over.
  const byChance = 3 * (bins.length - 1) * (1 / own + 1 / all);
  const threshold = Math.max(stabilityOver, byChance);
  return score > threshold
    ? { measure: 'distribution', column, actual: score, expected: 0, score, threshold }
    : undefined;
}

/** Population stability index of two histograms; half a row is added to each bin, so that an empty one has a logarithm. */
export function stabilityIndex(
  bins: readonly string[],
  actual: Readonly<Record<string, number>>,
  expected: Readonly<Record<string, number>>,
): number {
  const shareOf = (counts: Readonly<Record<string, number>>) => {
    const total = bins.reduce((sum, bin) => sum + (counts[bin] ?? 0) + 0.5, 0);
    return (bin: string) => ((counts[bin] ?? 0) + 0.5) / total;
  };
  const [a, b] = [shareOf(actual), shareOf(expected)];
  return bins.reduce((sum, bin) => sum + (a(bin) - b(bin)) * Math.log(a(bin) / b(bin)), 0);
}

/** The middle value; between two, their mean. */
export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}
