/** Creates a token and shows it once. The token lives in this dialog alone, and is gone when the dialog closes. */
import { useState } from "preact/hooks";
import { laterInstant } from "../../words/since.ts";
import { useSession } from "../session/session.tsx";
import { ChangeDialog, Check, SelectField, TextArea, TextField, useForm } from "../ui/forms.tsx";
import { useNotices } from "../ui/parts.tsx";
import { useZone } from "../ui/time.tsx";
import { SecretDialog, TokenName } from "./token-dialogs.tsx";
import { expiryChoices, grantableOf, grantableRoles, RIGHTS, type Role, type Trust } from "./token-rules.ts";

interface NewTokenDialogProps {
  readonly onClose: () => void;
  /** Called when a token was created, or may have been. */
  readonly onCreated: () => void;
}

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
  const [expiry] = useState(() => expiryChoices(ownExpiresAt, Date.now(), holder.issuer !== null));
  const first = {
    "/name": "",
    "/role": "viewer",
    "/envName": holder.envName ?? "",
    "/expiresAt": expiry.first,
    "/person": holder.person ?? "",
    "/mayApprove": "",
    "/mayActForOthers": "",
    "/trust/for": "",
    "/trust/issuer": "",
    "/trust/claims": "",
  };
  const { change, texts, field } = useForm(first, { afterLoss: AFTER_LOSS });
  const name = texts["/name"].trim();
  const opener = texts["/trust/for"];
  const grantable = grantableOf(holder);
  // A person opens a people token, so the token names none. A program decides nothing.
  const namesPerson = opener !== "people" && (grantable.person || (holder.person !== null && holder.issuer === null));
  const offersApprove = opener !== "programs" && grantable.mayApprove;
  const offersOthers = opener === "" && grantable.mayActForOthers;

  function create() {
    if (name === "") {
      return change.refuse(new Map([["/name", "Give the token a name. Runs show it as their creator."]]));
    }
    const claims = opener === "" ? null : claimsIn(texts["/trust/claims"]);
    if (claims === undefined) return change.refuse(new Map([["/trust/claims", CLAIMS_RULE]]));
    const envName = texts["/envName"].trim();
    const expiresAt = laterInstant(texts["/expiresAt"], new Date())?.toISOString();
    const person = texts["/person"].trim();
    const body = {
      name,
      role: texts["/role"] as Role,
      ...(envName !== "" && { envName }),
      ...(expiresAt !== undefined && { expiresAt }),
      ...(namesPerson && person !== (holder.person ?? "") && { person: person || null }),
      ...(offersApprove && texts["/mayApprove"] && { mayApprove: true }),
      ...(offersOthers && texts["/mayActForOthers"] && { mayActForOthers: true }),
      ...(claims !== null && { trust: { for: opener as Trust["for"], issuer: texts["/trust/issuer"].trim(), claims } }),
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
        what={<TokenName name={name} />}
        secret={token}
        onClose={onClose}
      />
    );
  }
  return (
    <ChangeDialog title="New token" change={change} onSubmit={create} onClose={onClose} verb="Create token">
      <TextField label="Name" required hint="Runs show it as their creator." placeholder="ci" {...field("/name")} />
      <SelectField
        label="Role"
        options={grantableRoles(holder).map((role) => [role, `${role}: ${RIGHTS[role]}`])}
        {...field("/role")}
      />
      <TextField
        label="Environment"
        hint={
          holder.envName === null
            ? "The token opens only this environment. Empty means every environment."
            : "Your own token opens only this environment."
        }
        readOnly={holder.envName !== null}
        {...field("/envName")}
      />
      <SelectField
        label="Expires"
        hint={tokenExpiresAt === null ? null : `Your own token expires on ${exact(tokenExpiresAt)}.`}
        options={expiry.choices}
        {...field("/expiresAt")}
      />
      <SelectField label="Opened by" options={OPENERS} {...field("/trust/for")} />
      {opener === "" ? null : (
        <>
          <TextField
            label="Issuer"
            required
            hint="One of the operator's OIDC_ISSUERS, spelled exactly as there."
            placeholder="https://id.example.com"
            {...field("/trust/issuer")}
          />
          <TextArea
            label="Claims"
            required
            rows={3}
            hint="A JSON object: what the proof must say. A list names values of which one must match."
            placeholder='{ "groups": ["deployers"] }'
            {...field("/trust/claims")}
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
          {...field("/person")}
        />
      ) : null}
      {offersApprove ? <Flag label="May approve and reject runs, with any role" {...field("/mayApprove")} /> : null}
      {offersOthers ? (
        <Flag label="May act for others, as a portal does with On-Behalf-Of" {...field("/mayActForOthers")} />
      ) : null}
    </ChangeDialog>
  );
}

interface FlagProps {
  readonly label: string;
  /** Empty: it is not set. */
  readonly value: string;
  readonly error: string | undefined;
  readonly onText: (value: string) => void;
}

function Flag({ label, value, error, onText }: FlagProps) {
  return (
    <div>
      <Check isOn={value !== ""} onChange={(isOn) => onText(isOn ? "on" : "")}>
        {label}
      </Check>
      {error === undefined ? null : <p class="field-error">{error}</p>}
    </div>
  );
}
