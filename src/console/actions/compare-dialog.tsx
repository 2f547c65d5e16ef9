/** Two versions of an action as text, line by line. */

import { useMemo, useState } from "preact/hooks";
import type { ListedVersion } from "../../client/index.ts";
import { Button } from "../ui/button.tsx";
import { Dialog, DialogButtons } from "../ui/dialog.tsx";
import { SelectField } from "../ui/field.tsx";
import { exactTime } from "../ui/time.tsx";
import { type DiffLine, diffLines, type Gap, withGaps } from "./line-diff.ts";

interface CompareDialogProps {
  /** Newest first. */
  readonly versions: readonly ListedVersion[];
  /** The older one at first. */
  readonly from: number;
  readonly onRestore: (version: ListedVersion) => void;
  readonly onClose: () => void;
}

export function CompareDialog({ versions, from, onRestore, onClose }: CompareDialogProps) {
  const [newest] = versions;
  const [before, setBefore] = useState(String(from));
  const [after, setAfter] = useState(String(newest?.version));
  const left = versions.find(({ version }) => String(version) === before);
  const right = versions.find(({ version }) => String(version) === after);
  const lines = useMemo(() => withGaps(diffLines(textOf(left), textOf(right))), [left, right]);
  const options = versions.map(({ version, changedAt, actorName }) => (
    <option key={version} value={String(version)}>
      {version}
      {version === newest?.version ? " (current)" : ""}, {exactTime(changedAt)}, {actorName}
    </option>
  ));
  return (
    <Dialog title="Compare versions" onClose={onClose}>
      <form class="wide-form" onSubmit={(event) => event.preventDefault()}>
        <div class="field-grid">
          <SelectField label="From version" value={before} onText={setBefore}>
            {options}
          </SelectField>
          <SelectField label="To version" value={after} onText={setAfter}>
            {options}
          </SelectField>
        </div>
        {lines.length === 0 ? (
          <p class="muted">Both are the same. Secrets are not compared, because no version has them.</p>
        ) : (
          <section class="diff" aria-label="What changed">
            {lines.map((line, index) => (
              <Line key={index} line={line} />
            ))}
          </section>
        )}
        <DialogButtons>
          {left === undefined || left === newest ? null : (
            <Button onClick={() => onRestore(left)}>Restore version {left.version}</Button>
          )}
          <Button onClick={onClose}>Close</Button>
        </DialogButtons>
      </form>
    </Dialog>
  );
}

function Line({ line }: { readonly line: DiffLine | Gap }) {
  if (line.kind === "gap") {
    return (
      <div class="diff-gap">
        {line.count} {line.count === 1 ? "line" : "lines"} that did not change
      </div>
    );
  }
  if (line.kind === "same") return <div>{`  ${line.text}`}</div>;
  return line.kind === "added" ? <ins>{`+ ${line.text}`}</ins> : <del>{`- ${line.text}`}</del>;
}

function textOf(version: ListedVersion | undefined): string {
  return JSON.stringify(version?.definition ?? {}, null, 2);
}
