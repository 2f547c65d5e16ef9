/** What went into a run and what came out of it. */

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { ActionRun } from "../../client/index.ts";
import { useFragment } from "../routes/router.tsx";
import { JsonTree } from "../ui/json-tree.tsx";
import { TextBlock } from "../ui/text-block.tsx";
import { lineTargetOf } from "../ui/text-lines.ts";
import { ErrorText } from "./error-text.tsx";
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
          <ErrorText name="error" error={error} />
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

/** `text`: as the server sent it. */
export function RawJson({ text }: { readonly text: string }) {
  const isLinked = lineTargetOf(useFragment())?.block === RAW;
  const [isOpen, setOpen] = useState(isLinked);
  return (
    <details class="disclosure" open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Raw JSON</summary>
      {isOpen ? <TextBlock name={RAW} text={indentedJson(text)} /> : null}
    </details>
  );
}

/** The name of the block. */
const RAW = "raw JSON";
