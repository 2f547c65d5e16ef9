/** Stores a new action or changes one. */

import { useMemo, useState } from "preact/hooks";
import type { Schemas, Stored } from "../../client/index.ts";
import { leftOverWarning } from "../../words/typed-json.ts";
import { DefinitionEditor, type DefinitionKind, type View } from "../definitions/definition-editor.tsx";
import { useWaitingNote } from "../gates/waiting-note.tsx";
import { pathOf } from "../pages.ts";
import { useRouter } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { Button } from "../ui/button.tsx";
import { DefinitionFields, pointersOfFields } from "./definition-fields.tsx";
import { parametersIn, SHOWN, secretsOf } from "./definition-shape.ts";
import { newDefinition, productOf } from "./products.ts";
import { RunDialog } from "./run-dialog.tsx";
import { isSchema, type Schema } from "./schema-form.ts";

type StoredAction = Stored<Schemas["Action"]>;

interface ActionEditorProps {
  /** What the editor changes; null for a new action. */
  readonly stored: StoredAction | null;
  readonly onClose: () => void;
  /** Called when a read or a save shows another version than before. */
  readonly onStored: () => void;
}

const ABOUT_NULL =
  "Each null stands for a secret. Type it below, or leave its field empty to keep the stored one. A change takes effect within 30 seconds.";

export function ActionEditor({ stored, onClose, onStored }: ActionEditorProps) {
  const { client, scope, reader, may } = useSession();
  const router = useRouter();
  const [toRun, setToRun] = useState<StoredAction | null>(null);
  const kind = useMemo<DefinitionKind<StoredAction>>(
    () => ({
      noun: "action",
      namePlaceholder: "deploy",
      aboutNull: ABOUT_NULL,
      pageOf: (action) => ({ name: "action", action, ...scope }),
      put: (name, definition, options) => client.actions.put(name, definition as Schemas["ActionDefinition"], options),
      get: reader.actions.get,
      goneCode: "action_not_found",
      shown: SHOWN,
      viewOf,
      Fields: DefinitionFields,
    }),
    [client, reader, scope],
  );
  const noteWaiting = useWaitingNote();
  function leave(put: StoredAction) {
    if (stored !== null && put.version !== stored.version) noteWaiting(put.name);
    onClose();
    if (stored === null) router.navigate(pathOf({ name: "action", action: put.name, ...scope }));
  }
  if (toRun !== null) return <RunDialog action={toRun} onClose={() => leave(toRun)} />;
  return (
    <DefinitionEditor
      kind={kind}
      stored={stored}
      onClose={onClose}
      onStored={onStored}
      first={newDefinition}
      onSaved={leave}
      also={({ change, save }) =>
        may("data:write") ? (
          <Button isBusy={change.isBusy} onClick={() => save(setToRun)}>
            Save and run
          </Button>
        ) : null
      }
    />
  );
}

function viewOf(definition: Schema | null, base: object | undefined, isJson: boolean): View {
  const read = definition === null ? null : productIn(definition);
  const isWhole = isJson || read === null;
  return {
    secrets: secretsOf(definition).filter(({ pointer }) => isWhole || isTyped(pointer, read)),
    known: read?.product.secrets ?? [],
    kept: new Set(secretsOf(base).map(({ pointer }) => pointer)),
    pointers: pointersOfFields(definition),
    empty: [
      ...(isWhole
        ? []
        : read.product.fields.filter(({ key }) => !read.values[key]).map(({ key }) => `/trigger/url/${key}`)),
      ...(!isJson && isSchema(definition?.concurrency) && definition.concurrency.group === ""
        ? ["/concurrency/group"]
        : []),
    ],
    warning: isWhole ? leftOverWarning(definition, "or the job can't start") : null,
  };
}

type ReadProduct = ReturnType<typeof productOf>;

function productIn({ trigger, parametersSchema }: Schema): ReadProduct {
  const names = (parametersIn(parametersSchema) ?? []).map(({ name }) => name);
  return isSchema(trigger) ? productOf(trigger, names) : null;
}

/** Whether people type this secret. A product's other headers are templates that need no secret of their own. */
function isTyped(pointer: string, { product }: NonNullable<ReadProduct>): boolean {
  return pointer.endsWith("/signingSecret") || product.secrets.some((secret) => secret.pointer === pointer);
}
