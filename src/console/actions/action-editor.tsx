/** A definition as JSON, to store a new action or to change one. */

import { useState } from "preact/hooks";
import { type ActionDefinition, ActionRunsError, type StoredAction } from "../../client/index.ts";
import { pageAt, pathOf } from "../routes/pages.ts";
import { useRouter } from "../routes/router.tsx";
import { useSession } from "../session/session.tsx";
import { Button } from "../ui/button.tsx";
import { CopyButton } from "../ui/copy-button.tsx";
import { Dialog, DialogButtons } from "../ui/dialog.tsx";
import { sentenceOf } from "../ui/error-view.tsx";
import { TextArea, TextField } from "../ui/field.tsx";
import { useNotices } from "../ui/notices.tsx";
import { FIRST_DEFINITION } from "./commands.ts";
import { parseExact } from "./exact-json.ts";
import { isSchema } from "./schema-form.ts";

interface ActionEditorProps {
  /** What the editor changes; null for a new action. */
  readonly stored: StoredAction | null;
  readonly onClose: () => void;
  /** Called when the stored action is another one than before. */
  readonly onStored: () => void;
}

type Problem = { readonly of: "name" | "definition"; readonly sentence: string };

const SECRETS =
  "The console never shows the values of headers, secrets and signingSecret. Null keeps a stored value. A change takes effect within 30 seconds.";
const DELETED =
  "Somebody deleted this action and its secrets. To store yours as a new action, replace each null by its secret, and save.";
const NAME_RULE =
  "Use 1 to 63 letters, digits, dots, hyphens and underscores, beginning with a letter or a digit.";

export function ActionEditor({ stored, onClose, onStored }: ActionEditorProps) {
  const { client, place, reader } = useSession();
  const router = useRouter();
  const { note } = useNotices();
  // What the text began as. A PUT replaces only this version.
  const [base, setBase] = useState(stored);
  const [name, setName] = useState(stored?.name ?? "");
  const [shown, setShown] = useState(() => pretty(stored?.definition ?? FIRST_DEFINITION));
  const [text, setText] = useState(shown);
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isOutdated, setOutdated] = useState(false);

  async function save(event: Event) {
    event.preventDefault();
    if (isBusy) return;
    const asked = name.trim();
    const page = { name: "action", action: asked, ...place } as const;
    if (pageAt(pathOf(page))?.name !== "action") return setProblem({ of: "name", sentence: NAME_RULE });
    const definition = definitionOf(text);
    if (typeof definition === "string") return setProblem({ of: "definition", sentence: definition });
    setProblem(null);
    setBusy(true);
    try {
      const { version } = await client.actions.put(asked, definition, { ifVersion: base?.version ?? null });
      note(`${asked} is stored as version ${version}.`);
      onStored();
      onClose();
      if (stored === null) router.navigate(pathOf(page));
    } catch (error) {
      refuse(error);
    } finally {
      setBusy(false);
    }
  }

  function refuse(error: unknown) {
    const isChanged = error instanceof ActionRunsError && error.status === 412;
    if (isChanged && stored === null) {
      const sentence =
        "There is an action of this name. Choose another name, or open that action and edit it.";
      return setProblem({ of: "name", sentence });
    }
    setOutdated(isChanged);
    if (!isChanged) setProblem({ of: "definition", sentence: sentenceOf(error) });
  }

  async function showTheirs() {
    setBusy(true);
    try {
      const theirs = await reader.actions.get(name);
      setBase(theirs);
      setShown(pretty(theirs.definition));
      setText(pretty(theirs.definition));
      setOutdated(false);
      onStored();
    } catch (error) {
      const isGone = error instanceof ActionRunsError && error.code === "action_not_found";
      if (isGone) {
        setBase(null);
        setOutdated(false);
      }
      setProblem({ of: "definition", sentence: isGone ? DELETED : sentenceOf(error) });
    } finally {
      setBusy(false);
    }
  }

  const problemOf = (field: Problem["of"]) => (problem?.of === field ? problem.sentence : null);
  return (
    <Dialog
      title={stored === null ? "New action" : `Edit ${stored.name}`}
      onClose={onClose}
      isKept={text !== shown}
    >
      <form class="wide-form" onSubmit={save} noValidate>
        {stored === null ? (
          <TextField
            label="Name"
            required
            placeholder="deploy"
            value={name}
            error={problemOf("name")}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        ) : null}
        <TextArea
          label="Definition"
          class="editor"
          rows={18}
          hint={SECRETS}
          value={text}
          error={problemOf("definition")}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        {isOutdated ? (
          <div class="warning-box" role="alert">
            <p>
              Somebody changed this action after you opened it, so yours is not saved. Copy your text, show
              theirs, and make your change again.
            </p>
            <div class="head-buttons">
              <CopyButton what="your text" text={text} hasWord />
              <Button onClick={showTheirs} isBusy={isBusy}>
                Show theirs
              </Button>
            </div>
          </div>
        ) : null}
        <DialogButtons>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" isBusy={isBusy}>
            Save
          </Button>
        </DialogButtons>
      </form>
    </Dialog>
  );
}

/** A sentence if the text is no definition. Everything else is judged by the service. */
function definitionOf(text: string): ActionDefinition | string {
  const parsed = parseExact(text);
  if ("problem" in parsed) return parsed.problem;
  if (!isSchema(parsed.value)) return 'A definition is a JSON object, such as { "description": "…" }.';
  return parsed.value as ActionDefinition;
}

function pretty(definition: object): string {
  return JSON.stringify(definition, null, 2);
}
