/**
 * The last runs as bars, newest at the right. The height says how long a run took. Colour and pattern say its status.
 * The Tab key stops once, and the arrows go from bar to bar, because all bars are one row.
 */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { tookOf } from "../../words/durations.ts";
import { counted } from "../../words/statuses.ts";
import { Link } from "../router.tsx";
import { useRowStops } from "../ui/list-page.tsx";
import { StatusMark } from "../ui/parts.tsx";
import { Duration, RelativeTime } from "../ui/time.tsx";
import { useRunHref } from "./run-link.tsx";
import { type RunRow, STRIP_RUNS } from "./run-list.ts";

interface StripProps {
  /** Newest first. */
  readonly rows: readonly RunRow[];
  /** The query of the list beside a run, if it is another one. */
  readonly search?: string;
  readonly selectedId: string | null;
  /** Whether the rows begin with the newest run. */
  readonly isNewest: boolean;
}

export function Strip({ rows, search, selectedId, isNewest }: StripProps) {
  const hrefOfRun = useRunHref();
  const list = useRef<HTMLOListElement>(null);
  const width = useWidth(list);
  // A finger needs larger targets (WCAG 2.5.8).
  const hasFinger = matchMedia("(pointer: coarse)").matches;
  const [pointedId, setPointedId] = useState<string | null>(null);
  const shown = useMemo(() => rows.slice(0, barsFor(width, hasFinger)), [rows, width, hasFinger]);
  const pointed = shown.find(({ id }) => id === (pointedId ?? selectedId)) ?? null;
  const bars = useMemo(
    () =>
      barsOf(shown, Date.now()).map(({ row, height, isCut }) => (
        <li key={row.id}>
          <Link
            class={`bar is-${row.status}${isCut ? " is-cut" : ""}`}
            href={hrefOfRun(row.id, search)}
            aria-label={`${row.title ?? row.actionName}, ${row.status}`}
            aria-current={row.id === selectedId ? "page" : undefined}
            onPointerEnter={() => setPointedId(row.id)}
            onFocus={() => setPointedId(row.id)}
          >
            <span style={{ height: `${(height * 100).toFixed(1)}%` }} />
          </Link>
        </li>
      )),
    [shown, hrefOfRun, search, selectedId],
  );
  const runs = counted(shown.length, "run");
  return (
    <nav
      ref={useRowStops()}
      class={hasFinger ? "strip has-finger" : "strip"}
      aria-label={isNewest ? "The last runs" : "Older runs"}
      onPointerLeave={() => setPointedId(null)}
    >
      <ol ref={list}>{bars}</ol>
      <p class="strip-caption cut row no-wrap gap-12 small">
        {pointed === null ? (
          <span class="cut muted">
            {shown.length > 0 &&
              `${isNewest ? `Last ${runs}` : `${runs} from this page on`}, newest at the right. A higher bar took longer.`}
          </span>
        ) : (
          <>
            <StatusMark status={pointed.status} />
            <bdi class="cut">{pointed.title ?? pointed.actionName}</bdi>
            <Duration {...tookOf(pointed)} />
            <RelativeTime at={pointed.createdAt} />
          </>
        )}
      </p>
    </nav>
  );
}

/** In CSS pixels, without the padding; 0 until it is known. */
export function useWidth(element: { readonly current: HTMLElement | null }): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    if (element.current === null) return;
    const observer = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? 0));
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [element]);
  return width;
}

/** The room of one bar with its gap, in CSS pixels. */
const BAR_PX = 5;
/** The same for a finger (WCAG 2.5.8). */
const FINGER_PX = 24;
/** The lowest bar, as a part of the strip's height. */
const LOWEST = 0.08;
/** This part of the runs says how long runs usually take. */
const USUAL = 0.95;
/** Fewer runs than this have no usual duration. */
const USUAL_FROM_RUNS = 8;

/** How many bars a strip of this width can show. */
export function barsFor(widthPx: number, hasFinger: boolean): number {
  return Math.min(Math.floor(widthPx / (hasFinger ? FINGER_PX : BAR_PX)), STRIP_RUNS);
}

/**
 * Oldest first, as time goes. The scale is logarithmic, because one run can take a thousand times as long as another. It
 * ends at twice the duration that 95 % of the runs keep to, so that one stuck run does not flatten all others.
 * `height`: 0 to 1 of the strip's. `isCut`: the run took longer than that can say. `rows`: newest first. `now`: the end of open runs.
 */
export function barsOf(rows: readonly RunRow[], now: number) {
  const topMs = fullHeightMs(rows, now);
  return rows
    .map((row) => {
      const ms = durationMs(row, now);
      const part = Math.min(Math.log2(1 + ms / 1000) / Math.log2(1 + topMs / 1000), 1);
      return { row, height: LOWEST + (1 - LOWEST) * part, isCut: ms > topMs };
    })
    .reverse();
}

/** How long a run took whose bar just reaches the strip's upper end, in ms. */
export function fullHeightMs(rows: readonly RunRow[], now: number): number {
  const sorted = rows.map((row) => durationMs(row, now)).sort((one, other) => one - other);
  const longest = sorted.at(-1) ?? 0;
  const usual = sorted[Math.floor((sorted.length - 1) * USUAL)] ?? 0;
  return Math.max(sorted.length < USUAL_FROM_RUNS ? longest : Math.min(longest, 2 * usual), 1000);
}

/** `now`: the end of an open run. */
export function durationMs(row: RunRow, now: number): number {
  const { from, to } = tookOf(row);
  return Math.max((to === null ? now : Date.parse(to)) - Date.parse(from), 0);
}
