/** `login`: asks for a server, a project, an environment and a token, tries them, and saves them as a profile. */

import { unexpectedAnswer } from "../../client/errors.ts";
import { ActionRunsError, createClient } from "../../client/index.ts";
import { checkedName, transportSettings } from "../../client/settings.ts";
import { createSend } from "../../client/transport.ts";
import { CliCommand } from "../command.ts";
import { EXIT, sentenceOf, UsageError } from "../exit.ts";
import { ask, checkToken, readToken } from "../input.ts";
import { examples, exiting, withConnection, withOutput } from "../options.ts";
import { complain, Output, type OutputFlags } from "../output.ts";
import { DEFAULT_PROFILE, type Profile, profilePath, readProfile, writeProfile } from "../profile.ts";
import { type ConnectionFlags, calling, checkUrl, made } from "../settings.ts";
import { fields } from "../telling.ts";

interface Flags extends ConnectionFlags, OutputFlags {}

type Kept = Required<Profile>;
type Names = Pick<Kept, "org" | "project" | "env">;

/** The question for each name. */
const NAMES: ReadonlyMap<keyof Names, string> = new Map([
  ["org", "Organisation"],
  ["project", "Project"],
  ["env", "Environment"],
]);

export function loginCommand(): CliCommand {
  const command = new CliCommand("login")
    .summary("save a server, a project and a token as a profile")
    .description(
      "Save a server, a project, an environment and a token as a profile. Commands use the profile unless options " +
        "or variables say otherwise. On a terminal, login asks for what is missing, hides the token while you type, " +
        "and asks again if an answer is wrong. Otherwise it reads the token from stdin. Nothing is saved before " +
        "the server has accepted it.",
    )
    .addHelpText(
      "after",
      `
The profile is a file that only you can read, in $XDG_CONFIG_HOME/action-runs,
~/.config/action-runs or %APPDATA%\\action-runs. Its token is sent only to its
own server.\n${examples(
        "action-runs login",
        "action-runs login --url https://runs.example.com --org acme --project shop --env prod < token.txt",
        "action-runs login --profile staging --env staging",
      )}`,
    )
    .action(exiting(login));
  return withOutput(withConnection(command));
}

async function login(flags: Flags): Promise<number> {
  const output = new Output(flags);
  const profile = flags.profile ?? DEFAULT_PROFILE;
  const path = profilePath(profile);
  const isAsked = process.stdin.isTTY === true && !flags.tokenStdin;
  const kept = isAsked ? await asked(flags, readProfile(path) ?? {}) : await given(flags);
  writeProfile(path, kept);
  const { token: _, ...place } = kept;
  const shown = { profile, path, ...place };
  const next = `action-runs list${profile === DEFAULT_PROFILE ? "" : ` --profile ${profile}`}`;
  await output.show(
    shown,
    () => `${fields(Object.entries(shown), output)}\n\nSaved. Only you can read the file. Try it: ${next}`,
  );
  return EXIT.succeeded;
}

/** Everything from flags and environment, and the token from stdin. */
async function given(flags: Flags): Promise<Kept> {
  const place = { url: "", org: "", project: "", env: "" };
  for (const name of ["url", ...NAMES.keys()] as const) {
    const value = flags[name];
    if (!value)
      throw new UsageError(`--${name} is missing. Use --${name} or ACTION_RUNS_${name.toUpperCase()}.`);
    place[name] = name === "url" ? checkUrl(value, "--url") : value;
  }
  const kept = { ...place, token: await readToken("stdin") };
  await checkServer(kept.url, flags);
  await checkPlace(kept, flags);
  return kept;
}

/** Everything from flags and environment, and the rest from the terminal. Asks again only for what was wrong. */
async function asked(flags: Flags, before: Profile): Promise<Kept> {
  const callFlags = { ...flags, retries: flags.retries ?? 0 };
  const url = await answered("Server", flags.url, before.url, async (text) => {
    const address = checkUrl(text, "Server");
    await checkServer(address, callFlags);
    return address;
  });
  let usual: Partial<Names> = before;
  let names = await readNames(flags, usual);
  let token = await readSecret();
  for (;;) {
    const kept = { url, ...names, token };
    try {
      await checkPlace(kept, callFlags);
      return kept;
    } catch (fault) {
      const status = fault instanceof ActionRunsError ? fault.status : null;
      if (status === 404) {
        complain(`The token has no access to ${names.org}/${names.project}/${names.env}. Check the names.`);
        usual = names;
        names = await readNames({}, usual);
      } else if (status === 401 || status === 403) {
        complain(`${sentenceOf(fault)} Enter another token.`);
        token = await readSecret();
      } else throw fault;
    }
  }
}

async function readNames(flags: Partial<Names>, usual: Partial<Names>): Promise<Names> {
  const names = { org: "", project: "", env: "" };
  for (const [name, question] of NAMES) {
    names[name] = await answered(question, flags[name], usual[name], (text) =>
      made(() => checkedName(name, text)),
    );
  }
  return names;
}

function readSecret(): Promise<string> {
  return answered("Token", undefined, undefined, (text) => checkToken(text, "Token"), true);
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
      complain(sentenceOf(fault) ?? "");
      if (!isSecret) usual = answer;
    }
    answer = "";
  }
}

/** Runs before a token is sent to the server. Throws if there is no server, or another service. */
async function checkServer(url: string, flags: Flags): Promise<void> {
  const response = await createSend(transportSettings(calling(flags)))(new Request(`${url}/`));
  const { name } = ((await response.json()) ?? {}) as { name?: unknown };
  if (name !== "action-runs") throw unexpectedAnswer(response, "The response is not from action-runs");
}

/** Lists a run, which every role may do. */
async function checkPlace({ url, ...place }: Kept, flags: Flags): Promise<void> {
  const client = made(() => createClient({ baseUrl: url, ...place, ...calling(flags) }));
  for await (const _ of client.runs.list({ limit: 1 })) break;
}
