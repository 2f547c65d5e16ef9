/** The result as an SVG on a logarithmic scale: a bar for each ratio, and a mark at its target. */

import type { Ratio, Result } from "./result.ts";
import { caption, write } from "./tell.ts";

const [WIDTH, LEFT, RIGHT, TOP] = [860, 300, 90, 50];
const [ROW, GAP] = [20, 12];
const [LOWEST, HIGHEST] = [0.25, 16];
const GRID = [0.25, 0.5, 1, 2, 4, 8, 16];

/** `file`: undefined if there is to be no picture. */
export function drawPlot(file: string | undefined, result: Result): void {
  if (file !== undefined) write(file, toSvg(result, caption()));
}

function toSvg({ ratios }: Result, caption: string): string {
  let y = TOP;
  const rows = ratios.map((ratio, i) => {
    const before = ratios[i - 1];
    if (before !== undefined && nameOf(before) !== nameOf(ratio)) y += GAP;
    const drawn = row(ratio, y);
    y += ROW;
    return drawn;
  });
  const height = y + GAP;
  const grid = GRID.map(
    (at) =>
      `<line x1="${x(at)}" x2="${x(at)}" y1="${TOP - 6}" y2="${y}" stroke="#bbb" stroke-width="${at === 1 ? 2 : 0.5}"/>` +
      `<text x="${x(at)}" y="${TOP - 12}" text-anchor="middle" fill="#777">${at}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">
<title>Ours a second over the limit's, and the targets</title>
<rect width="${WIDTH}" height="${height}" fill="#fff"/>
<text x="8" y="18" font-size="14">Ours a second over the limit's; the mark is the target</text>
<text x="8" y="34" fill="#777">${escaped(caption)}</text>
${grid.join("\n")}
${rows.join("\n")}
</svg>
`;
}

function row({ ratio, target, callers, ...of }: Ratio, y: number): string {
  const label = escaped(`${nameOf(of)}, ${callers}`);
  const text = `<text x="${LEFT - 8}" y="${y + 13}" text-anchor="end">${label}</text>`;
  if (ratio === null) return `${text}<text x="${LEFT + 8}" y="${y + 13}">no ratio</text>`;
  const colour = ratio >= (target ?? 0) ? "#2a7f4f" : "#c2761b";
  const bar = `<rect x="${LEFT}" y="${y + 3}" width="${x(ratio) - LEFT}" height="${ROW - 6}" fill="${colour}"/>`;
  const told = (sentence: string) => `<text x="${WIDTH - RIGHT + 8}" y="${y + 13}">${sentence}</text>`;
  if (target === null) return text + bar + told(ratio.toFixed(2));
  const at = x(target);
  const mark = `<line x1="${at}" x2="${at}" y1="${y}" y2="${y + ROW}" stroke="#000" stroke-width="2"/>`;
  return text + bar + mark + told(`${ratio.toFixed(2)} of ${target}`);
}

function nameOf({ operation, limit }: Pick<Ratio, "operation" | "limit">): string {
  return `${operation} / ${limit}`;
}

function x(ratio: number): number {
  const within = Math.min(Math.max(ratio, LOWEST), HIGHEST);
  const share = Math.log(within / LOWEST) / Math.log(HIGHEST / LOWEST);
  return Math.round(LEFT + share * (WIDTH - LEFT - RIGHT));
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
