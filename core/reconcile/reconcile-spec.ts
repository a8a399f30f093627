import type { TimedSchedule } from '../schedule/schedule-spec.js';

/** How often a table is compared with its source by itself, and whether what differs is healed. */
export interface ReconcileSpec {
  readonly schedule: TimedSchedule;
  readonly inFlightMs: number;
  /** Only rows of so long before the comparison; all of them where it is absent. */
  readonly windowMs?: number;
  readonly heal?: HealSpec;
}

/** What a reconcile may change. */
export interface HealSpec {
  /** More differing keys than this are left alone. */
  readonly maxKeys: number;
  /** Rows that the source no longer has are taken away as well. */
  readonly deletions: boolean;
  /** Heals more than `maxKeys`, up to `limits.reconcileHealMaxKeys`. */
  readonly isApproved: boolean;
}
