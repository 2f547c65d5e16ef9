/**
 * What replication needs of the coordinator's alarm: it rings for the retry, which checks that all changes are
 * replicated.
 */
export interface ReplicationAlarm {
  /** When the retry is due; Infinity if there is nothing to check. */
  readonly replicationRetryAt: number;
  setReplicationRetryAt(at: number | null): void;
  /** Sets the retry for `at` unless it is set for sooner. */
  retryReplicationBy(at: number): void;
  /** Whether the alarm is set for `at` or before. */
  ringsBy(at: number, now: number): boolean;
  /** Makes sure that the alarm rings at `at` or before. */
  armBy(at: number, now: number): void;
  /** Sets the alarm for whatever comes first. */
  arm(now: number): void;
}
