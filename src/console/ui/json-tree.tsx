/** A JSON value as a tree, and a text as lines. What they show is always text. */
import type { RefObject } from "preact";
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { counted } from "../../words/statuses.ts";
import { useFragment, useRouter } from "../router.tsx";
import { Button, CopyButton, Icon } from "./parts.tsx";

const PAGE = 100;
/** A part that is deeper or larger than this is closed at first. */
const OPEN_DEPTH = 2;
const OPEN_ENTRIES = 25;
/** Deeper parts are not indented further, because their text would have no room. */
const INDENTED_DEPTH = 8;
/** A longer text is cut until somebody asks for the rest. */
const TEXT_MAX = 600;

interface JsonTreeProps {
  /** What it is, for the copy button and the names of its blocks: "parameters". */
  readonly what: string;
  readonly value: unknown;
  /** Whether its texts are what a job printed. */
  readonly isLog?: boolean;
}

/** A text of several lines is a block, whose name is its way through the tree: `output.log`. */
export function JsonTree({ what, value, isLog = false }: JsonTreeProps) {
  return (
    <div class="json card is-side">
      <CopyButton what={what} text={() => JSON.stringify(value, null, 2)} />
      <Node name={null} path={what} value={value} depth={0} isLog={isLog} />
    </div>
  );
}

interface NodeProps {
  readonly name: string | null;
  readonly path: string;
  readonly value: unknown;
  readonly depth: number;
  readonly isLog: boolean;
}

function Node(props: NodeProps) {
  const { name, path, value, isLog } = props;
  if (typeof value === "string" && hasLines(value)) {
    return (
      <div class="json-block">
        <Name name={name} />
        <TextBlock name={path} text={value} isLog={isLog} />
      </div>
    );
  }
  if (typeof value === "object" && value !== null && Object.keys(value).length > 0) {
    return <Branch {...props} value={value} />;
  }
  return (
    <div class="json-leaf">
      <Name name={name} />
      <Leaf value={value} />
    </div>
  );
}

function Branch({ name, path, value, depth, isLog }: NodeProps & { readonly value: object }) {
  const entries: readonly [string, unknown][] = Object.entries(value);
  const [isOpen, setOpen] = useState(depth < OPEN_DEPTH && entries.length <= OPEN_ENTRIES);
  const [shown, setShown] = useState(PAGE);
  // The index of the entry with the block that the address leads to; -1 if the block is elsewhere.
  const block = `${lineTargetOf(useFragment())?.block}.`;
  const isHere = block.startsWith(`${path}.`);
  const linked = isHere ? entries.findIndex(([key]) => block.startsWith(`${path}.${key}.`)) : -1;
  useEffect(() => {
    if (linked === -1) return;
    setOpen(true);
    setShown((before) => Math.max(before, linked + 1));
  }, [linked]);
  return (
    <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <Name name={name} />
        <span class="muted">{Array.isArray(value) ? `[${entries.length}]` : `{${entries.length}}`}</span>
      </summary>
      {isOpen ? (
        <div class={depth < INDENTED_DEPTH ? "json-children" : undefined}>
          {entries.slice(0, shown).map(([key, child]) => (
            <Node key={key} name={key} path={`${path}.${key}`} value={child} depth={depth + 1} isLog={isLog} />
          ))}
          {entries.length > shown ? (
            <Button kind="quiet" onClick={() => setShown(shown + PAGE)}>
              Show {Math.min(PAGE, entries.length - shown)} more
            </Button>
          ) : null}
        </div>
      ) : null}
    </details>
  );
}

function Name({ name }: { readonly name: string | null }) {
  if (name === null) return null;
  return (
    <span class="json-name muted">
      <bdi>{name}</bdi>:{" "}
    </span>
  );
}

function Leaf({ value }: { readonly value: unknown }) {
  const [isWhole, setWhole] = useState(false);
  if (typeof value === "object" && value !== null) {
    return <span class="muted">{Array.isArray(value) ? "[ ]" : "{ }"}</span>;
  }
  const kind = value === null ? "null" : typeof value;
  const text = JSON.stringify(value);
  const isCut = text.length > TEXT_MAX && !isWhole;
  return (
    <>
      <bdi class={`json-${kind}`}>{isCut ? `${text.slice(0, TEXT_MAX)}…` : text}</bdi>
      {isCut ? (
        <Button kind="quiet" onClick={() => setWhole(true)}>
          Show all {text.length} characters
        </Button>
      ) : null}
    </>
  );
}

const PIECE_LINES = 200;
/** How high a line is that is not wrapped, as in the style. It is the browser's guess for pieces that it skips. */
const LINE_PX = 20;

interface TextBlockProps {
  /** The text among those of the page: `output.log`. Links and buttons have it. */
  readonly name: string;
  readonly text: string;
  /** Whether a job printed it. Then it opens where people look first. */
  readonly isLog?: boolean;
}

/**
 * With numbers, links to lines, a switch for wrapping, copy and download. A long text is drawn piece by piece, the linked
 * piece among the first, so that it never holds up the page. All of it is drawn in the end, because people search a log
 * with their browser.
 */
export function TextBlock({ name, text, isLog = false }: TextBlockProps) {
  const lines = useMemo(() => linesOf(text), [text]);
  const around = useRef<HTMLDivElement>(null);
  const [isWrapped, setWrapped] = useState(true);
  const pieces = Math.ceil(lines.length / PIECE_LINES);
  const drawn = useDrawn(pieces);
  const opening = useMemo(() => (isLog ? openingLineOf(lines) : 1), [lines, isLog]);
  useOpening(opening, around);
  const [marked, mark] = useMarkedLine(name, lines.length, around);
  const href = fragmentOf(name);
  return (
    <div class="text-block card" data-block={name} ref={around}>
      <div class="text-head row gap-6">
        <span class="muted">{counted(lines.length, "line")}</span>
        <input
          type="text"
          inputMode="numeric"
          autocomplete="off"
          placeholder="Line"
          aria-label={`Go to line of ${name}`}
          onChange={({ currentTarget }) => mark(Number(currentTarget.value))}
        />
        {marked === null ? null : (
          <CopyButton
            what={`link to line ${marked}`}
            icon="link"
            text={() => `${location.origin}${location.pathname}${href}${marked}`}
          />
        )}
        <span class="row to-end gap-0">
          <Button kind="quiet" aria-pressed={isWrapped} onClick={() => setWrapped(!isWrapped)}>
            Wrap
          </Button>
          <CopyButton what={name} text={text} />
          <Button kind="quiet" aria-label={`Download ${name}`} onClick={() => download(name, text)}>
            <Icon name="download" />
          </Button>
        </span>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard. */}
      <pre class={isWrapped ? "lines is-wrapped" : "lines"} tabIndex={0}>
        {Array.from({ length: pieces }, (_, piece) => {
          const from = piece * PIECE_LINES;
          const has = (line: number | null) => line !== null && line > from && line <= from + PIECE_LINES;
          const isHere = has(marked);
          return (
            <Piece
              key={piece}
              name={name}
              lines={lines}
              from={from}
              href={href}
              mark={mark}
              marked={isHere ? marked : null}
              isDrawn={isHere || has(opening) || piece < drawn}
            />
          );
        })}
      </pre>
    </div>
  );
}

interface PieceProps {
  readonly name: string;
  readonly lines: readonly string[];
  readonly from: number;
  readonly href: string;
  readonly mark: (line: number) => void;
  readonly marked: number | null;
  /** If not, it only takes its room. */
  readonly isDrawn: boolean;
}

function Piece({ name, lines, from, href, mark, marked, isDrawn }: PieceProps) {
  return useMemo(() => {
    const own = lines.slice(from, from + PIECE_LINES);
    const height = `${own.length * LINE_PX}px`;
    if (!isDrawn) return <span class="piece" style={{ height }} />;
    return (
      <span class="piece" style={{ containIntrinsicHeight: `auto ${height}` }}>
        {own.map((line, index) => {
          const number = from + index + 1;
          return (
            <span key={number} class={number === marked ? "line is-marked" : "line"}>
              {/* Thousands of stops would hold up the keyboard. The field above goes to a line, too. */}
              <a
                class="line-number"
                tabIndex={-1}
                href={`${href}${number}`}
                aria-label={`${name}, line ${number}`}
                onClick={(event) => {
                  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
                  event.preventDefault();
                  mark(number);
                }}
              >
                {number}
              </a>
              {line}
            </span>
          );
        })}
      </span>
    );
  }, [name, lines, from, href, mark, marked, isDrawn]);
}

/** How many pieces are drawn from the top: one at first, and another one whenever the page has time. */
function useDrawn(pieces: number): number {
  const [drawn, setDrawn] = useState(1);
  useEffect(() => {
    if (drawn >= pieces) return;
    const timer = setTimeout(setDrawn, 0, drawn + 1);
    return () => clearTimeout(timer);
  }, [drawn, pieces]);
  return Math.min(drawn, pieces);
}

/** The line that the address names, or null, and a function that names another one. The line is scrolled to. */
function useMarkedLine(name: string, lineCount: number, around: RefObject<HTMLElement | null>) {
  const fragment = useFragment();
  const router = useRouter();
  const [marked, setMarked] = useState<number | null>(null);
  useLayoutEffect(() => {
    const target = lineTargetOf(fragment);
    const block = target?.block ?? document.querySelector<HTMLElement>("[data-block]")?.dataset.block;
    setMarked(target !== null && block === name && target.line <= lineCount ? target.line : null);
  }, [fragment, name, lineCount]);
  useEffect(() => {
    if (marked !== null) around.current?.querySelector(".is-marked")?.scrollIntoView({ block: "nearest" });
  }, [around, marked]);
  const mark = useCallback(
    (line: number) => {
      const { pathname, search } = router.location.state();
      // A line is no page of its own, so it gets no entry in the history.
      if (line >= 1) router.navigate(`${pathname}${search}${fragmentOf(name)}${line}`, { replace: true });
    },
    [router, name],
  );
  return [marked, mark] as const;
}

/** Lines above the opening one that stay in sight. */
const LINES_BEFORE = 3;

/** Scrolls to a line before the block is painted for the first time. The page itself does not move. */
function useOpening(line: number, around: RefObject<HTMLElement | null>): void {
  useLayoutEffect(() => {
    const box = around.current?.querySelector("pre");
    if (line === 1 || !box) return;
    const piece = box.children[Math.floor((line - 1) / PIECE_LINES)];
    const at = piece?.children[(line - 1) % PIECE_LINES];
    if (at) box.scrollTop += at.getBoundingClientRect().top - box.getBoundingClientRect().top - LINES_BEFORE * LINE_PX;
  }, [line, around]);
}

/** A time, a level or a mark may stand before it. Only the beginning of a line is looked at. */
const ERROR_LINE =
  /^[\s\d:.,TZ/+\-[\]()#*>|]*(?:(?:\w*(?:Error|Exception)|error|fatal|fail(?:ed|ure)?|panic|traceback|npm err!)(?!\w)|not ok\b|[✗✘✖❌×])/i;
const LOOKED_AT = 200;
const NO_ERROR = /\b(?:0|no) (?:failed|failures?|errors?)\b/i;

/** The number of the line at which a finished text opens: the first that looks like an error, or else the last. PURE. */
export function openingLineOf(lines: readonly string[]): number {
  const first = lines.findIndex((line) => {
    const beginning = line.slice(0, LOOKED_AT);
    return ERROR_LINE.test(beginning) && !NO_ERROR.test(beginning);
  });
  return first === -1 ? lines.length : first + 1;
}

function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `${name.replaceAll(/[^\w.-]+/g, "-")}.txt`;
  link.click();
  URL.revokeObjectURL(url);
}

/** The lines, however they end. An end after the last line begins no further one. */
export function linesOf(text: string): readonly string[] {
  const lines = text.split(/\r\n|\n|\r/);
  return lines.length > 1 && lines.at(-1) === "" ? lines.slice(0, -1) : lines;
}

export function hasLines(text: string): boolean {
  return linesOf(text).length > 1;
}

const FRAGMENT = /^#(?:(.+)-)?L(\d{1,7})$/;

/** `#output.log-L188`, or `#L188` for the first block of the page, whose name is null. Null for other fragments. */
export function lineTargetOf(fragment: string): { readonly block: string | null; readonly line: number } | null {
  const [found, block, line] = FRAGMENT.exec(fragment) ?? [];
  if (found === undefined) return null;
  try {
    return { block: block === undefined ? null : decodeURIComponent(block), line: Number(line) };
  } catch {
    // Half an escape.
    return null;
  }
}

/** The fragment of a block's lines, without the number. It always names the block, because the first may change. */
export function fragmentOf(block: string): string {
  return `#${encodeURIComponent(block)}-L`;
}
