/** What went into a run and what came out of it. */
import { useEffect, useState } from "preact/hooks";
import type { Schemas } from "../../client/index.ts";
import { counted } from "../../words/statuses.ts";
import { useFragment } from "../router.tsx";
import { JsonTree, linesOf, lineTargetOf, TextBlock } from "../ui/json-tree.tsx";
import { CopyButton, Section } from "../ui/parts.tsx";

/** Near the top, because it is what people look for. */
export function Outcome({ run: { error, output } }: { readonly run: Schemas["ActionRun"] }) {
  return (
    <>
      {error === null ? null : (
        <Section title="Error">
          <ErrorText name="error" error={error} />
        </Section>
      )}
      {output === null ? null : <Value title="Output" value={output} isLog />}
    </>
  );
}

/** So many parameters, each of them a short value, stand near the top. */
const FEW = 8;
const SHORT = 200;

export function areFew(parameters: object): boolean {
  const values: readonly unknown[] = Object.values(parameters);
  const isShort = (value: unknown) => (typeof value !== "object" || value === null) && String(value).length <= SHORT;
  return values.length > 0 && values.length <= FEW && values.every(isShort);
}

interface ValueProps {
  readonly title: string;
  readonly value: object;
  readonly isLog?: boolean;
}

export function Value({ title, value, isLog = false }: ValueProps) {
  const isEmpty = Object.keys(value).length === 0;
  return (
    <Section title={title} aside={isEmpty ? "none" : undefined}>
      {isEmpty ? null : <JsonTree what={title.toLowerCase()} value={value} isLog={isLog} />}
    </Section>
  );
}

/** `text`: as the server sent it. */
export function RawJson({ text }: { readonly text: string }) {
  return <ClosedBlock name="raw JSON" summary="Raw JSON" text={() => indentedJson(text)} />;
}

interface ClosedBlockProps {
  readonly name: string;
  readonly summary: string;
  readonly text: () => string;
  /** It is the first block of the page, so a link that names none leads into it. */
  readonly isFirst?: boolean;
}

/** A block that is closed until somebody opens it, or a link leads into it. */
function ClosedBlock({ name, summary, text, isFirst = false }: ClosedBlockProps) {
  const target = lineTargetOf(useFragment());
  const isLinked = target !== null && (target.block ?? (isFirst ? name : null)) === name;
  const [isOpen, setOpen] = useState(isLinked);
  useEffect(() => {
    if (isLinked) setOpen(true);
  }, [isLinked]);
  return (
    <details
      class="disclosure"
      // It is a block for links also while its text is not drawn.
      data-block={name}
      open={isOpen}
      onToggle={(event) => setOpen(event.currentTarget.open)}
    >
      <summary>{summary}</summary>
      {isOpen ? <TextBlock name={name} text={text()} /> : null}
    </details>
  );
}

/** A longer line is cut. The whole text stands below. */
const HEADLINE_MAX = 300;

/** A tree if the job reported JSON, otherwise text. */
export function ErrorText({ name, error }: { readonly name: string; readonly error: string }) {
  const value = objectIn(error);
  if (value !== null) return <JsonTree what={name} value={value} isLog />;
  const lines = linesOf(error);
  const { headline, detail, causes, frames } = errorPartsOf(lines);
  const isCut = headline.length > HEADLINE_MAX;
  const isWhole = lines.length === 1 && !isCut;
  return (
    <div class="note is-failed stack">
      <div class="error-head row no-wrap is-apart">
        <p class="error-line">
          <bdi>{isCut ? `${headline.slice(0, HEADLINE_MAX)}…` : headline}</bdi>
        </p>
        {isWhole ? <CopyButton what={name} text={error} /> : null}
      </div>
      {causes.map((cause) => (
        <p key={cause} class="error-cause">
          <span class="muted">Caused by</span> <bdi>{cause}</bdi>
        </p>
      ))}
      {frames === 0 || detail === "" ? null : (
        <pre>
          <bdi>{detail}</bdi>
        </pre>
      )}
      {isWhole ? null : frames === 0 ? (
        <TextBlock name={name} text={error} isLog />
      ) : (
        <ClosedBlock name={name} summary={`Stack trace (${counted(frames, "line")})`} text={() => error} isFirst />
      )}
    </div>
  );
}

function objectIn(text: string): object | null {
  if (!/^\s*[[{]/.test(text)) return null;
  try {
    return JSON.parse(text) as object;
  } catch {
    return null;
  }
}

/** Java, JavaScript and .NET; Java's shortened traces; Ruby; PHP; Go; Python. */
const FRAME =
  /^\s+at |^\s*\.{3} \d+ (?:more|common)|^\s+from \S+:\d+|^#\d+ |^\s+\S+\.go:\d+|^goroutine \d+ |^\s+File "/;
const CAUSE = /^\s*(?:caused by\b|\[cause\]):?\s*(.*)$/i;
/** Rust numbers the causes below the words. */
const NUMBERED = /^\s*\d+:\s+(.*)$/;
const PYTHON = /^Traceback \(most recent call last\)/;
/** What Python writes between two errors. */
const PYTHON_BETWEEN = /^(?:Traceback|The above exception|During handling)/;

/**
 * An error as people read it: the line that says what went wrong, what caused it, and the stack frames apart. It knows
 * the stack traces of the usual languages by the form of their lines. Any other text has no frames. `lines`: not empty.
 * `detail`: the lines between the headline and the first stack frame or cause; empty if there are none. `causes`: from the
 * outside to the inside. `frames`: how many lines are stack frames.
 */
export function errorPartsOf(lines: readonly string[]) {
  const first = Math.max(lines.findIndex(isText), 0);
  if (PYTHON.test(lines[first] ?? "")) return pythonParts(lines);
  const detail: string[] = [];
  const causes: string[] = [];
  let frames = 0;
  /** What the line before was a part of. */
  let within: "detail" | "frames" | "causes" = "detail";
  for (const line of lines.slice(first + 1)) {
    const cause = CAUSE.exec(line)?.[1];
    const numbered = within === "causes" ? NUMBERED.exec(line)?.[1] : undefined;
    if (cause !== undefined) {
      within = "causes";
      if (cause !== "") causes.push(cause.trim());
    } else if (numbered !== undefined) causes.push(numbered.trim());
    else if (FRAME.test(line) || (within === "frames" && /^\s/.test(line))) {
      within = "frames";
      frames++;
    } else if (within === "detail") detail.push(line);
  }
  return { headline: (lines[first] ?? "").trim(), detail: detail.join("\n").trimEnd(), causes, frames };
}

/** Python writes the cause first, and each error below its frames. */
function pythonParts(lines: readonly string[]) {
  const errors = lines.filter((line) => /^\S/.test(line) && !PYTHON_BETWEEN.test(line));
  const [headline = lines.find(isText) ?? "", ...causes] = errors.reverse();
  return { headline, detail: "", causes, frames: lines.filter((line) => /^\s+\S/.test(line)).length };
}

function isText(line: string): boolean {
  return line.trim() !== "";
}

/* SECTION: JSON with line breaks. It works on the text, because a parser would change large numbers. */

/** Strings, empty objects and arrays, white space, and what else has a meaning. */
const TOKENS = /"(?:[^"\\]|\\.)*"|[[{]\s*[\]}]|\s+|[[\]{},:]/g;

/** `text`: valid JSON. Nothing but white space outside of strings changes. */
export function indentedJson(text: string): string {
  let depth = 0;
  const line = () => `\n${"  ".repeat(depth)}`;
  return text.replaceAll(TOKENS, (token) => {
    switch (token) {
      case "{":
      case "[":
        depth++;
        return token + line();
      case "}":
      case "]":
        depth--;
        return line() + token;
      case ",":
        return token + line();
      case ":":
        return ": ";
      default:
        return token.startsWith('"') ? token : token.replaceAll(/\s/g, "");
    }
  });
}

/** The same of a member. `text`: a JSON object. Null if it has no such member. The first one counts. */
export function indentedMember(text: string, name: string): string | null {
  const lines = indentedJson(text).split("\n");
  const begin = `  ${JSON.stringify(name)}: `;
  const from = lines.findIndex((line) => line.startsWith(begin));
  if (from === -1) return null;
  const [first = "", ...rest] = lines.slice(from);
  // Up to the next member, or to the end of the object.
  const more = rest.slice(
    0,
    rest.findIndex((line) => /^(?: {2}"|\})/.test(line)),
  );
  return [first.slice(begin.length), ...more.map((line) => line.slice(2))].join("\n").replace(/,$/, "");
}
