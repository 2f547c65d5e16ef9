/** The pages of a sign-in at the issuer: what the person may open, and the session for the command line. */
import { useState } from "preact/hooks";
import { createClient } from "../../client/index.ts";
import { hrefOf, useRoute, useRouter } from "../router.tsx";
import { RIGHTS } from "../tokens/token-rules.ts";
import { DialogButtons, FieldError, TextField, useChange } from "../ui/forms.tsx";
import { sentenceOf, useRead } from "../ui/load.tsx";
import { Button, Fact } from "../ui/parts.tsx";
import { useSessionStore } from "./session.tsx";
import {
  askedLogin,
  type Choice,
  type Choices,
  environmentOf,
  firstOf,
  type Handed,
  type Login,
  leadsBack,
  returnTo,
  type Session,
  shownName,
  typedCharacters,
} from "./sign-in.ts";
import { Card, Form, SignInLink, SOME_ENVIRONMENT } from "./sign-in-page.tsx";

/** Why the issuer did not lead to a choice, by the code of the API's error. */
const FAILURES: Readonly<Record<string, string>> = {
  issuer_unavailable: "The issuer gives no usable answer. Try again in a few seconds, or use a token.",
  person_unknown:
    "The issuer sends no verified e-mail address, or no claim of personClaim, that can be a person's name. Ask the operator to set personClaim in OIDC_ISSUERS, or use a token.",
  proof_invalid:
    "The answer of the issuer does not count. Ask the operator to compare OIDC_ISSUERS with the settings of the issuer.",
  sign_in_code_invalid: "The sign-in took too long, was used before, or began in another browser. Sign in again.",
  sign_in_refused: "The issuer did not sign you in. Sign in again, or ask the operator of this service.",
};

interface ChoicePageProps {
  readonly handed: Handed;
  readonly session: Session | null;
}

/** Where the issuer leads back to. */
export function ChoicePage({ handed: { code, error }, session }: ChoicePageProps) {
  if (code !== null) return <ChoiceOfCode code={code} session={session} />;
  return (
    <Card title="You are not signed in">
      <p role={error === null ? undefined : "alert"}>
        {error === null
          ? "This page works only once after a sign-in. Sign in again."
          : (FAILURES[error] ?? `The sign-in failed (${error}). Sign in again. If it fails again, tell the operator.`)}
      </p>
      <SignInAgain />
    </Card>
  );
}

function SignInAgain() {
  return (
    <DialogButtons>
      <a class="button is-plain" href="/console">
        Use a token
      </a>
      <SignInLink to="/console" />
    </DialogButtons>
  );
}

function ChoiceOfCode({ code, session }: { readonly code: string; readonly session: Session | null }) {
  const { api } = useSessionStore();
  const { data, failure, reload } = useRead(() => api.choices(code), [api, code]);
  if (data !== undefined) {
    return data.tokens.length === 0 ? (
      <NoMatch {...data} />
    ) : (
      <ChoiceList code={code} choices={data} session={session} />
    );
  }
  if (failure === null) {
    return (
      <Card title="Signing in">
        <p role="status">The service reads what you may open …</p>
      </Card>
    );
  }
  return (
    <Card title="You are not signed in">
      <FieldError text={sentenceOf(failure.error)} />
      {failure.retryAt === null ? <SignInAgain /> : <Button onClick={reload}>Try now</Button>}
    </Card>
  );
}

function NoMatch({ issuer, issuerName, subject, person }: Choices) {
  return (
    <Card title="Nothing is open to you yet">
      <p>
        You signed in with <bdi>{issuerName}</bdi>, but no token of a project lets you in. Ask somebody who manages the
        tokens of your project, and send them these lines.
      </p>
      <Identity issuer={issuer} subject={subject} person={person} />
      <SignInAgain />
    </Card>
  );
}

function Identity({ issuer, subject, person }: Pick<Choices, "issuer" | "subject" | "person">) {
  return (
    <dl class="facts">
      <Fact term="Issuer">{issuer}</Fact>
      <Fact term="Subject">{subject}</Fact>
      <Fact term="Person">{person}</Fact>
    </dl>
  );
}

interface ChoiceListProps {
  readonly code: string;
  readonly choices: Choices;
  readonly session: Session | null;
}

function ChoiceList({ code, choices, session }: ChoiceListProps) {
  const store = useSessionStore();
  const { api } = store;
  const router = useRouter();
  const change = useChange({ afterLoss: "" });
  const [chosen, setChosen] = useState<Choice | null>(null);

  function choose(choice: Choice) {
    if (change.isBusy) return;
    setChosen(choice);
    change.submit({
      async send() {
        const { id: tokenId, project } = choice;
        const begun = await api.begin({ code, project, tokenId });
        const [o = "", p = ""] = project.split("/");
        const { to } = choices;
        const named = choice.envName ?? environmentOf(to, { o, p });
        const scope = { o, p, envName: named ?? (await someEnvironment(begun.pageKey, { org: o, project: p })) };
        store.begin(begun, scope);
        router.navigate(leadsBack(to, begun.holder) ? to : hrefOf({ name: "runs", ...scope }), { replace: true });
      },
    });
  }
  return (
    <Card title="Choose what to open">
      <p class="host muted">
        You signed in with <strong>{choices.issuerName}</strong>.
      </p>
      <Identity {...choices} />
      {session === null ? null : (
        <p class="note is-warning">
          You are already signed in as <strong>{shownName(session.holder)}</strong>. Your choice replaces that session.{" "}
          <a href="/console">Stay signed in</a>
        </p>
      )}
      <ul class="environments card is-short" aria-label="What you may open">
        {choices.tokens.map((choice) => (
          <li key={choice.id}>
            <button
              type="button"
              class={`environment${change.isBusy && choice === chosen ? " is-busy" : ""}`}
              aria-disabled={change.isBusy || undefined}
              onClick={() => choose(choice)}
            >
              <strong>{choice.name}</strong>
              <br />
              <span class="muted">
                {choice.project.replace("/", " / ")}
                {choice.envName === null ? ", every environment" : ` / ${choice.envName}`}
                <br />
                {/* No session by sign-in creates owners. */}
                {choice.role}: {RIGHTS[choice.role === "owner" ? "admin" : choice.role]}
                {choice.mayApprove ? ", and may approve" : ""}
              </span>
            </button>
          </li>
        ))}
      </ul>
      <FieldError text={change.problems.get(null)} />
    </Card>
  );
}

/** An environment of the project, so that the first page shows runs. */
async function someEnvironment(pageKey: string, project: { readonly org: string; readonly project: string }) {
  const client = createClient({ baseUrl: location.origin, pageKey, ...project, env: SOME_ENVIRONMENT, retries: 0 });
  const [first] = await firstOf(client.places(), 1).catch(() => []);
  return first?.envName ?? SOME_ENVIRONMENT;
}

/** The command line asks for a session of the person, which never decides anything. */
export function CommandLinePage({ session }: { readonly session: Session | null }) {
  const { page, query } = useRoute();
  const login = askedLogin(query);
  const to = returnTo(page, location);
  if (login === null) {
    return (
      <Card title="This address is not complete">
        <p>
          Run <code>action-runs login</code> again, and open the whole address that it prints.
        </p>
      </Card>
    );
  }
  if (session?.holder.issuer == null) {
    return (
      <Card title="Sign in the command line">
        <p>A command line on this machine asks for a session. Sign in first, and you come back to this page.</p>
        <SignInLink to={to} />
      </Card>
    );
  }
  return <CommandLineForm session={session} login={login} to={to} />;
}

const SIX_CHARACTERS = "Type the six letters and digits that your terminal shows.";

interface CommandLineFormProps {
  readonly session: Session;
  readonly login: Omit<Login, "characters">;
  readonly to: string;
}

function CommandLineForm({ session: { pageKey, holder }, login, to }: CommandLineFormProps) {
  const { api } = useSessionStore();
  const change = useChange({ afterLoss: "" });
  function submit(typed: string) {
    const characters = typedCharacters(typed);
    if (characters === null) return change.refuse(new Map([["characters", SIX_CHARACTERS]]));
    change.submit({
      async send() {
        const { code } = await api.loginCode(pageKey, { ...login, characters });
        // The command line waits there. The code is good for a minute and once, together with what only it knows. It
        // sends the code nowhere but here (RFC 9207).
        location.replace(`http://127.0.0.1:${login.port}/?${new URLSearchParams({ code, iss: location.origin })}`);
        // The button stays busy until the browser has left the page.
        await new Promise(() => {});
      },
    });
  }
  return (
    <Form
      title="Sign in the command line"
      first="characters"
      verb="Agree and sign in"
      change={change}
      onSubmit={(typed) => submit(typed("characters"))}
    >
      <p>
        A command line on this machine asks for a session as <strong>{holder.person}</strong>, with the token{" "}
        <strong>{holder.name}</strong> of{" "}
        <strong>{holder.envName === null ? holder.project : `${holder.project}/${holder.envName}`}</strong>.
      </p>
      <p>
        The session lasts 12 hours. It {holder.role === "viewer" ? "only reads" : "reads, creates, cancels and retries"}{" "}
        runs. It never approves or rejects, and it changes no token and no definition.
      </p>
      <TextField
        label="Characters in your terminal"
        name="characters"
        required
        maxLength={16}
        autocapitalize="characters"
        hint="If you did not run action-runs login, close this page."
        error={change.problems.get("characters")}
      />
      <SignInLink to={to}>Open something else</SignInLink>
    </Form>
  );
}
