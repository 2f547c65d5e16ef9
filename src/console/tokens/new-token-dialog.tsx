/** Creates a token and shows it once. The token lives in this dialog alone, and is gone when the dialog closes. */
import { useState } from "preact/hooks";
import { useSession } from "../session/session.tsx";
import { ChangeDialog, Check, SelectField, TextArea, TextField, useChange } from "../ui/forms.tsx";
import { useNotices } from "../ui/notices.tsx";
import { useZone } from "../ui/time.tsx";
import { SecretDialog, TokenName } from "./shown-secret.tsx";
import {
  expiresAt,
  expiryChoices,
  firstChoice,
  grantableOf,
  grantableRoles,
  type Role,
  type Trust,
} from "./token-rules.ts";

interface NewTokenDialogProps {
  readonly onClose: () => void;
  /** Called when a token was created, or may have been. */
  readonly onCreated: () => void;
}

const FIELDS = [
  "/trust/for",
  "/trust/issuer",
  "/trust/claims",
  "/name",
  "/role",
  "/envName",
  "/expiresAt",
  "/person",
  "/mayApprove",
  "/mayActForOthers",
];
const AFTER_LOSS = "The service may have created a token. Look for it in the list, and revoke it.";

const OPENERS = [
  ["", "A secret, shown once"],
  ["people", "People who sign in"],
  ["programs", "Programs with a proof"],
] as const;
const CLAIMS_RULE = 'Write a JSON object, such as { "groups": ["deployers"] }.';

/** Undefined if the text is no JSON object. The service says what is wrong with its members. */
function claimsIn(text: string): Trust["claims"] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Trust["claims"];
  } catch {}
}

export function NewTokenDialog({ onClose, onCreated }: NewTokenDialogProps) {
  const { exact } = useZone();
  const [token, setToken] = useState<string | null>(null);
  const { client, holder } = useSession();
  const { note } = useNotices();
  const { tokenExpiresAt } = holder;
  const ownExpiresAt = tokenExpiresAt === null ? null : Date.parse(tokenExpiresAt);
  const [choices] = useState(() => expiryChoices(ownExpiresAt, Date.now(), holder.issuer !== null));
  const roles = grantableRoles(holder);
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const [envName, setEnvName] = useState(holder.envName ?? "");
  const [expiry, setExpiry] = useState(() => firstChoice(choices));
  const grantable = grantableOf(holder);
  const [person, setPerson] = useState(holder.person ?? "");
  const [mayApprove, setMayApprove] = useState(false);
  const [mayActForOthers, setMayActForOthers] = useState(false);
  const [opener, setOpener] = useState("");
  const [issuer, setIssuer] = useState("");
  const [claims, setClaims] = useState("");
  const change = useChange({ fields: FIELDS, afterLoss: AFTER_LOSS });
  const { problems } = change;
  // A person opens a people token, so the token names none. A program decides nothing.
  const namesPerson = opener !== "people" && (grantable.person || (holder.person !== null && holder.issuer === null));
  const offersApprove = opener !== "programs" && grantable.mayApprove;
  const offersOthers = opener === "" && grantable.mayActForOthers;

  function create() {
    if (name.trim() === "") {
      return change.refuse(new Map([["/name", "Give the token a name. Runs show it as their creator."]]));
    }
    const parsed = opener === "" ? null : claimsIn(claims);
    if (parsed === undefined) return change.refuse(new Map([["/trust/claims", CLAIMS_RULE]]));
    const at = expiresAt(choices, expiry, Date.now());
    const body = {
      name: name.trim(),
      role,
      ...(envName.trim() === "" ? {} : { envName: envName.trim() }),
      ...(at === undefined ? {} : { expiresAt: at }),
      ...(namesPerson && person.trim() !== (holder.person ?? "") && { person: person.trim() || null }),
      ...(offersApprove && mayApprove && { mayApprove }),
      ...(offersOthers && mayActForOthers && { mayActForOthers }),
      ...(parsed !== null && { trust: { for: opener as Trust["for"], issuer: issuer.trim(), claims: parsed } }),
    };
    change.submit({
      send: ({ signal }) => client.tokens.create(body, { signal }),
      done(created) {
        onCreated();
        if (created.token !== undefined) return setToken(created.token);
        note(`The token ${created.name} is created.`);
        onClose();
      },
      explain({ status }) {
        // The response was lost, so nobody knows.
        if (status === null) onCreated();
        return null;
      },
    });
  }

  if (token !== null) {
    return (
      <SecretDialog
        title="The new token"
        label="New token value"
        what={<TokenName name={name.trim()} />}
        secret={token}
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
      <SelectField
        label="Opened by"
        value={opener}
        error={problems.get("/trust/for")}
        onText={setOpener}
        options={OPENERS}
      />
      {opener === "" ? null : (
        <>
          <TextField
            label="Issuer"
            required
            hint="One of the operator's OIDC_ISSUERS, spelled exactly as there."
            placeholder="https://id.example.com"
            value={issuer}
            error={problems.get("/trust/issuer")}
            onText={setIssuer}
          />
          <TextArea
            label="Claims"
            required
            rows={3}
            hint="A JSON object: what the proof must say. A list names values of which one must match."
            placeholder='{ "groups": ["deployers"] }'
            value={claims}
            error={problems.get("/trust/claims")}
            onText={setClaims}
          />
        </>
      )}
      {namesPerson ? (
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
        isOffered={offersApprove}
        isOn={mayApprove}
        error={problems.get("/mayApprove")}
        onChange={setMayApprove}
      />
      <Flag
        label="May act for others, as a portal does with On-Behalf-Of"
        isOffered={offersOthers}
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
