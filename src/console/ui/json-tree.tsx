/**
 * A JSON value as a tree that opens and closes. What it shows is always text. A text of several lines is a block, whose
 * name is its way through the tree: `output.log`.
 */
import { useEffect, useState } from "preact/hooks";
import { useFragment } from "../router.tsx";
import { Button, CopyButton } from "./parts.tsx";
import { hasLines, lineTargetOf, TextBlock } from "./text-block.tsx";

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

export function JsonTree({ what, value, isLog = false }: JsonTreeProps) {
  return (
    <div class="json card is-side">
      <CopyButton what={what} text={() => JSON.stringify(value, null, 2)} />
      <Node name={null} path={what} value={value} depth={0} isLog={isLog} />
    </div>
  );
}

interface NodeProps {
  readonly name: string | number | null;
  /** The names from the root to here. */
  readonly path: string;
  readonly value: unknown;
  readonly depth: number;
  readonly isLog: boolean;
}

function Node({ name, path, value, depth, isLog }: NodeProps) {
  if (typeof value === "string" && hasLines(value)) {
    return (
      <div class="json-block">
        <Name name={name} />
        <TextBlock name={path} text={value} isLog={isLog} />
      </div>
    );
  }
  if (typeof value !== "object" || value === null) {
    return (
      <div class="json-leaf">
        <Name name={name} />
        <Leaf value={value} />
      </div>
    );
  }
  return <Branch name={name} path={path} value={value} depth={depth} isLog={isLog} />;
}

function Branch({ name, path, value, depth, isLog }: NodeProps & { readonly value: object }) {
  const entries: readonly (readonly [string | number, unknown])[] = Array.isArray(value)
    ? value.map((one: unknown, index) => [index, one] as const)
    : Object.entries(value);
  const [isOpen, setOpen] = useState(depth < OPEN_DEPTH && entries.length <= OPEN_ENTRIES);
  const [shown, setShown] = useState(PAGE);
  const linked = useLinkedEntry(path, entries);
  useEffect(() => {
    if (linked === -1) return;
    setOpen(true);
    setShown((before) => Math.max(before, linked + 1));
  }, [linked]);
  const size = Array.isArray(value) ? `[${entries.length}]` : `{${entries.length}}`;
  if (entries.length === 0) {
    return (
      <div class="json-leaf">
        <Name name={name} />
        <span class="muted">{Array.isArray(value) ? "[ ]" : "{ }"}</span>
      </div>
    );
  }
  return (
    <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <Name name={name} />
        <span class="muted">{size}</span>
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

/** The index of the entry with the block that the address leads to; -1 if the block is elsewhere. */
function useLinkedEntry(path: string, entries: readonly (readonly [string | number, unknown])[]): number {
  const block = `${lineTargetOf(useFragment())?.block}.`;
  if (!block.startsWith(`${path}.`)) return -1;
  return entries.findIndex(([key]) => block.startsWith(`${path}.${key}.`));
}

function Name({ name }: { readonly name: string | number | null }) {
  if (name === null) return null;
  return (
    <span class="json-name muted">
      <bdi>{name}</bdi>:{" "}
    </span>
  );
}

function Leaf({ value }: { readonly value: unknown }) {
  const [isWhole, setWhole] = useState(false);
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
