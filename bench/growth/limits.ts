/** What is over its limit, a sentence for each. PURE. */

import { quantile } from "../result.ts";
import type { Growth } from "./growth.ts";
import type { Series } from "./rounds.ts";

/** From the smallest size to the largest, nothing may take longer than this many times as long. */
export const FLAT = 1.3;
const START_MAX_MS = 50;
const BLOCKED_MAX_MS = 100;

/** Those that can't be flat, and why. */
const BOUNDED: Readonly<Record<string, string>> = {
  "list, two filters that nothing passes":
    "it looks at 5000 rows at most, and the smallest has fewer that the first filter finds",
};

/** The median of the rounds' own ratios, and between what the middle half of them lies. */
export function ratioOf(series: readonly Series[]): { ratio: number; middle: readonly [number, number] } {
  const [smallest, largest] = [series[0]?.rounds ?? [], series.at(-1)?.rounds ?? []];
  const each = smallest.map((ms, round) => (largest[round] ?? Number.NaN) / ms);
  return { ratio: quantile(each, 0.5), middle: [quantile(each, 0.25), quantile(each, 0.75)] };
}

/** Every series of a layout, with how the layout is told. */
export function layoutsOf({ operations }: Growth): (readonly [string, readonly Series[]])[] {
  return operations.flatMap(({ one, spread }) =>
    (
      [
        ["one environment", one],
        ["over 100", spread],
      ] as const
    ).filter(([, series]) => series.length > 0),
  );
}

export function overOf(growth: Growth): string[] {
  const { statements, cold, busy } = growth;
  const notFlat = layoutsOf(growth).flatMap(([where, series]) => {
    const { operation = "", callers = 0 } = series[0] ?? {};
    const { ratio } = ratioOf(series);
    const why = BOUNDED[operation] === undefined ? "" : ` (${BOUNDED[operation]})`;
    return ratio > FLAT
      ? [`${operation}, callers: ${callers}, ${where}: ${ratio.toFixed(2)} times${why}`]
      : [];
  });
  const walking = statements.flatMap(({ during, sql, walks }) =>
    walks.map((step) => `${during}: ${step}, in ${sql}`),
  );
  const startMs = Math.max(cold.full.firstMs, cold.longerMs);
  return [
    ...notFlat,
    ...walking,
    ...(startMs > START_MAX_MS ? [`a start takes ${startMs.toFixed(1)} ms`] : []),
    ...(busy.during.maxMs > BLOCKED_MAX_MS
      ? [`retention: a callback took ${busy.during.maxMs.toFixed(1)} ms`]
      : []),
  ];
}
