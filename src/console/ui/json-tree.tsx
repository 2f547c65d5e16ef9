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
  readonly name: string | null;
  /** The names from the root to here. */
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
