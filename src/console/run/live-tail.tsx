/**
 * The newest output of a running job. What came while the page is open stays, so that a person can read on. The box
 * follows the job until the person scrolls up, and again from its end on.
 */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { withoutColours } from "../../base/visible-text.ts";
import type { RunTail } from "../../client/index.ts";
import { TailLines, unendedLine } from "../../words/tail-lines.ts";
import { Section } from "../ui/parts.tsx";
import { RelativeTime } from "../ui/time.tsx";

/** Older lines go, because a job can print for days. */
const LINES_MAX = 2000;
/** A line can have 8 KiB, and the browser draws all lines again with each tail. */
const CHARACTERS_MAX = 256 * 1024;
/** Browsers round what is scrolled. */
const AT_END_PX = 8;

/** The newest lines, of which a page has room for this many. PURE. */
export function keptOf(lines: readonly string[]): readonly string[] {
  let left = CHARACTERS_MAX;
  const last = lines.findLastIndex((line) => {
    left -= line.length + 1;
    return left < 0;
  });
  return lines.slice(Math.max(last + 1, lines.length - LINES_MAX));
}

export function LiveTail({ tail: { tail, at } }: { readonly tail: RunTail }) {
  const box = useRef<HTMLPreElement>(null);
  const [read] = useState(() => new TailLines());
  const [lines, setLines] = useState<readonly string[]>([]);
  const [isFollowing, setFollowing] = useState(true);
  const shown = withoutColours(tail);
  useLayoutEffect(() => {
    const news = read.next(shown);
    if (news.length > 0) setLines((before) => keptOf([...before, ...news]));
  }, [read, shown]);
  const text = [...lines, unendedLine(shown)].join("\n");
  useLayoutEffect(() => {
    if (isFollowing && box.current !== null) box.current.scrollTop = box.current.scrollHeight;
  }, [isFollowing, text]);
  return (
    <Section
      title="Newest output"
      aside={
        <>
          <RelativeTime at={at} />, kept only while the job runs
        </>
      }
    >
      <pre
        class="live-tail card is-side"
        ref={box}
        // Read out, it would never end.
        role="log"
        aria-live="off"
        aria-label="Newest output"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
        tabIndex={0}
        onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) =>
          setFollowing(scrollHeight - scrollTop - clientHeight < AT_END_PX)
        }
      >
        {text}
      </pre>
    </Section>
  );
}
