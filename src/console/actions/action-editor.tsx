/** A definition as JSON, to store a new action or to change one. */

import { useState } from "preact/hooks";
import type { ActionDefinition, StoredAction } from "../../client/index.ts";
import { pageAt, pathOf } from "../routes/pages.ts";
import { useRouter } from "../routes/router.tsx";
import { useSession } from "../session/session.tsx";
import { Button } from "../ui/button.tsx";
import { ChangeForm } from "../ui/change-form.tsx";
import { CopyButton } from "../ui/copy-button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { TextArea, TextField } from "../ui/field.tsx";
import { useNotices } from "../ui/notices.tsx";
import { NO_PROBLEMS, useChange } from "../ui/use-change.ts";
import { FIRST_DEFINITION } from "./commands.ts";
import { parseExact } from "./exact-json.ts";
import { isSchema } from "./schema-form.ts";

interface ActionEditorProps {
  /** What the editor changes; null for a new action. */
  readonly stored: StoredAction | null;
  readonly onClose: () => void;
  /** Called when a read or a save shows another version than before. */
  readonly onStored: () => void;
}

/** The name is part of the path, and the definition is the whole body. */
const NAME = "name";
const DEFINITION = "";

const SECRETS =
  "The console never shows the values of headers, secrets and signingSecret. Null keeps a stored value. A change takes effect within 30 seconds.";
const DELETED =
  "Somebody deleted this action and its secrets. To store yours as a new action, replace each null by its secret, and save.";
const TAKEN = "There is an action of this name. Choose another name, or open that action and edit it.";
const AFTER_LOSS =
  "The service may have stored this. If you save again and the action was changed meanwhile, look at it first: the change may be yours.";
const NAME_RULE =
  "Use 1 to 63 letters, digits, dots, hyphens and underscores, beginning with a letter or a digit.";

export function ActionEditor({ stored, onClose, onStored }: ActionEditorProps) {
  const { client, scope, reader } = useSession();
  const router = useRouter();
  const { note } = useNotices();
  // What the text began as. A PUT replaces only this version.
  const [base, setBase] = useState(stored);
  const [name, setName] = useState(stored?.name ?? "");
  const [shown, setShown] = useState(() => pretty(stored?.definition ?? FIRST_DEFINITION));
  const [text, setText] = useState(shown);
  const [isOutdated, setOutdated] = useState(false);
  const change = useChange({ fields: [DEFINITION], afterLoss: AFTER_LOSS });

  function save() {
    const asked = name.trim();
    const page = { name: "action", action: asked, ...scope } as const;
    if (pageAt(pathOf(page))?.name !== "action") return change.refuse(new Map([[NAME, NAME_RULE]]));
    const definition = definitionOf(text);
    if (typeof definition === "string") return change.refuse(new Map([[DEFINITION, definition]]));
    change.submit({
      send: ({ signal }) =>
        client.actions.put(asked, definition, { ifVersion: base?.version ?? null, signal }),
      done({ version }) {
        note(`${asked} is stored as version ${version}.`);
        onStored();
        onClose();
        if (stored === null) router.navigate(pathOf(page));
      },
      explain({ status }) {
        const isChanged = status === 412;
        if (isChanged && stored === null) return new Map([[NAME, TAKEN]]);
        setOutdated(isChanged);
        return isChanged ? NO_PROBLEMS : null;
      },
    });
  }

  const showTheirs = () =>
    change.submit({
      send: ({ signal }) => reader.actions.get(name, { signal }),
      done(theirs) {
        setBase(theirs);
        setShown(pretty(theirs.definition));
        setText(pretty(theirs.definition));
        setOutdated(false);
        onStored();
      },
      explain({ code }) {
        if (code !== "action_not_found") return null;
        setBase(null);
        setOutdated(false);
        return new Map([[DEFINITION, DELETED]]);
      },
    });

  return (
    <Dialog
      title={stored === null ? "New action" : `Edit ${stored.name}`}
      onClose={onClose}
      isKept={text !== shown}
    >
      <ChangeForm change={change} onSubmit={save} onClose={onClose} verb="Save" class="wide-form">
        {stored === null ? (
          <TextField
            label="Name"
            required
            placeholder="deploy"
            value={name}
            error={change.problems.get(NAME)}
            onText={setName}
          />
        ) : null}
        <TextArea
          label="Definition"
          class="editor"
          rows={18}
          hint={SECRETS}
          value={text}
          error={change.problems.get(DEFINITION)}
          onText={setText}
        />
        {isOutdated ? (
          <div class="warning-box" role="alert">
            <p>
              Somebody changed this action after you opened it, so yours is not saved. Copy your text, show
              theirs, and make your change again.
            </p>
            <div class="head-buttons">
              <CopyButton what="your text" text={text} hasWord />
              <Button onClick={showTheirs} isBusy={change.isBusy}>
                Show theirs
              </Button>
            </div>
          </div>
        ) : null}
      </ChangeForm>
    </Dialog>
  );
}

/** A sentence if the text is no definition. The service checks everything else. */
function definitionOf(text: string): ActionDefinition | string {
  const parsed = parseExact(text);
  if ("problem" in parsed) return parsed.problem;
  if (!isSchema(parsed.value)) return 'A definition is a JSON object, such as { "description": "…" }.';
  return parsed.value as ActionDefinition;
}

function pretty(definition: object): string {
  return JSON.stringify(definition, null, 2);
}
