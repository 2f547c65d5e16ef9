/**
 * What the soak must know about the service's bookmarks: which coordinators one names, because D1 may be behind there.
 */

const RUN_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The coordinators, each by the part of a run id that names it. */
export function coordinatorsIn(bookmark: string | null): ReadonlySet<string> {
  const parts = (bookmark ?? "").split(/[.,]\s*/);
  return new Set(parts.filter((part) => RUN_ID.test(part)).map(coordinatorOf));
}

/** The same part of a run's id. */
export function coordinatorOf(id: string): string {
  return id.slice(14, 18);
}

/** The number of that coordinator. */
export function coordinatorNumber(id: string): number {
  return Number.parseInt(id.slice(15, 18), 16);
}
