/** Creates a token and shows it once. The token lives in this dialog alone, and is gone when the dialog closes. */

import { useState } from "preact/hooks";
import type { Schemas } from "../../client/index.ts";
import { useSession } from "../session/session.tsx";
import { ChangeForm, Dialog } from "../ui/dialog.tsx";
import { SelectField, TextField } from "../ui/field.tsx";
import { exactTime } from "../ui/time.tsx";
import { useChange } from "../ui/use-change.ts";
import { ShownSecret, TokenName } from "./shown-secret.tsx";
import { expiresAt, expiryChoices, firstChoice, grantableOf, grantableRoles, type Role } from "./token-rules.ts";

type CreatedApiToken = Schemas["CreatedApiToken"];

interface NewTokenDialogProps {
  readonly onClose: () => void;
  /** Called when a token was created, or may have been. */
  readonly onCreated: () => void;
}

export function NewTokenDialog({ onClose, onCreated }: NewTokenDialogProps) {
  const [created, setCreated] = useState<CreatedApiToken | null>(null);
  function show(token: CreatedApiToken) {
    setCreated(token);
    onCreated();
  }
  return (
    <Dialog title={created === null ? "New token" : "The new token"} onClose={onClose} isKept={created !== null}>
      {created === null ? (
        <TokenForm onClose={onClose} onCreated={show} onUnsure={onCreated} />
      ) : (
        <ShownSecret
          label="New token value"
          what={<TokenName name={created.name} />}
          secret={created.token}
          onClose={onClose}
        />
      )}
    </Dialog>
  );
}

interface TokenFormProps {
  readonly onClose: () => void;
  readonly onCreated: (token: CreatedApiToken) => void;
  readonly onUnsure: () => void;
}

const FIELDS = ["/name", "/role", "/envName", "/expiresAt", "/person", "/mayApprove", "/mayActForOthers"];
const AFTER_LOSS = "The service may have created a token. Look for it in the list, and revoke it.";

function TokenForm({ onClose, onCreated, onUnsure }: TokenFormProps) {
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
      done: onCreated,
      explain({ status }) {
        // The response was lost, so nobody knows.
        if (status === null) onUnsure();
        return null;
      },
    });
  }

  return (
    <ChangeForm change={change} onSubmit={create} onClose={onClose} verb="Create token">
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
        hint={tokenExpiresAt === null ? null : `Your own token expires on ${exactTime(tokenExpiresAt)}.`}
        value={expiry}
        error={problems.get("/expiresAt")}
        onText={setExpiry}
      >
        {choices.map(({ key, label }) => (
          <option key={key} value={key}>
            {label}
          </option>
        ))}
      </SelectField>
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
    </ChangeForm>
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
      <label class="switch">
        <input type="checkbox" checked={isOn} onChange={(event) => onChange(event.currentTarget.checked)} />
        {label}
      </label>
      {error === undefined ? null : <p class="field-error">{error}</p>}
    </div>
  );
}
