/** Stores an older version of an action again. It asks for the secrets that the service no longer has. */

import { useState } from "preact/hooks";
import type { ActionDefinition, ListedVersion, StoredAction } from "../../client/index.ts";
import { SecretFields, secretProblem } from "../definitions/secret-fields.tsx";
import { useSession } from "../session/session.tsx";
import { ChangeForm } from "../ui/change-form.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { useNotices } from "../ui/notices.tsx";
import { problemsOf, useChange } from "../ui/use-change.ts";
import { secretsOf, withSecrets } from "./secret-members.ts";

const CHANGED = "Somebody changed this action meanwhile. Close this dialog, look at the action, and decide again.";
const AFTER_LOSS = "The service may have stored this. Close this dialog and look at the action before you try again.";

interface RestoreDialogProps {
  readonly action: StoredAction;
  readonly version: ListedVersion;
  readonly onClose: () => void;
  /** Called when the action is another than before. */
  readonly onChanged: () => void;
}

export function RestoreDialog({ action, version, onClose, onChanged }: RestoreDialogProps) {
  const { client } = useSession();
  const { note } = useNotices();
  const { name, version: current } = action;
  const { definition } = version;
  const secrets = secretsOf(definition);
  const fields = secrets.map(({ pointer }) => pointer);
  const stored = new Set(secretsOf(action.definition).map(({ pointer }) => pointer));
  const [isAsking, setAsking] = useState(false);
  const [typed, setTyped] = useState<ReadonlyMap<string, string>>(new Map());
  const change = useChange({ fields, afterLoss: AFTER_LOSS });
  const restore = () =>
    change.submit({
      send: ({ signal }) =>
        client.actions.put(name, withSecrets(definition, typed) as ActionDefinition, { ifVersion: current, signal }),
      done(put) {
        note(`${name} is stored as version ${put.version}, which equals version ${version.version}.`);
        onChanged();
        onClose();
      },
      explain(error) {
        if (error.code === "secret_required") {
          setAsking(true);
          return secretProblem(error, fields, stored) ?? problemsOf(error, fields, AFTER_LOSS);
        }
        if (error.status !== 412) return null;
        onChanged();
        return new Map([[null, CHANGED]]);
      },
    });
  return (
    <Dialog title={`Restore version ${version.version}?`} onClose={onClose} isKept={typed.size > 0}>
      <ChangeForm change={change} onSubmit={restore} onClose={onClose} verb="Restore">
        <p>
          The definition of version {version.version} becomes the action's new version. Version {current} stays in the
          list. Runs that have begun continue. The change takes effect within 30 seconds.
        </p>
        {isAsking ? (
          <SecretFields
            members={secrets}
            typed={typed}
            stored={stored}
            problemAt={(pointer) => change.problems.get(pointer)}
            onType={(pointer, text) => setTyped((before) => new Map(before).set(pointer, text))}
          />
        ) : secrets.length > 0 ? (
          <p class="muted">Secrets that are stored now are kept. You are asked for those that are missing.</p>
        ) : null}
      </ChangeForm>
    </Dialog>
  );
}
