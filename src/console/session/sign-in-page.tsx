/** The sign-in page. While nobody is signed in, every address shows it. Then it leads to the page of the address. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { Project } from "../routes/pages.ts";
import { hrefOf, useRoute, useRouter } from "../routes/router.tsx";
import { Brand } from "../ui/brand.tsx";
import { Button } from "../ui/button.tsx";
import { sentenceOf } from "../ui/error-view.tsx";
import { TextField } from "../ui/field.tsx";
import { useSessionStore } from "./session.tsx";
import { type SignedIn, signIn, type Typed } from "./sign-in.ts";

interface SignInPageProps {
  readonly notice: string | null;
  /** The scope that the address names. */
  readonly at: (Project & { readonly envName: string | null }) | null;
}

type Refused = Extract<SignedIn, { readonly field: unknown }>;

export function SignInPage({ notice, at }: SignInPageProps) {
  const store = useSessionStore();
  const router = useRouter();
  const { page } = useRoute();
  const form = useRef<HTMLFormElement>(null);
  const [isBusy, setBusy] = useState(false);
  const [refused, setRefused] = useState<Refused | null>(null);
  const [failure, setFailure] = useState<string | null>(null);

  useEffect(() => {
    document.title = "Sign in · Action runs";
    field(form.current, "token")?.focus();
  }, []);
  useEffect(() => {
    if (refused !== null) field(form.current, refused.field)?.focus();
  }, [refused]);

  async function submit(event: Event) {
    event.preventDefault();
    if (isBusy) return;
    setBusy(true);
    setRefused(null);
    setFailure(null);
    try {
      const answer = await signIn(typedIn(form.current), { baseUrl: location.origin });
      if ("field" in answer) {
        setRefused(answer);
        return;
      }
      const { scope } = answer.session;
      store.begin(answer.session);
      // Stays at the address unless it names another scope.
      const isThere =
        page !== null &&
        at?.o === scope.o &&
        at.p === scope.p &&
        (at.envName ?? scope.envName) === scope.envName;
      if (!isThere) router.navigate(hrefOf({ name: "runs", ...scope }), { replace: true });
    } catch (error) {
      setFailure(sentenceOf(error));
    } finally {
      setBusy(false);
    }
  }
  const errorOf = (name: keyof Typed) => (refused?.field === name ? refused.problem : null);

  return (
    <main class="sign-in">
      <form ref={form} onSubmit={submit} noValidate>
        <Brand />
        <h1>Sign in</h1>
        <p class="host">
          Action runs at <strong>{location.host}</strong>
        </p>
        {notice === null ? null : (
          <p class="sign-in-notice is-cancelled" role="alert">
            {notice} Sign in to go on where you were.
          </p>
        )}
        <TextField
          label="Token"
          name="token"
          type="password"
          required
          hint="An API token. It stays in this tab until you sign out."
          error={errorOf("token")}
        />
        <fieldset>
          <legend>Scope</legend>
          <p class="hint">Leave a field empty to use what the token opens.</p>
          <div class="scope-fields">
            <TextField label="Organization" name="org" defaultValue={at?.o ?? ""} error={errorOf("org")} />
            <TextField label="Project" name="project" defaultValue={at?.p ?? ""} error={errorOf("project")} />
            <TextField
              label="Environment"
              name="env"
              defaultValue={at?.envName ?? ""}
              error={errorOf("env")}
            />
          </div>
        </fieldset>
        {failure === null ? null : (
          <p class="field-error" role="alert">
            {failure}
          </p>
        )}
        <Button kind="primary" type="submit" isBusy={isBusy}>
          Sign in
        </Button>
        <p class="hint">
          With <code>ROOT_TOKEN</code>, the console makes an owner token of the project for 12 hours, keeps
          only that one, and revokes it when you sign out.
        </p>
      </form>
    </main>
  );
}

function typedIn(form: HTMLFormElement | null): Typed {
  const of = (name: keyof Typed) => field(form, name)?.value ?? "";
  return { token: of("token"), org: of("org"), project: of("project"), env: of("env") };
}

function field(form: HTMLFormElement | null, name: string): HTMLInputElement | null {
  return form?.querySelector<HTMLInputElement>(`input[name="${name}"]`) ?? null;
}
