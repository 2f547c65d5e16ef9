/** What the soak must know about the service's bookmarks. */

const RUN_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Whether a bookmark names a run, because D1 may be behind. */
export function saysBehind(bookmark: string | null): boolean {
  return (bookmark ?? "").split(/[.,]\s*/).some((part) => RUN_ID.test(part));
}
