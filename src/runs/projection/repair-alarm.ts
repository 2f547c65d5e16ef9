/**
 * What the projection needs of the coordinator's alarm: it rings for the repair, which checks that all changes have
 * landed.
 */
export interface RepairAlarm {
  /** When the repair is due; Infinity if there is nothing to check. */
  readonly repairAt: number;
  setRepairAt(at: number | null): void;
  /** Sets the repair for `at` unless it is set for sooner. */
  repairBy(at: number): void;
  /** Whether the alarm is set for `at` or before. */
  ringsBy(at: number, now: number): boolean;
  /** Makes sure that the alarm rings at `at` or before. */
  armBy(at: number, now: number): void;
  /** Sets the alarm for whatever comes first. */
  arm(now: number): void;
}
