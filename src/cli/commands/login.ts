/** `login` saves a profile, `logout` removes it, and `whoami` shows what its token is and opens. */

import { rmSync } from "node:fs";
import { ActionRunsError, createClient } from "../../client/index.ts";
import { checkedName } from "../../client/settings.ts";
import { createSend, unexpectedResponse } from "../../client/transport.ts";
import { command, showing } from "../command.ts";
import { errorSentence, UsageError } from "../exit.ts";
import { ask, checkToken, readToken } from "../input.ts";
import { CONNECTION, type FlagsOf, OUTPUT, option } from "../options.ts";
import { complain, instantText, plain } from "../output.ts";
import {
  type ConnectionFlags,
  callSettings,
  checkUrl,
  DEFAULT_PROFILE,
  made,
  type Profile,
  profilePath,
  readProfile,
  writeProfile,
} from "../settings.ts";
import { flagsText } from "./administration.ts";
import { browserLogin, offersSignIn } from "./browser-login.ts";

type Kept = Required<Profile>;
type Names = Pick<Kept, "org" | "project" | "env">;

const NAMES: ReadonlyMap<keyof Names, string> = new Map([
  ["org", "Organization"],
  ["project", "Project"],
  ["env", "Environment"],
]);

const LOGIN = [
  option("--browser", "sign in with the browser instead of a token", { conflicts: ["tokenStdin"] }),
  ...CONNECTION,
  ...OUTPUT,
] as const;
type LoginFlags = FlagsOf<typeof LOGIN>;

export const loginCommand = command("login", {
  about:
    "Save a server, a project, an environment and a token as a profile. Commands use the profile unless options " +
    "or variables say otherwise. If the token opens only one project or environment, login does not ask for it. On a " +
    "terminal, login asks for what is missing, hides the token while you type, and asks again if an answer is wrong. " +
    "Otherwise it reads the token from stdin. Nothing is saved before the server has accepted the token. " +
    "If the server lets people sign in with an issuer, leave the token empty: your browser opens, and login saves a " +
    "session of 12 hours. The session creates, reads, cancels and retries runs, and approves and changes nothing else.",
  options: LOGIN,
  help: `
The profile is a file that only you can read, in $XDG_CONFIG_HOME/action-runs,
~/.config/action-runs or %APPDATA%\\action-runs. Its token is sent only to its
own server.
`,
  examples: [
    "action-runs login",
    "action-runs login --browser --url https://runs.example.com --env production",
    "action-runs login --url https://runs.example.com --env production < token.txt",
    "action-runs login --profile staging --env staging",
  ],
  async run({ flags, output }) {
    // A proxy's address that can't be used is no wrong answer, so nobody is asked again.
    made(() => callSettings(flags));
    const profile = flags.profile ?? DEFAULT_PROFILE;
    const path = profilePath(profile);
    const isAsked = process.stdin.isTTY === true && !flags.tokenStdin;
    const before = profileBefore(path);
    const kept = isAsked ? await asked(flags, before) : await given(flags);
    writeProfile(path, kept);
    // Nobody holds it any longer. If it can't be ended, it ends by itself within 12 hours.
    if (before.token !== kept.token) await endSession(before, { ...flags, retries: 0 }).catch(() => {});
    const { token: _, ...scope } = kept;
    const shown = { profile, path, ...scope };
    const next = `action-runs list${profile === DEFAULT_PROFILE ? "" : ` --profile ${profile}`}`;
    await output.show(shown, () => {
      const rows = Object.entries(shown).map(([name, value]) => [name, plain(value)]);
      return `${output.fields(rows)}\n\nSaved. Only you can read the file. Try it: ${next}`;
    });
  },
});

/** Empty if there is no profile. Login also replaces a file that is not one. */
function profileBefore(path: string): Profile {
  try {
    return readProfile(path) ?? {};
  } catch {
    return {};
  }
}

/** The token from stdin or the browser, and everything else from the token, flags and environment. */
async function given(flags: LoginFlags): Promise<Kept> {
  if (!flags.url) throw missing("url");
  const url = checkUrl(flags.url, "--url");
  // Before the person agrees in the browser.
  if (flags.browser && !flags.env) throw missing("env");
  const read = flags.browser ? null : await readToken("stdin");
  await checkServer(url, flags);
  const token = read ?? (await browserLogin(url, flags));
  const opened = await openedBy(url, token, flags);
  const names = { org: "", project: "", env: "" };
  for (const name of NAMES.keys()) {
    const value = fixedName(name, flags, opened) ?? flags[name];
    if (!value) throw missing(name);
    names[name] = made(() => checkedName(name, value));
  }
  return { url, ...names, token };
}

/** The rest comes from the terminal. Asks again only for what was wrong. */
async function asked(flags: LoginFlags, before: Profile): Promise<Kept> {
  const callFlags = { ...flags, retries: flags.retries ?? 0 };
  const url = await answered("Server", flags.url, before.url, async (text) => {
    const address = checkUrl(text, "Server");
    await checkServer(address, callFlags);
    return address;
  });
  const isOffered = flags.browser || (await offersSignIn(url, callFlags));
  let opened: Opened = {};
  const check = async (text: string) => {
    const token = text === "" && isOffered ? await browserLogin(url, callFlags) : checkToken(text, "Token");
    opened = await openedBy(url, token, callFlags);
    return token;
  };
  const question = isOffered ? "Token (leave it empty to sign in with your browser)" : "Token";
  const token = flags.browser ? await check("") : await answered(question, undefined, undefined, check, true);
  const names = { org: "", project: "", env: "" };
  for (const [name, question] of NAMES) {
    names[name] =
      fixedName(name, flags, opened) ??
      (await answered(question, flags[name], before[name], (text) => made(() => checkedName(name, text))));
  }
  return { url, ...names, token };
}

/** The names that a token fixes. The operator's token fixes none. */
type Opened = Partial<Names>;

/** Throws the refusal of a token that the server does not accept, and refuses names that can't be in a path. */
async function openedBy(url: string, token: string, flags: ConnectionFlags): Promise<Opened> {
  const nowhere = { org: "none", project: "none", env: "none" };
  const client = made(() => createClient({ baseUrl: url, token, ...nowhere, ...callSettings(flags) }));
  const { project, envName } = await client.whoami();
  const [org, ofOrg] = project?.split("/") ?? [];
  const opened: Opened = { ...(org && ofOrg && { org, project: ofOrg }), ...(envName !== null && { env: envName }) };
  try {
    for (const name of Object.values(opened)) checkedName("name", name);
    return opened;
  } catch {
    throw new ActionRunsError(
      "The server returned a project or environment whose name is not valid. Check the address of the server.",
      { status: null, code: "unexpected_answer" },
    );
  }
}

/** The name that the token fixes. Throws UsageError if an option or a variable says otherwise. */
function fixedName(name: keyof Names, flags: ConnectionFlags, opened: Opened): string | undefined {
  const only = opened[name];
  if (only === undefined || !flags[name] || flags[name] === only) return only;
  const variable = `ACTION_RUNS_${name.toUpperCase()}`;
  throw new UsageError(
    `--${name}: the token opens only ${only}. Omit --${name} and ${variable}, or use another token.`,
  );
}

function missing(name: keyof Names | "url"): UsageError {
  return new UsageError(`--${name} is missing. Use --${name} or ACTION_RUNS_${name.toUpperCase()}.`);
}

/** The first answer that `check` accepts: `given`, or else what the user types. */
async function answered(
  question: string,
  given: string | undefined,
  before: string | undefined,
  check: (text: string) => string | Promise<string>,
  isSecret = false,
): Promise<string> {
  let answer = given ?? "";
  let usual = before ?? "";
  for (;;) {
    if (answer === "") answer = await ask(question, { isSecret, usual });
    try {
      if (answer !== "" || isSecret) return await check(answer);
    } catch (fault) {
      if (!(fault instanceof UsageError || fault instanceof ActionRunsError)) throw fault;
      complain(errorSentence(fault) ?? "");
      if (!isSecret) usual = answer;
    }
    answer = "";
  }
}

export const logoutCommand = command("logout", {
  about:
    "End the session that login began with the browser, and remove the profile. A token stays valid: revoke it with " +
    "`action-runs token revoke`.",
  options: [...CONNECTION, ...OUTPUT],
  examples: ["action-runs logout", "action-runs logout --profile staging"],
  async run({ flags, output }) {
    const profile = flags.profile ?? DEFAULT_PROFILE;
    const path = profilePath(profile);
    const sessionEnded = await endSession(readProfile(path) ?? {}, flags);
    rmSync(path, { force: true });
    const shown = { profile, path, sessionEnded };
    await output.show(shown, () => `Removed ${plain(path)}.${sessionEnded ? " The session ended." : ""}`);
  },
});

/** Ends the session that a profile keeps. False if it keeps none. */
async function endSession(kept: Profile, flags: ConnectionFlags): Promise<boolean> {
  const { url = "", org = "", project = "", env = "", token = "" } = kept;
  if (!token.startsWith("ters_")) return false;
  const client = made(() => createClient({ baseUrl: url, token, org, project, env, ...callSettings(flags) }));
  try {
    const { sessionId } = await client.whoami();
    if (sessionId !== null) await client.sessions.end(sessionId);
  } catch (fault) {
    // It has ended before.
    if (!(fault instanceof ActionRunsError) || fault.status !== 401) throw fault;
  }
  return true;
}

/** Runs before a token is sent to the server. Throws if there is no server, or another service. */
async function checkServer(url: string, flags: ConnectionFlags): Promise<void> {
  const response = await createSend(callSettings(flags))(new Request(`${url}/`));
  const { name } = ((await response.json()) ?? {}) as { name?: unknown };
  if (name !== "action-runs") throw unexpectedResponse(response, "The response is not from action-runs");
}

export const whoamiCommand = showing("whoami", {
  about: "Show the name, role, scope, person, expiry and permissions of your token.",
  // Nevertheless the command accepts --env.
  subject: () => "service",
  examples: ["action-runs whoami", "action-runs whoami --json | jq -r .role"],
  ask: ({ client }) => client.whoami(),
  text: (me, output) =>
    output.fields([
      ["name", plain(me.name)],
      ["id", me.id && plain(me.id)],
      ["role", plain(me.role)],
      ["project", me.project === null ? "all" : plain(me.project)],
      ["environment", me.envName === null ? "all" : plain(me.envName)],
      ["person", me.person && plain(me.person)],
      ["may also", flagsText(me)],
      ["expires", me.expiresAt === null ? "never" : instantText(me.expiresAt)],
      ["permissions", me.permissions.map(plain).join(", ")],
    ]),
});
