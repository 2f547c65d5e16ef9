/** Shows what an action makes of an event that somebody types. Nothing is started. */
import { useState } from "preact/hooks";
import type { Schemas } from "../../client/index.ts";
import { parseExact } from "../../words/typed-json.ts";
import { useSession } from "../session/session.tsx";
import { ChangeDialog, filledLines, TextArea, useChange } from "../ui/forms.tsx";
import { JsonTree } from "../ui/json-tree.tsx";
import type { StoredAction } from "./action-editor.tsx";

interface TryEventDialogProps {
  readonly action: StoredAction;
  readonly onClose: () => void;
}

const HEADERS = "/headers";
const BODY = "/body";

export function TryEventDialog({ action: { name, definition }, onClose }: TryEventDialogProps) {
  const { reader } = useSession();
  const [tried, setTried] = useState<Schemas["TriedEvent"] | null>(null);
  const [headers, setHeaders] = useState("");
  const [body, setBody] = useState("{}");
  const change = useChange({ fields: [HEADERS, BODY], afterLoss: "Nothing was started. Try again." });
  const { headers: named = [] } = definition.inbound ?? {};
  function attempt() {
    setTried(null);
    const read = headersOf(headers);
    if (typeof read === "string") return change.refuse(new Map([[HEADERS, read]]));
    const parsed = parseExact(body);
    if ("problem" in parsed) return change.refuse(new Map([[BODY, parsed.problem]]));
    change.submit({
      send: ({ signal }) => reader.actions.tryInbound(name, { headers: read, body: parsed.value }, { signal }),
      done: setTried,
    });
  }
  return (
    <ChangeDialog
      title="Try a sample event"
      change={change}
      onSubmit={attempt}
      onClose={onClose}
      verb="Try it"
      keep="Close"
      class="wide-form"
      besides={tried === null ? null : <Tried of={tried} />}
    >
      <p class="muted">Paste an event of the product. No run is created, and no signature is needed.</p>
      {named.length === 0 ? null : (
        <TextArea
          label="Headers"
          hint={`One on each line, such as ${named[0]}: push. The action reads only ${named.join(", ")}.`}
          rows={2}
          value={headers}
          error={change.problems.get(HEADERS)}
          onText={setHeaders}
        />
      )}
      <TextArea
        label="Body"
        hint="JSON, as the product sends it."
        rows={8}
        value={body}
        error={change.problems.get(BODY)}
        onText={setBody}
      />
    </ChangeDialog>
  );
}

function Tried({ of: { matches, parameters, error } }: { readonly of: Schemas["TriedEvent"] }) {
  const isStarted = matches && error === null;
  return (
    <>
      <p class={`note is-${isStarted ? "succeeded" : error === null ? "warning" : "failed"}`} role="alert">
        <strong>
          This event starts {isStarted ? "a" : "no"} run{matches ? "." : ", because it does not meet the conditions."}
        </strong>{" "}
        {error === null ? "Its parameters:" : <bdi>{error}</bdi>}
      </p>
      {parameters === null ? null : <JsonTree what="parameters" value={parameters} />}
    </>
  );
}

/** `Name: value` on each line. A sentence if a line is something else. */
export function headersOf(text: string): Readonly<Record<string, string>> | string {
  const pairs: [string, string][] = [];
  for (const line of filledLines(text)) {
    const [, name, value] = /^([^\s:]+):\s*(.*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined)
      return `“${line.slice(0, 40)}” is not a header. Type a name, a colon and a value.`;
    pairs.push([name, value]);
  }
  return Object.fromEntries(pairs);
}
