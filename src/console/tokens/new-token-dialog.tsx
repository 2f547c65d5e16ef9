/** Creates a token and shows it once. The token lives in this dialog alone, and is gone when the dialog closes. */

import { useState } from "preact/hooks";
import type { Schemas } from "../../client/index.ts";
import { useSession } from "../session/session.tsx";
import { ChangeDialog } from "../ui/dialog.tsx";
import { Check, SelectField, TextField } from "../ui/field.tsx";
import { useZone } from "../ui/time.tsx";
import { useChange } from "../ui/use-change.ts";
import { SecretDialog, TokenName } from "./shown-secret.tsx";
import { expiresAt, expiryChoices, firstChoice, grantableOf, grantableRoles, type Role } from "./token-rules.ts";

interface NewTokenDialogProps {
  readonly onClose: () => void;
  /** Called when a token was created, or may have been. */
  readonly onCreated: () => void;
}

const FIELDS = ["/name", "/role", "/envName", "/expiresAt", "/person", "/mayApprove", "/mayActForOthers"];
const AFTER_LOSS = "The service may have created a token. Look for it in the list, and revoke it.";

export function NewTokenDialog({ onClose, onCreated }: NewTokenDialogProps) {
  const { exact } = useZone();
  const [created, setCreated] = useState<(Schemas["CreatedApiToken"] & { readonly token: string }) | null>(null);
  const { client, holder } = useSession();
  const { tokenExpiresAt } = holder;
  const ownExpiresAt = tokenExpiresAt === null ? null : Date.parse(tokenExpiresAt);
  const [choices] = useState(() => expiryChoices(ownExpiresAt, Date.now()));
  const roles = grantableRoles(holder);
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const [envName, setEnvName] = useState(holder.envName ?? "");
  const [expiry, setExpiry] = useState(() => firstChoice(choices));
  const grantable = grantableOf(holder);
  const [person, setPerson] = useState(holder.person ?? "");
  const [mayApprove, setMayApprove] = useState(false);
  const [mayActForOthers, setMayActForOthers] = useState(false);
  const change = useChange({ fields: FIELDS, afterLoss: AFTER_LOSS });
  const { problems } = change;

  function create() {
    if (name.trim() === "") {
      return change.refuse(new Map([["/name", "Give the token a name. Runs show it as their creator."]]));
    }
    const at = expiresAt(choices, expiry, Date.now());
    const body = {
      name: name.trim(),
      role,
      ...(envName.trim() === "" ? {} : { envName: envName.trim() }),
      ...(at === undefined ? {} : { expiresAt: at }),
      ...(person.trim() !== (holder.person ?? "") && { person: person.trim() || null }),
      ...(mayApprove && { mayApprove }),
      ...(mayActForOthers && { mayActForOthers }),
    };
    change.submit({
      send: ({ signal }) => client.tokens.create(body, { signal }),
      done(token) {
        setCreated(token);
        onCreated();
      },
      explain({ status }) {
        // The response was lost, so nobody knows.
        if (status === null) onCreated();
        return null;
      },
    });
  }

  if (created !== null) {
    return (
      <SecretDialog
        title="The new token"
        label="New token value"
        what={<TokenName name={created.name} />}
        secret={created.token}
        onClose={onClose}
      />
    );
  }
  return (
    <ChangeDialog title="New token" change={change} onSubmit={create} onClose={onClose} verb="Create token">
      <TextField
        label="Name"
        required
        hint="Runs show it as their creator."
        placeholder="ci"
        value={name}
        error={problems.get("/name")}
        onText={setName}
      />
      <SelectField label="Role" value={role} error={problems.get("/role")} onText={(text) => setRole(text as Role)}>
        {roles.map((one) => (
          <option key={one.role} value={one.role}>
            {one.role}: {one.rights}
          </option>
        ))}
      </SelectField>
      <TextField
        label="Environment"
        hint={
          holder.envName === null
            ? "The token opens only this environment. Empty means every environment."
            : "Your own token opens only this environment."
        }
        readOnly={holder.envName !== null}
        value={envName}
        error={problems.get("/envName")}
        onText={setEnvName}
      />
      <SelectField
        label="Expires"
        hint={tokenExpiresAt === null ? null : `Your own token expires on ${exact(tokenExpiresAt)}.`}
        value={expiry}
        error={problems.get("/expiresAt")}
        onText={setExpiry}
        options={choices.map(({ key, label }) => [key, label])}
      />
      {grantable.person || holder.person !== null ? (
        <TextField
          label="Person"
          hint={
            holder.person === null
              ? "Whom the token acts for. Runs show this name instead of the token's. Optional."
              : `Your own token acts for this person.${grantable.person ? " Empty: for nobody, as a machine does." : ""}`
          }
          readOnly={!grantable.person}
          value={person}
          error={problems.get("/person")}
          onText={setPerson}
        />
      ) : null}
      <Flag
        label="May approve and reject runs, with any role"
        isOffered={grantable.mayApprove}
        isOn={mayApprove}
        error={problems.get("/mayApprove")}
        onChange={setMayApprove}
      />
      <Flag
        label="May act for others, as a portal does with On-Behalf-Of"
        isOffered={grantable.mayActForOthers}
        isOn={mayActForOthers}
        error={problems.get("/mayActForOthers")}
        onChange={setMayActForOthers}
      />
    </ChangeDialog>
  );
}

interface FlagProps {
  readonly label: string;
  /** Whether the holder can give it. */
  readonly isOffered: boolean;
  readonly isOn: boolean;
  readonly error: string | undefined;
  readonly onChange: (isOn: boolean) => void;
}

function Flag({ label, isOffered, isOn, error, onChange }: FlagProps) {
  if (!isOffered) return null;
  return (
    <div>
      <Check isOn={isOn} onChange={onChange}>
        {label}
      </Check>
      {error === undefined ? null : <p class="field-error">{error}</p>}
    </div>
  );
}
