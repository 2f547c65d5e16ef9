/**
 * The sign-in page. While nobody is signed in, every address shows it. Then it leads to the page of the address. If the
 * token does not open the address, it asks for an environment.
 */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Scope } from "../pages.ts";
import { hrefOf, useRoute, useRouter } from "../router.tsx";
import { DialogButtons, TextField } from "../ui/forms.tsx";
import { sentenceOf } from "../ui/load.tsx";
import { Brand, Button } from "../ui/parts.tsx";
import { EnvironmentList } from "./environment-dialog.tsx";
import { returnTo } from "./identity.ts";
import { useSessionStore } from "./session.tsx";
import {
  type Address,
  chosenScope,
  type FieldProblem,
  type Identified,
  identify,
  opens,
  type Session,
  scopeFor,
  type Typed,
} from "./sign-in.ts";

interface SignInPageProps {
  readonly notice: string | null;
  /** The scope that the address names. */
  readonly at: Address;
}

/** A token that is good, while its holder chooses an environment. It is in memory alone. */
interface Asked {
  readonly token: string;
  readonly identified: Identified;
}

type Field = "token" | "characters" | keyof Typed;
export type Refused = FieldProblem<Field>;

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

export function SignInPage({ notice, at }: SignInPageProps) {
  const store = useSessionStore();
  const { api } = store;
  const router = useRouter();
  const { page } = useRoute();
  const [asked, setAsked] = useState<Asked | null>(null);
  const [isBusy, setBusy] = useState(false);
  const [refused, setRefused] = useState<Refused | null>(null);
  const [failure, setFailure] = useState<string | null>(null);

  async function attempt(work: () => Promise<void>) {
    if (isBusy) return;
    setBusy(true);
    setRefused(null);
    setFailure(null);
    try {
      await work();
    } catch (error) {
      setFailure(sentenceOf(error));
    } finally {
      setBusy(false);
    }
  }
  const submitToken = (typed: string) =>
    attempt(async () => {
      const token = typed.trim();
      const identified = await identify(token, { baseUrl: location.origin });
      if ("field" in identified) return setRefused(identified);
      const scope = chosenScope(at, identified);
      if (scope === null) return setAsked({ token, identified });
      await begin(token, scope);
    });

  async function begin(token: string, scope: Scope) {
    const begun = await api.begin({ token, project: `${scope.o}/${scope.p}` });
    store.begin(begun, scope);
    // Stays at the address unless it names another scope.
    const isThere =
      page !== null && at?.o === scope.o && at.p === scope.p && (at.envName ?? scope.envName) === scope.envName;
    if (!isThere) router.navigate(hrefOf({ name: "runs", ...scope }), { replace: true });
  }
  const form = { isBusy, refused, failure };
  if (asked === null) return <TokenForm {...form} notice={notice} to={returnTo(page)} onSubmit={submitToken} />;
  const { token, identified } = asked;
  return (
    <ScopeForm
      {...form}
      at={at}
      identified={identified}
      onRefuse={setRefused}
      onChoose={(scope) => attempt(() => begin(token, scope))}
    />
  );
}

interface FormProps {
  readonly isBusy: boolean;
  readonly refused: Refused | null;
  readonly failure: string | null;
}

interface TokenFormProps extends FormProps {
  readonly notice: string | null;
  /** Where a sign-in at the issuer leads back. */
  readonly to: string;
  readonly onSubmit: (token: string) => void;
}

function TokenForm({ notice, to, onSubmit, ...form }: TokenFormProps) {
  return (
    <Form
      {...form}
      title="Sign in"
      first="token"
      verb="Sign in"
      isPlain={issuerName() !== null}
      onSubmit={({ token }) => onSubmit(token)}
    >
      <p class="host muted">
        Action runs at <strong>{location.host}</strong>
      </p>
      {notice === null ? null : (
        <p class="note is-warning" role="alert">
          {notice} Sign in to go on where you were.
        </p>
      )}
      <SignInLink to={to} />
      <TextField
        label="Token"
        name="token"
        type="password"
        required
        hint="An API token or ROOT_TOKEN. This browser keeps a session, and not the token."
        error={form.refused?.field === "token" ? form.refused.problem : null}
      />
    </Form>
  );
}

interface ScopeFormProps extends FormProps {
  readonly at: Address;
  readonly identified: Identified;
  readonly onRefuse: (refused: Refused) => void;
  readonly onChoose: (scope: Scope) => void;
}

function ScopeForm({ at, identified, onRefuse, onChoose, ...form }: ScopeFormProps) {
  const { holder, environments } = identified;
  const [org, project] = holder.project?.split("/") ?? [at?.o, at?.p];
  const errorOf = (field: keyof Typed) => (form.refused?.field === field ? form.refused.problem : null);
  function choose(typed: Typed) {
    const filled = scopeFor(typed, holder);
    if ("field" in filled) onRefuse(filled);
    else onChoose(filled.scope);
  }
  return (
    <Form
      {...form}
      title="Choose an environment"
      first={holder.project === null ? "org" : "env"}
      verb="Open"
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
          <TextField label="Organization" name="org" defaultValue={org ?? ""} error={errorOf("org")} />
          <TextField label="Project" name="project" defaultValue={project ?? ""} error={errorOf("project")} />
          <TextField
            label="Environment"
            name="env"
            defaultValue={holder.envName ?? at?.envName ?? ""}
            error={errorOf("env")}
          />
        </div>
      </fieldset>
    </Form>
  );
}

interface SignInFormProps extends FormProps {
  readonly title: string;
  /** The field that gets the focus, unless a sign-in at the issuer comes first. */
  readonly first: Field;
  readonly verb: string;
  /** Whether another button is the main one. */
  readonly isPlain?: boolean;
  readonly onSubmit: (typed: Readonly<Record<Field, string>>) => void;
  readonly children: ComponentChildren;
}

export function Form({
  title,
  first,
  verb,
  isPlain = false,
  onSubmit,
  isBusy,
  refused,
  failure,
  children,
}: SignInFormProps) {
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    (form.current?.querySelector<HTMLElement>("a.is-primary") ?? field(form.current, first))?.focus();
  }, [title, first]);
  useEffect(() => {
    if (refused !== null) field(form.current, refused.field)?.focus();
  }, [refused]);
  function submit(event: Event) {
    event.preventDefault();
    const of = (name: Field) => field(form.current, name)?.value ?? "";
    onSubmit({
      token: of("token"),
      characters: of("characters"),
      org: of("org"),
      project: of("project"),
      env: of("env"),
    });
  }
  return (
    <Card title={title}>
      <form ref={form} class="stack" onSubmit={submit} noValidate>
        {children}
        <Problem text={failure} />
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

export function Problem({ text }: { readonly text: string | null }) {
  if (text === null) return null;
  return (
    <p class="field-error" role="alert">
      {text}
    </p>
  );
}

function field(form: HTMLFormElement | null, name: Field): HTMLInputElement | null {
  return form?.querySelector<HTMLInputElement>(`input[name="${name}"]`) ?? null;
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
