/** The dialogs of a token: its secret, which is shown once, its rotation, and its end. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Schemas } from "../../client/index.ts";
import { counted } from "../../words/statuses.ts";
import { setDisabled } from "../notifications/endpoint-state.tsx";
import type { Page } from "../pages.ts";
import { hrefOf, Link } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import {
  ChangeDialog,
  ChangeForm,
  ConfirmDialog,
  Dialog,
  DialogButtons,
  SelectField,
  TextField,
  useChange,
  useForm,
} from "../ui/forms.tsx";
import { Button, CopyButton, useNotices } from "../ui/parts.tsx";
import { Countdown, useZone } from "../ui/time.tsx";
import { firstGracePeriod, gracePeriodChoices, secondsOf } from "./token-rules.ts";

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

export function TokenName({ name }: { readonly name: string }) {
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
        return null;
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
  const { client, holder, scope, may } = useSession();
  const { note } = useNotices();
  const [left, setLeft] = useState<RevokedApiTokens | null>(null);
  const change = useChange({ afterLoss: AFTER_LOST_REVOCATION });
  const revoke = () =>
    change.submit({
      send: ({ signal }) => client.tokens.revoke(token.id, { signal }),
      done(result) {
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
      },
    });
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
      change={change}
      onSubmit={revoke}
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
