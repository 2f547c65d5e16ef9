/** How deep JSON nests. PURE. */

/** Whether arrays and objects nest deeper than `levels`. Recursion stops there, so the answer is safe for any value. */
export function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((member) => isDeeperThan(member, levels - 1));
}
