/** What went into a run and what came out of it. */

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { ActionRun } from "../../client/index.ts";
import { CopyButton } from "../ui/copy-button.tsx";
import { JsonTree } from "../ui/json-tree.tsx";
import { indentedJson } from "./indented-json.ts";

interface SectionProps {
  readonly title: string;
  /** Beside the title. */
  readonly aside?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** Not a region, because a page with many regions is hard to walk through. People get here by the heading. */
export function Section({ title, aside, children }: SectionProps) {
  return (
    <div>
      <div class="section-head">
        <h3>{title}</h3>
        {aside === undefined ? null : <span class="hint">{aside}</span>}
      </div>
      {children}
    </div>
  );
}

/** Near the top, because it is what people look for. */
export function Outcome({ run: { error, output } }: { readonly run: ActionRun }) {
  return (
    <>
      {error === null ? null : (
        <Section title="Error">
          <ErrorText error={error} />
        </Section>
      )}
      {output === null ? null : <Value title="Output" value={output} />}
    </>
  );
}

export function Inputs({ run: { parameters, recommendations } }: { readonly run: ActionRun }) {
  return (
    <>
      <Value title="Parameters" value={parameters} />
      <Value title="Recommendations" value={recommendations} />
    </>
  );
}

function Value({ title, value }: { readonly title: string; readonly value: object }) {
  const isEmpty = Object.keys(value).length === 0;
  return (
    <Section title={title} aside={isEmpty ? "none" : undefined}>
      {isEmpty ? null : <JsonTree what={title.toLowerCase()} value={value} />}
    </Section>
  );
}

/** A tree if the job reported JSON, otherwise text as it is. */
function ErrorText({ error }: { readonly error: string }) {
  const value = objectIn(error);
  if (value !== null) return <JsonTree what="error" value={value} />;
  return (
    <div class="error-text">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard. */}
      <pre tabIndex={0}>
        <bdi>{error}</bdi>
      </pre>
      <CopyButton what="error" text={error} />
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

/** `text`: as the server sent it. */
export function RawJson({ text }: { readonly text: string }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details class="disclosure" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Raw JSON</summary>
      {isOpen ? (
        <div class="raw">
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard. */}
          <pre tabIndex={0}>
            <bdi>{indentedJson(text)}</bdi>
          </pre>
          <CopyButton what="raw JSON" text={text} />
        </div>
      ) : null}
    </details>
  );
}
