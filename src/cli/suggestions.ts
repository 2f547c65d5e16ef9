/** The values that completion offers: what exists in the environment, and begins with what the user has typed. */

import type { Client } from "../client/index.ts";
import type { Suggested } from "./options.ts";
import { plain } from "./output.ts";

const LEAST_CHARACTERS = 2;
const MOST = 20;

/** At most 20 values, sorted. None before the second character. Throws as the client does. */
export async function suggestionsFor(client: Client, what: Suggested, begin: string): Promise<readonly string[]> {
  if (begin.length < LEAST_CHARACTERS) return [];
  const values = await valuesOf(client, what, begin);
  return [...new Set(values)]
    .filter((value) => value.startsWith(begin) && isOneWord(value))
    .sort()
    .slice(0, MOST);
}

async function namesOf(list: AsyncIterable<{ readonly name: string }>): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const { name } of list) names.push(name);
  return names;
}

const FIELDS = { "action names": "actionName", labels: "label", creators: "triggeredBy" } as const;

/** Values, of filters those that contain a text. The only function that knows where values come from. */
async function valuesOf(client: Client, what: Suggested, contains: string): Promise<readonly string[]> {
  if (what === "stored actions") return namesOf(client.actions.list());
  if (what === "webhook endpoints") return namesOf(client.webhookEndpoints.list());
  if (what === "concurrency groups") return groupsOf(client);
  const { values } = await client.runs.facets({ field: FIELDS[what], contains });
  // An action that never ran has no run that says its name.
  return what === "action names" ? [...(await namesOf(client.actions.list())), ...values] : values;
}

/** Groups with open runs, and paused ones. */
async function groupsOf(client: Client): Promise<readonly string[]> {
  const groups = (await client.pauses.list()).map(({ group }) => group);
  for await (const { group } of client.concurrencyGroups.list()) groups.push(group);
  return groups;
}

/** Whether a shell can show the value, and read it as one line. */
function isOneWord(value: string): boolean {
  return plain(value) === value;
}
