/** The commands for the events of other products that start an action: where they go, a try, and a new secret. */

import { Option } from "commander";
import { present } from "../../client/api.ts";
import type { Schemas } from "../../client/index.ts";
import { calling, type Flags, showing } from "../call.ts";
import { CliCommand, examples, repeated, textOption } from "../command.ts";
import { EXIT, UsageError } from "../exit.ts";
import { fields, instantText, objectText } from "../fields.ts";
import { readJson, readObject } from "../input.ts";
import { JSON_HELP } from "../new-run.ts";
import { type Output, plain, wrap } from "../output.ts";
import { nameArgument, rotatingCommand, type Told } from "./commands.ts";

type Verify = Schemas["InboundOfAction"]["verify"];

/** What the product that sends the events needs. */
const SET_UP: Readonly<Record<Verify, string>> = {
  token:
    "In the product, set this URL, and the secret as a bearer token, as the password of basic authentication, or in " +
    "GitLab as the secret token. Don't write the secret into the URL.",
  github:
    "In the repository's settings, add a webhook with this URL as the payload URL, the content type application/json, " +
    "and the secret. Choose only the events that the action needs.",
  "standard-webhooks": "In the product, set this URL and the secret as those of a webhook.",
};

export function inboundCommands(action: Told<Schemas["ListedAction"]>): readonly CliCommand[] {
  return [inboundCommand(action), tryCommand(action), rotateCommand(action)];
}

function inboundCommand(action: Told<Schemas["ListedAction"]>): CliCommand {
  return new CliCommand("action inbound")
    .summary("show where another product sends its events")
    .description(
      "Show the URL for the events of an action that has the member inbound, and how to set it up in the product. The " +
        "secret is never shown. If you have lost it, use `action rotate-secret`. The token needs the role owner or admin.",
    )
    .addArgument(nameArgument(action))
    .addHelpText(
      "after",
      examples("action-runs action inbound deploy", "action-runs action inbound deploy --json | jq -r .url"),
    )
    .action(showing(({ actions }, name) => actions.inbound(name), inboundText));
}

function inboundText({ url, verify, graceEndsAt }: Schemas["InboundOfAction"], output: Output): string {
  const rows = [
    ["verify", plain(verify)],
    ["old secret", graceEndsAt && `counts until ${instantText(graceEndsAt)}`],
  ];
  // The URL stands alone, so that a terminal does not break it.
  const how = Object.hasOwn(SET_UP, verify) ? `\n\n${wrap(SET_UP[verify], output.columns)}` : "";
  return `${plain(url)}\n\n${fields(rows, output)}${how}`;
}

interface TryFlags extends Flags {
  readonly event: string;
  readonly header?: readonly string[];
  readonly body?: string;
}

function tryCommand(action: Told<Schemas["ListedAction"]>): CliCommand {
  return new CliCommand("action inbound-try")
    .summary("show what an action makes of an event")
    .description(
      "Show whether an event would start a run, and the parameters of that run. Nothing is started or stored, and the " +
        "event needs no secret. The exit code is 0 only if a run would start. With --body you try a definition before " +
        "you store it. The token needs the role owner or admin.",
    )
    .addArgument(nameArgument(action))
    .addOption(textOption("--event <json>", "the body of the event").makeOptionMandatory())
    .addOption(
      new Option("--header <name:value>", "a header of the event, such as X-GitHub-Event:push; repeatable").argParser(
        repeated,
      ),
    )
    .addOption(textOption("--body <json>", "a definition of the action that is not stored, as a JSON object"))
    .addHelpText(
      "after",
      JSON_HELP + examples("action-runs action inbound-try deploy --event @push.json --header X-GitHub-Event:push"),
    )
    .action(
      calling<TryFlags, [string]>(async ({ client, output, flags }, name) => {
        const definition = flags.body === undefined ? undefined : await readObject(flags.body, "--body");
        const inbound = definition?.inbound as Schemas["Inbound"] | undefined;
        if (definition !== undefined && inbound === undefined)
          throw new UsageError("--body: this definition has no member inbound. Add one.");
        const headers = Object.fromEntries((flags.header ?? []).map(readHeader));
        const body = await readJson(flags.event, "--event");
        const tried = await client.actions.tryInbound(name, { headers, body, ...present({ inbound }) });
        await output.show(tried, () => triedText(tried, output));
        return tried.matches && tried.error === null ? EXIT.succeeded : EXIT.failed;
      }),
    );
}

function readHeader(text: string): [string, string] {
  const [, name, value = ""] = /^([^:\s]+):\s*(.*)$/s.exec(text) ?? [];
  if (name === undefined) throw new UsageError(`--header ${text}: give name:value, such as X-GitHub-Event:push.`);
  return [name, value];
}

function triedText({ matches, parameters, error }: Schemas["TriedEvent"], output: Output): string {
  const starts = matches && error === null;
  const rows = [
    ["starts a run", starts ? output.paint("green", "yes") : output.paint("yellow", "no")],
    ["because", matches ? error && plain(error) : "the event does not meet the conditions of when"],
    ["parameters", objectText(parameters)],
  ];
  return fields(rows, output);
}

function rotateCommand(action: Told<Schemas["ListedAction"]>): CliCommand {
  return rotatingCommand(
    action,
    "Give an action a new secret for its events. Only this response shows it; with --json it is the member secret. The " +
      "old secret counts beside it for --grace-period more, so that the product can change over. At most 3 secrets count " +
      "at a time. The runs of later events have your token as their creator.",
    ({ actions }, name, options) => actions.rotateInboundSecret(name, options),
  );
}
