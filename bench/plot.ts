/** The result as an SVG: a bar for each ratio, a mark where its target is. On a logarithmic scale, as ratios are. PURE. */

import type { Ratio, Result } from "./result.ts";

const WIDTH = 860;
const LEFT = 300;
const RIGHT = 90;
const TOP = 50;
const ROW = 20;
const GAP = 12;
const LOWEST = 0.25;
const HIGHEST = 16;
const GRID = [0.25, 0.5, 1, 2, 4, 8, 16];

export function toSvg({ ratios }: Result, caption: string): string {
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

function row(ratio: Ratio, y: number): string {
  const label = `${nameOf(ratio)}, ${ratio.callers}`;
  const text = `<text x="${LEFT - 8}" y="${y + 13}" text-anchor="end">${escaped(label)}</text>`;
  if (ratio.ratio === null) return `${text}<text x="${LEFT + 8}" y="${y + 13}">wrong answers</text>`;
  const [from, to] = [x(LOWEST), x(ratio.ratio)];
  const { target } = ratio;
  const colour = target === null ? "#777" : ratio.ratio >= target ? "#2a7f4f" : "#c2761b";
  const mark =
    target === null
      ? ""
      : `<line x1="${x(target)}" x2="${x(target)}" y1="${y}" y2="${y + ROW}" stroke="#000" stroke-width="2"/>`;
  return (
    text +
    `<rect x="${from}" y="${y + 3}" width="${to - from}" height="${ROW - 6}" fill="${colour}"/>` +
    mark +
    `<text x="${WIDTH - RIGHT + 8}" y="${y + 13}">${ratio.ratio.toFixed(2)}${target === null ? "" : ` of ${target}`}</text>`
  );
}

function nameOf({ operation, limit }: Ratio): string {
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
