/** The dialogs of a token: a new one, its secret, which is shown once, its rotation, and its end. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Schemas } from "../../client/index.ts";
import { laterInstant } from "../../words/since.ts";
import { counted } from "../../words/statuses.ts";
import { objectOf } from "../actions/schema-form.ts";
import { setDisabled } from "../notifications/endpoint-state.tsx";
import type { Page } from "../pages.ts";
import { hrefOf, Link } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import {
  ChangeDialog,
  ChangeForm,
  Check,
  ConfirmDialog,
  Dialog,
  DialogButtons,
  SelectField,
  TextArea,
  TextField,
  useChange,
  useForm,
} from "../ui/forms.tsx";
import { Button, CopyButton, useNotices } from "../ui/parts.tsx";
import { Countdown, useZone } from "../ui/time.tsx";
import {
  expiryChoices,
  firstGracePeriod,
  gracePeriodChoices,
  grantableOf,
  grantableRoles,
  RIGHTS,
  type Role,
  secondsOf,
  type Trust,
} from "./token-rules.ts";

interface SecretDialogProps {
  readonly title: string;
  readonly label: string;
  /** What to copy: "the token". */
  readonly what: ComponentChildren;
  readonly secret: string;
  readonly onClose: () => void;
  readonly children?: ComponentChildren;
}

export function SecretDialog({ title, label, what, secret, onClose, children }: SecretDialogProps) {
  const field = useRef<HTMLDivElement>(null);
  useEffect(() => field.current?.querySelector("input")?.select(), []);
  return (
    <Dialog title={title} onClose={onClose} isKept>
      <div class="stack gap-12">
        <p>Copy {what} now. Nobody can see it again.</p>
        <div class="with-button row no-wrap" ref={field}>
          <TextField label={label} readOnly value={secret} />
          <CopyButton what="secret" text={secret} hasWord />
        </div>
        {children}
        <DialogButtons>
          <Button kind="primary" onClick={onClose}>
            Done
          </Button>
        </DialogButtons>
      </div>
    </Dialog>
  );
}

function TokenName({ name }: { readonly name: string }) {
  return (
    <>
      the token{" "}
      <strong>
        <bdi>{name}</bdi>
      </strong>
    </>
  );
}

interface TokenDialogProps {
  readonly token: Schemas["ApiToken"];
  readonly onClose: () => void;
  /** Called when the token was changed, or may have been. */
  readonly onChanged: () => void;
}

const AFTER_LOST_CREATE = "The service may have created a token. Look for it in the list, and revoke it.";

const OPENERS = [
  ["", "A secret, shown once"],
  ["people", "People who sign in"],
  ["programs", "Programs with a proof"],
] as const;
const CLAIMS_RULE = 'Write a JSON object, such as { "groups": ["deployers"] }.';

/** The token lives in this dialog alone, and is gone when the dialog closes. */
export function NewTokenDialog({ onClose, onChanged }: Omit<TokenDialogProps, "token">) {
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
  const { change, texts, field } = useForm(first, { afterLoss: AFTER_LOST_CREATE });
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
    // The service says what is wrong with its members.
    const claims = objectOf(opener === "" ? "{}" : texts["/trust/claims"]) as Trust["claims"] | null;
    if (claims === null) return change.refuse(new Map([["/trust/claims", CLAIMS_RULE]]));
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
      ...(opener !== "" && { trust: { for: opener as Trust["for"], issuer: texts["/trust/issuer"].trim(), claims } }),
    };
    change.submit({
      send: ({ signal }) => client.tokens.create(body, { signal }),
      done(created) {
        onChanged();
        if (created.token !== undefined) return setToken(created.token);
        note(`The token ${created.name} is created.`);
        onClose();
      },
      explain({ status }) {
        // The response was lost, so nobody knows.
        if (status === null) onChanged();
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
  readonly value: string;
  readonly error: string | undefined;
  readonly onText: (value: string) => void;
}

function Flag({ label, value, error, onText }: FlagProps) {
  return (
    <Check isOn={value !== ""} error={error} onChange={(isOn) => onText(isOn ? "on" : "")}>
      {label}
    </Check>
  );
}

const LEAKED = "If the old secret leaked, check those that you don't know:";
const CHILDREN =
  "The token created these tokens, and they still work. If the old secret leaked, revoke those that you don't know:";
const AFTER_LOST_ROTATION = "The token may have a new secret that nobody has seen. Then rotate it again.";

export function RotateDialog({ token, onClose, onChanged }: TokenDialogProps) {
  const { exact } = useZone();
  const { client, holder } = useSession();
  const isOwn = token.id === holder.id;
  const { oldSecretExpiresAt } = token;
  const choices = gracePeriodChoices({ isOwn, isUnderWay: oldSecretExpiresAt !== null });
  const [rotated, setRotated] = useState<Schemas["RotatedApiToken"] | null>(null);
  const first = { "/overlapSeconds": firstGracePeriod(choices) };
  const { change, texts, field } = useForm(first, { afterLoss: AFTER_LOST_ROTATION });
  const overlapSeconds = secondsOf(texts["/overlapSeconds"]);
  const rotate = () =>
    change.submit({
      send: ({ signal }) => client.tokens.rotate(token.id, { signal, overlapSeconds }),
      done(result) {
        setRotated(result);
        onChanged();
      },
      explain({ status }) {
        if (status === null) onChanged();
      },
    });
  if (rotated !== null) {
    return (
      <SecretDialog
        title="The new secret"
        label="New secret"
        what={<TokenName name={rotated.name} />}
        secret={rotated.token}
        onClose={onClose}
      >
        {rotated.oldSecretExpiresAt === null ? (
          <p>The old secret stops everywhere within 30 seconds.</p>
        ) : (
          <p>
            The old secret ends <Countdown until={rotated.oldSecretExpiresAt} />, on {exact(rotated.oldSecretExpiresAt)}
            .
          </p>
        )}
        {/* The holder of a leaked secret could have created them. */}
        <Found words={CHILDREN} hasMore={rotated.moreChildren}>
          {rotated.children.map(({ id, name }) => (
            <li key={id}>
              <bdi>{name}</bdi> <code class="muted">{id}</code>
            </li>
          ))}
        </Found>
        <LeftBehind kind="endpoint" of={rotated} note={LEAKED} />
        <LeftBehind kind="action" of={rotated} note={LEAKED} />
        <LeftBehind kind="schedule" of={rotated} note={LEAKED} />
      </SecretDialog>
    );
  }
  return (
    <ChangeDialog
      title={`Rotate ${token.name}?`}
      change={change}
      onSubmit={rotate}
      onClose={onClose}
      verb="Rotate token"
    >
      <p>The token gets a new secret, which you see once. Its id, its name and the tokens that it created stay.</p>
      {oldSecretExpiresAt === null ? null : (
        <p class="note is-warning">
          <strong>An earlier secret still works until {exact(oldSecretExpiresAt)}.</strong> The current secret stops at
          once.
        </p>
      )}
      {isOwn ? (
        <p class="note is-warning">
          <strong>This is the token that you are signed in with.</strong> You stay signed in until its old secret ends.
          Then sign in with the new one.
        </p>
      ) : null}
      <SelectField
        label={oldSecretExpiresAt === null ? "The old secret" : "The earlier secret"}
        hint="While it works, it only reads, and creates and cancels runs. Its sessions end with it."
        options={choices}
        {...field("/overlapSeconds")}
      />
    </ChangeDialog>
  );
}

type RevokedApiTokens = Schemas["RevokedApiTokens"];

const AFTER_LOST_REVOCATION =
  "The token may be revoked already. If you try again, the service then says that there is no such token.";

export function RevokeDialog({ token, onClose, onChanged }: TokenDialogProps) {
  const { holder, scope, may } = useSession();
  const { note } = useNotices();
  const [left, setLeft] = useState<RevokedApiTokens | null>(null);
  function done(result: RevokedApiTokens) {
    const below = result.revoked.length - 1;
    const also = below === 0 ? "" : ` So ${below === 1 ? "is 1 token" : `are ${below} tokens`} below it.`;
    note(`The token ${token.name} is revoked.${also}`);
    // A signed-out page can't show the runs.
    if (token.id !== holder.id) noteRuns(result);
    onChanged();
    const hasLeft = result.webhookEndpoints.length + result.actions.length + result.schedules.length > 0;
    // A token that revoked itself can disable nothing.
    if (!hasLeft || token.id === holder.id || !may("webhooks:manage")) onClose();
    else setLeft(result);
  }
  function noteRuns({ waitingRuns, approvedRuns, moreApprovedRuns }: RevokedApiTokens) {
    const page = { name: "runs", ...scope, envName: token.envName ?? scope.envName } as const;
    const link = { href: hrefOf(page, "waiting=any"), text: "Waiting runs" };
    if (waitingRuns !== 0) {
      const runs = `${counted(waitingRuns, "run")} that it created ${waitingRuns === 1 ? "waits" : "wait"}`;
      note(`${runs} and will still start. Cancel the runs that must not start.`, { link });
    }
    if (approvedRuns.length > 0) {
      const count = `${approvedRuns.length}${moreApprovedRuns ? "+" : ""}`;
      const runs = `${count} waiting ${count === "1" ? "run" : "runs"}`;
      note(`${runs} that it approved will ask for another approval.`, { link });
    }
  }
  if (left !== null) return <LeftDialog of={left} onClose={onClose} />;
  return (
    <ConfirmDialog
      title={`Revoke ${token.name}?`}
      verb="Revoke token"
      afterLoss={AFTER_LOST_REVOCATION}
      send={({ tokens }, options) => tokens.revoke(token.id, options)}
      done={done}
      onClose={onClose}
    >
      <p>
        The token stops working everywhere within 30 seconds, and with it <strong>every token that it created</strong>,
        those that they created, and so on. You can't undo this.
      </p>
      {token.id === holder.id ? (
        <p class="note is-warning">
          <strong>This is the token that you are signed in with.</strong> You are signed out, too.
        </p>
      ) : null}
    </ConfirmDialog>
  );
}

/** Whoever had the token may have let endpoints and actions call a receiver of their own. */
function LeftDialog({ of, onClose }: { readonly of: RevokedApiTokens; readonly onClose: () => void }) {
  const { clientIn } = useSession();
  const { note } = useNotices();
  const change = useChange({ afterLoss: "Some of them may be disabled already. You can try again." });
  const { webhookEndpoints } = of;
  const disable = () =>
    change.submit({
      async send({ signal }) {
        for (const { envName, name } of webhookEndpoints) {
          await setDisabled(clientIn(envName), name, true, signal);
        }
      },
      done() {
        note(webhookEndpoints.length === 1 ? "The endpoint is disabled." : "The endpoints are disabled.");
        onClose();
      },
    });
  const others = (
    <>
      <LeftBehind kind="action" of={of} note="Look at their versions unless you know them:" />
      <LeftBehind
        kind="schedule"
        of={of}
        note="The service disables each at its next time. Save those that must go on:"
      />
    </>
  );
  return (
    <Dialog title="What it stored" onClose={onClose}>
      {webhookEndpoints.length === 0 ? (
        <div class="stack gap-12">{others}</div>
      ) : (
        <ChangeForm
          change={change}
          onSubmit={disable}
          onClose={onClose}
          verb={webhookEndpoints.length === 1 ? "Disable the endpoint" : `Disable all ${webhookEndpoints.length}`}
          kind="danger"
          keep="Keep them"
        >
          <LeftBehind
            kind="endpoint"
            of={of}
            note="They still get messages. Disable them unless you know their receivers:"
          />
          {others}
        </ChangeForm>
      )}
    </Dialog>
  );
}

/** What lists of left definitions are called in a response, and in sentences, and which page shows one. */
const KINDS = {
  action: { list: "actions", more: "moreActions", noun: "actions" },
  schedule: { list: "schedules", more: "moreSchedules", noun: "schedules" },
  endpoint: { list: "webhookEndpoints", more: "moreWebhookEndpoints", noun: "webhook endpoints" },
} as const;

interface LeftBehindProps {
  readonly kind: keyof typeof KINDS;
  readonly of: Pick<RevokedApiTokens, (typeof KINDS)[keyof typeof KINDS]["list" | "more"]>;
  readonly note: string;
}

function LeftBehind({ kind, of, note }: LeftBehindProps) {
  const { scope } = useSession();
  const { list, more, noun } = KINDS[kind];
  return (
    <Found words={`The token, or one below it, stored these ${noun} last. ${note}`} hasMore={of[more]}>
      {of[list].map(({ envName, name }) => (
        <li key={`${envName}/${name}`}>
          <Link href={hrefOf({ name: kind, ...scope, envName, [kind]: name } as unknown as Page)}>
            {envName}/{name}
          </Link>
        </li>
      ))}
    </Found>
  );
}

interface FoundProps {
  readonly words: string;
  readonly hasMore: boolean;
  readonly children: readonly ComponentChildren[];
}

function Found({ words, hasMore, children }: FoundProps) {
  if (children.length === 0) return null;
  return (
    <div class="stack">
      <p>{words}</p>
      <ul class="card is-short">
        {children}
        {hasMore ? <li class="muted">and more</li> : null}
      </ul>
    </div>
  );
}
