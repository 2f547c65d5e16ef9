/** The error of a run: what went wrong in large letters, what caused it, and the whole text below. */

import { useEffect, useState } from "preact/hooks";
import { useFragment } from "../routes/router.tsx";
import { CopyButton } from "../ui/copy-button.tsx";
import { JsonTree } from "../ui/json-tree.tsx";
import { TextBlock } from "../ui/text-block.tsx";
import { linesOf, lineTargetOf } from "../ui/text-lines.ts";
import { errorPartsOf } from "./error-parts.ts";

/** A longer line is cut. The whole text stands below. */
const HEADLINE_MAX = 300;
interface ErrorTextProps {
  /** Of its block: `error`. */
  readonly name: string;
  readonly error: string;
}

/** A tree if the job reported JSON, otherwise text. */
export function ErrorText({ name, error }: ErrorTextProps) {
  const value = objectIn(error);
  if (value !== null) return <JsonTree what={name} value={value} />;
  const lines = linesOf(error);
  const { headline, detail, causes, frames } = errorPartsOf(lines);
  const isCut = headline.length > HEADLINE_MAX;
  const isWhole = lines.length === 1 && !isCut;
  return (
    <div class="error-text">
      <div class="error-head">
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
        <pre class="error-detail">
          <bdi>{detail}</bdi>
        </pre>
      )}
      {isWhole ? null : frames === 0 ? (
        <TextBlock name={name} text={error} />
      ) : (
        <StackTrace name={name} error={error} frames={frames} />
      )}
    </div>
  );
}

/** It is closed until somebody opens it, or a link leads into it. */
function StackTrace({ name, error, frames }: ErrorTextProps & { readonly frames: number }) {
  const fragment = useFragment();
  const target = lineTargetOf(fragment);
  // An error is the first block of its page.
  const isLinked = target !== null && (target.block ?? name) === name;
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
      <summary>
        Stack trace ({frames} {frames === 1 ? "line" : "lines"})
      </summary>
      {isOpen ? <TextBlock name={name} text={error} /> : null}
    </details>
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
