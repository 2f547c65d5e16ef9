/** What the commands of webhook endpoints read: the endpoint's name, and a definition. */

import type { Command } from "commander";
import type { WebhookEndpoint } from "../client/index.ts";
import { UsageError } from "./exit.ts";
import { readObject } from "./input.ts";
import { OfferingArgument, readName } from "./options.ts";
import type { OutputFlags } from "./output.ts";
import type { ConnectionFlags } from "./settings.ts";

export interface EndpointFlags extends ConnectionFlags, OutputFlags {}

export function nameArgument(): OfferingArgument {
  const argument = new OfferingArgument("<name>", "the endpoint's name", "webhook endpoints");
  argument.argParser(readName);
  return argument;
}

/** Behind the help of a command with --body. */
export const BODY_HELP = "\nGive JSON as @file, or as @- for stdin. JSON on the command line must have no secrets.\n";

/** The definition in --body. Throws UsageError if it is no object, or if the command line itself has its secrets. */
export async function readDefinition(body: string, command: Command): Promise<WebhookEndpoint> {
  const definition = await readObject(body, "--body");
  const isTyped = command.getOptionValueSource("body") === "cli" && !body.startsWith("@");
  const member = isTyped ? secretMember(definition) : null;
  if (member === null) return definition as WebhookEndpoint;
  const option = command.options.find((one) => one.attributeName() === "body");
  throw new UsageError(
    `--body: ${member} is a secret, and other users can read command lines. Use @file, @- for stdin, or the variable ` +
      `${option?.envVar}.`,
  );
}

/** The name of a member that holds a secret; null if there is none. */
function secretMember(definition: Readonly<Record<string, unknown>>): string | null {
  const { url, signingSecret, headers, secrets } = definition;
  for (const [name, value] of Object.entries({ url, signingSecret })) if (typeof value === "string") return name;
  for (const [holder, texts] of Object.entries({ headers, secrets })) {
    const found = Object.entries(texts ?? {}).find(([, value]) => typeof value === "string");
    if (found !== undefined) return `${holder}.${found[0]}`;
  }
  return null;
}
