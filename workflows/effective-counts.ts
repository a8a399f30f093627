import type { Manifest, RowCounts } from '../core/loading/manifest.js';

/** What a load did now: where it was committed before it changed nothing, and its rows count as unchanged. */
export function effectiveCounts(manifest: Manifest): RowCounts {
  if (manifest.load?.alreadyCommitted !== true) return manifest.counts;
  const { extracted, quarantined, withheld } = manifest.counts;
  return {
    extracted,
    loaded: 0,
    unchanged: extracted - quarantined - withheld,
    superseded: 0,
    quarantined,
    withheld,
  };
}
