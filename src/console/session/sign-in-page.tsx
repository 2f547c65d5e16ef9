/** While nobody is signed in, every address shows the sign-in page. Then it leads to the page of the address. */
import type { ComponentChildren, TargetedSubmitEvent } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { checkedToken } from "../../client/settings.ts";
import type { Scope } from "../pages.ts";
import { hrefOf, useRoute, useRouter } from "../router.tsx";
import { type Change, DialogButtons, FieldError, showFirstProblem, TextField, useChange } from "../ui/forms.tsx";
import { sentenceOf } from "../ui/load.tsx";
import { Brand, Button } from "../ui/parts.tsx";
import { EnvironmentList } from "./frame.tsx";
import { useSessionStore } from "./session.tsx";
import {
  type Address,
  chosenScope,
  type Identified,
  identify,
  opens,
  returnTo,
  type Session,
  scopeFor,
} from "./sign-in.ts";

const TOKEN_RULE = "Paste the token as it was shown, without spaces or line breaks.";

/**
 * A link to the issuer, which leads back to the path `to`. With words of its own, it is not the main button. It is a link,
 * because only a navigation can leave the page.
 */
export function SignInLink({ to, children }: { readonly to: string; readonly children?: ComponentChildren }) {
  const issuer = issuerName();
  if (issuer === null) return null;
  return (
    <a
      class={`button is-${children === undefined ? "primary" : "plain"}`}
      href={`/session/sign-in?${new URLSearchParams({ to })}`}
    >
      {children ?? `Sign in with ${issuer}`}
    </a>
  );
}

/** The operator's name for the issuer with which people sign in, as the Worker wrote it into the page. Null: no issuer. */
export function issuerName(): string | null {
  return document.querySelector<HTMLMetaElement>("meta[name=sign-in]")?.content ?? null;
}

export function SignInPage({ notice, at }: { readonly notice: string | null; readonly at: Address }) {
  const store = useSessionStore();
  const { api } = store;
  const router = useRouter();
  const { page } = useRoute();
  // A token that is good, while its holder chooses an environment. It is in memory alone.
  const [asked, setAsked] = useState<{ readonly token: string; readonly identified: Identified } | null>(null);
  const change = useChange({ afterLoss: "" });

  function submitToken(typed: string) {
    const token = typed.trim();
    try {
      checkedToken(token);
    } catch {
      return change.refuse(new Map([["token", TOKEN_RULE]]));
    }
    change.submit({
      async send() {
        const identified = await identify(token, location.origin);
        const scope = chosenScope(at, identified);
        if (scope === null) setAsked({ token, identified });
        else await begin(token, scope);
      },
      explain: ({ status, message }) => (status === 401 ? new Map([["token", message]]) : null),
    });
  }

  async function begin(token: string, scope: Scope) {
    const begun = await api.begin({ token, project: `${scope.o}/${scope.p}` });
    store.begin(begun, scope);
    // Stays at the address unless it names another scope.
    const isThere =
      page !== null && at?.o === scope.o && at.p === scope.p && (at.envName ?? scope.envName) === scope.envName;
    if (!isThere) router.navigate(hrefOf({ name: "runs", ...scope }), { replace: true });
  }
  if (asked !== null) {
    const { token, identified } = asked;
    const open = (scope: Scope) => change.submit({ send: () => begin(token, scope) });
    return <ScopeForm at={at} identified={identified} change={change} onChoose={open} />;
  }
  return (
    <Form
      title="Sign in"
      first="token"
      verb="Sign in"
      isPlain={issuerName() !== null}
      change={change}
      onSubmit={(typed) => submitToken(typed("token"))}
    >
      <p class="host muted">
        Action runs at <strong>{location.host}</strong>
      </p>
      {notice === null ? null : (
        <p class="note is-warning" role="alert">
          {notice} Sign in to go on where you were.
        </p>
      )}
      <SignInLink to={returnTo(page, location)} />
      <TextField
        label="Token"
        name="token"
        type="password"
        required
        hint="An API token or ROOT_TOKEN. This browser keeps a session, and not the token."
        error={change.problems.get("token")}
      />
    </Form>
  );
}

interface ScopeFormProps {
  readonly at: Address;
  readonly identified: Identified;
  readonly change: Change;
  readonly onChoose: (scope: Scope) => void;
}

function ScopeForm({ at, identified, change, onChoose }: ScopeFormProps) {
  const { holder, environments } = identified;
  const [org, project] = holder.project?.split("/") ?? [at?.o, at?.p];
  const { problems } = change;
  function choose(typed: (name: string) => string) {
    const filled = scopeFor({ org: typed("org"), project: typed("project"), env: typed("env") }, holder);
    if ("field" in filled) change.refuse(new Map([[filled.field, filled.problem]]));
    else onChoose(filled.scope);
  }
  return (
    <Form
      title="Choose an environment"
      first={holder.project === null ? "org" : "env"}
      verb="Open"
      change={change}
      onSubmit={choose}
    >
      <p class="host muted">
        The token <strong>{holder.name}</strong> opens{" "}
        {holder.project === null ? "every project" : <strong>{holder.project}</strong>}.
      </p>
      <EnvironmentList environments={environments} onChoose={onChoose} />
      <fieldset class="stack">
        <legend>{environments.length === 0 ? "Scope" : "Another environment"}</legend>
        <div class="grid">
          <TextField label="Organization" name="org" defaultValue={org ?? ""} error={problems.get("org")} />
          <TextField label="Project" name="project" defaultValue={project ?? ""} error={problems.get("project")} />
          <TextField
            label="Environment"
            name="env"
            defaultValue={holder.envName ?? at?.envName ?? ""}
            error={problems.get("env")}
          />
        </div>
      </fieldset>
    </Form>
  );
}

interface FormProps {
  readonly title: string;
  /** The name of the field that gets the focus, unless a sign-in at the issuer comes first. */
  readonly first: string;
  readonly verb: string;
  readonly isPlain?: boolean;
  readonly change: Change;
  /** `typed`: what the field of a name holds. */
  readonly onSubmit: (typed: (name: string) => string) => void;
  readonly children: ComponentChildren;
}

export function Form({ title, first, verb, isPlain = false, change, onSubmit, children }: FormProps) {
  const { isBusy, problems } = change;
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    form.current?.querySelector<HTMLElement>(`a.is-primary, [name=${first}]`)?.focus();
  }, [title, first]);
  useEffect(() => showFirstProblem(form.current), [problems]);
  function submit(event: TargetedSubmitEvent<HTMLFormElement>) {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    onSubmit((name) => String(fields.get(name)));
  }
  return (
    <Card title={title}>
      <form ref={form} class="stack" onSubmit={submit} noValidate>
        {children}
        <FieldError text={problems.get(null)} />
        <Button kind={isPlain ? "plain" : "primary"} type="submit" isBusy={isBusy}>
          {verb}
        </Button>
      </form>
    </Card>
  );
}

/** The middle of a page on which nobody is signed in yet. A screen reader begins at its title. */
export function Card({ title, children }: { readonly title: string; readonly children: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Action runs`;
    // A form may have put the focus into its first field before.
    if (document.activeElement === document.body) heading.current?.focus();
  }, [title]);
  return (
    <main class="sign-in">
      <div class="stack card">
        <Brand isWhole />
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {children}
      </div>
    </main>
  );
}

interface LinkPageProps {
  readonly code: string;
  readonly session: Session | null;
  readonly at: Address;
  /** The code is used, or nobody wants to use it. */
  readonly onDone: () => void;
}

/** An environment of the project, if the address names none. */
export const SOME_ENVIRONMENT = "production";

/** Signs in by the code of a link that `npm start` printed. It never replaces a session without asking. */
export function LinkPage({ code, session, at, onDone }: LinkPageProps) {
  const store = useSessionStore();
  const { api } = store;
  const router = useRouter();
  const { page } = useRoute();
  const [isAgreed, setAgreed] = useState(session === null);

  useEffect(() => {
    if (!isAgreed) return;
    async function begin() {
      try {
        const begun = await api.begin({ code });
        const [o = "", p = ""] = begun.holder.project?.split("/") ?? [];
        const isThere = page !== null && at !== null && opens(begun.holder, at);
        const scope = { o, p, envName: (isThere ? at.envName : null) ?? SOME_ENVIRONMENT };
        store.begin(begun, scope);
        if (!isThere) router.navigate(hrefOf({ name: "runs", ...scope }), { replace: true });
      } catch (error) {
        if (session === null) store.refuse(sentenceOf(error));
      }
      onDone();
    }
    begin();
    // The code is good once, so this runs once.
  }, [isAgreed]);

  if (isAgreed || session === null) return null;
  return (
    <Card title="You are already signed in">
      <p>
        You are signed in as <strong>{session.holder.name}</strong>. The link signs you in as the operator instead.
      </p>
      <DialogButtons>
        <Button onClick={onDone}>Stay signed in</Button>
        <Button kind="primary" onClick={() => setAgreed(true)}>
          Use the link
        </Button>
      </DialogButtons>
    </Card>
  );
}
