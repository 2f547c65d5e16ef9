/** `login`: asks for a place and a token, tries them, and keeps them as a profile. */

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

/** What is asked for to find out each name. */
const NAMES: ReadonlyMap<keyof Names, string> = new Map([
  ["org", "Organisation"],
  ["project", "Project"],
  ["env", "Environment"],
]);

export function loginCommand(): CliCommand {
  const command = new CliCommand("login")
    .summary("keep a server, a place and a token as a profile")
    .description(
      "Keep a server, a place and a token as a profile, which every command uses that is told nothing else. " +
        "The token is asked for unseen, or read from stdin if that is no terminal. " +
        "Each answer is tried before it is kept, and on a terminal you are asked again for what was wrong.",
    )
    .addHelpText(
      "after",
      `
The profile is a file in $XDG_CONFIG_HOME/action-runs, ~/.config/action-runs, or %APPDATA%\\action-runs
that only you may read. Its token is sent to its own server and no other.\n${examples(
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

/** From flags and environment, with the token from stdin. */
async function given(flags: Flags): Promise<Kept> {
  const place = { url: "", org: "", project: "", env: "" };
  for (const name of ["url", ...NAMES.keys()] as const) {
    const value = flags[name];
    if (!value) throw new UsageError(`Give --${name} or ACTION_RUNS_${name.toUpperCase()}.`);
    place[name] = name === "url" ? checkUrl(value, "--url") : value;
  }
  const kept = { ...place, token: await readToken("stdin") };
  await checkServer(kept.url, flags);
  await checkPlace(kept, flags);
  return kept;
}

/** From flags and environment, else from the terminal. What is wrong is asked for again, and nothing else is. */
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
        complain(`The token does not open ${names.org}/${names.project}/${names.env}. Check the names.`);
        usual = names;
        names = await readNames({}, usual);
      } else if (status === 401 || status === 403) {
        complain(`${sentenceOf(fault)} Give another token.`);
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

/** The first answer that `check` takes: what was given, else what is asked for until one is taken. */
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

/** Before a token is sent to it. Throws what the client says of a server that is not there, or another. */
async function checkServer(url: string, flags: Flags): Promise<void> {
  const response = await createSend(transportSettings(calling(flags)))(new Request(`${url}/`));
  const { name } = ((await response.json()) ?? {}) as { name?: unknown };
  if (name !== "action-runs") throw unexpectedAnswer(response, "An answer that is not of action-runs");
}

/** Every role may list. */
async function checkPlace({ url, ...place }: Kept, flags: Flags): Promise<void> {
  const client = made(() => createClient({ baseUrl: url, ...place, ...calling(flags) }));
  for await (const _ of client.runs.list({ limit: 1 })) break;
}
