/** The machine's monotonic clock in ms. All processes share it, so they can compare their instants. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
