/** `login`: asks for a place and a token, tries them, and keeps them as a profile. */

import { createClient } from "../../client/index.ts";
import { CliCommand } from "../command.ts";
import { EXIT, UsageError } from "../exit.ts";
import { ask, checkToken, readToken } from "../input.ts";
import { examples, exiting, withConnection, withOutput } from "../options.ts";
import { Output, type OutputFlags } from "../output.ts";
import { DEFAULT_PROFILE, type Profile, profilePath, readProfile, writeProfile } from "../profile.ts";
import { type ConnectionFlags, calling, checkUrl, made } from "../settings.ts";
import { fields } from "../telling.ts";

interface Flags extends ConnectionFlags, OutputFlags {}

const PLACE = [
  ["url", "Server"],
  ["org", "Organisation"],
  ["project", "Project"],
  ["env", "Environment"],
] as const;

export function loginCommand(): CliCommand {
  const command = new CliCommand("login")
    .summary("keep a server, a place and a token as a profile")
    .description(
      "Keep a server, a place and a token as a profile, which every command uses that is told nothing else. " +
        "The token is asked for unseen, or read from stdin where that is no terminal; it is tried before it is kept.",
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
  const path = profilePath(flags.profile ?? DEFAULT_PROFILE);
  const isAsked = process.stdin.isTTY === true && !flags.tokenStdin;
  const place = await readPlace(flags, isAsked, (isAsked && readProfile(path)) || {});
  const token = isAsked
    ? checkToken(await ask("Token", { isSecret: true }), "Token")
    : await readToken("stdin");
  const { url, ...names } = place;
  const client = made(() => createClient({ baseUrl: url, token, ...names, ...calling(flags) }));
  // Every role may list.
  for await (const _ of client.runs.list({ limit: 1 })) break;
  writeProfile(path, { ...place, token });
  const kept = { profile: flags.profile ?? DEFAULT_PROFILE, path, ...place };
  await output.show(kept, () => fields(Object.entries(kept), output));
  return EXIT.succeeded;
}

/** Where to: from flags and environment, else asked for, with what the profile has so far to be accepted. */
async function readPlace(
  flags: Flags,
  isAsked: boolean,
  before: Profile,
): Promise<Required<Omit<Profile, "token">>> {
  const place = { url: "", org: "", project: "", env: "" };
  for (const [name, question] of PLACE) {
    const usual = before[name];
    const answer = flags[name] || (isAsked ? await ask(question, usual ? { usual } : {}) : "");
    if (answer === "") throw new UsageError(`Give --${name} or ACTION_RUNS_${name.toUpperCase()}.`);
    place[name] = name === "url" ? checkUrl(answer, "--url") : answer;
  }
  return place;
}
