/**
 * The last runs as bars, newest at the right. The height says how long a run took. Colour and pattern say its status.
 * The Tab key stops once, and the arrows go from bar to bar.
 */

import type { TargetedKeyboardEvent } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Scope } from "../routes/pages.ts";
import { hrefOf, Link } from "../routes/router.tsx";
import { tookOf } from "../ui/durations.ts";
import { StatusMark } from "../ui/status.tsx";
import { Duration, RelativeTime } from "../ui/time.tsx";
import type { RunRow } from "./run-row.ts";
import { barsFor, barsOf } from "./strip-geometry.ts";

interface StripProps {
  /** Newest first. */
  readonly rows: readonly RunRow[];
  readonly scope: Scope;
  readonly search: string;
  readonly selectedId: string | null;
  /** Whether the rows begin with the newest run. */
  readonly isNewest: boolean;
}

export function Strip({ rows, scope, search, selectedId, isNewest }: StripProps) {
  const list = useRef<HTMLOListElement>(null);
  const width = useWidth(list);
  const hasFinger = useFinger();
  const [pointedId, setPointedId] = useState<string | null>(null);
  const shown = useMemo(() => rows.slice(0, barsFor(width, hasFinger)), [rows, width, hasFinger]);
  const pointed = shown.find(({ id }) => id === (pointedId ?? selectedId)) ?? null;
  // The one bar that Tab reaches.
  const reachedId = pointed?.id ?? shown[0]?.id;
  const bars = useMemo(
    () =>
      barsOf(shown, Date.now()).map(({ row, height, isCut }) => (
        <li key={row.id}>
          <Link
            class={`bar is-${row.status}${isCut ? " is-cut" : ""}`}
            href={hrefOf({ name: "run", ...scope, id: row.id }, search)}
            aria-label={`${row.actionName}, ${row.status}`}
            aria-current={row.id === selectedId ? "page" : undefined}
            tabIndex={row.id === reachedId ? 0 : -1}
            onPointerEnter={() => setPointedId(row.id)}
            onFocus={() => setPointedId(row.id)}
          >
            <span style={{ height: `${(height * 100).toFixed(1)}%` }} />
          </Link>
        </li>
      )),
    [shown, scope, search, selectedId, reachedId],
  );
  return (
    <nav
      class={hasFinger ? "strip has-finger" : "strip"}
      aria-label={isNewest ? "The last runs" : "Older runs"}
      onPointerLeave={() => setPointedId(null)}
    >
      <ol ref={list} onKeyDown={move}>
        {bars}
      </ol>
      <p class="strip-caption">
        {pointed === null ? <Summary count={shown.length} isNewest={isNewest} /> : <Pointed row={pointed} />}
      </p>
    </nav>
  );
}

interface SummaryProps {
  readonly count: number;
  readonly isNewest: boolean;
}

function Summary({ count, isNewest }: SummaryProps) {
  if (count === 0) return null;
  const runs = `${count} ${count === 1 ? "run" : "runs"}`;
  return (
    <span class="strip-scale">
      {isNewest ? `Last ${runs}` : `${runs} from this page on`}, newest at the right. A higher bar took longer.
    </span>
  );
}

function Pointed({ row }: { readonly row: RunRow }) {
  return (
    <>
      <StatusMark status={row.status} />
      <bdi class="strip-action">{row.actionName}</bdi>
      <Duration {...tookOf(row)} />
      <RelativeTime at={row.createdAt} />
    </>
  );
}

const STEPS: Readonly<Record<string, number>> = {
  ArrowLeft: -1,
  ArrowRight: 1,
  Home: Number.NEGATIVE_INFINITY,
  End: Number.POSITIVE_INFINITY,
};

function move(event: TargetedKeyboardEvent<HTMLOListElement>) {
  const step = STEPS[event.key];
  if (step === undefined) return;
  event.preventDefault();
  const links = [...event.currentTarget.querySelectorAll("a")];
  const at = links.indexOf(document.activeElement as HTMLAnchorElement);
  links.at(Math.min(Math.max(at + step, 0), links.length - 1))?.focus();
}

/** Whether the page is used with a finger, which needs larger targets (WCAG 2.5.8). */
function useFinger(): boolean {
  const coarse = useMemo(() => matchMedia("(pointer: coarse)"), []);
  const [hasFinger, setFinger] = useState(coarse.matches);
  useEffect(() => {
    const update = () => setFinger(coarse.matches);
    coarse.addEventListener("change", update);
    return () => coarse.removeEventListener("change", update);
  }, [coarse]);
  return hasFinger;
}

function useWidth(element: { readonly current: HTMLElement | null }): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    if (element.current === null) return;
    const observer = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? 0));
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [element]);
  return width;
}
