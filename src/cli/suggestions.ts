/** The values that completion offers: what exists in the environment, and begins with what the user has typed. */

import type { Client, DetailedActionRun } from "../client/index.ts";
import { take } from "./limits.ts";
import type { Suggested } from "./options.ts";
import { plain } from "./output.ts";

const LEAST_CHARACTERS = 2;
const MOST = 20;
/** How many runs are looked through, because the service has no list of the values. */
const NEWEST = 200;

/** At most 20 values, sorted. None before the second character. Throws as the client does. */
export async function suggestionsFor(
  client: Client,
  what: Suggested,
  begin: string,
): Promise<readonly string[]> {
  if (begin.length < LEAST_CHARACTERS) return [];
  const values = await (what === "stored actions" ? storedActions(client) : valuesOf(client, what, begin));
  return [...new Set(values)]
    .filter((value) => value.startsWith(begin) && isOneWord(value))
    .sort()
    .slice(0, MOST);
}

async function storedActions(client: Client): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const { name } of client.actions.list()) names.push(name);
  return names;
}

/** Values that contain a text. The only function that knows where the values of a filter come from. */
async function valuesOf(
  client: Client,
  what: Exclude<Suggested, "stored actions">,
  contains: string,
): Promise<readonly string[]> {
  const of: Readonly<Record<typeof what, (run: DetailedActionRun) => readonly string[]>> = {
    "action names": ({ actionName }) => [actionName],
    labels: ({ details }) => details?.labels ?? [],
    creators: ({ triggeredBy }) => [triggeredBy],
  };
  const values: string[] = what === "action names" ? [...(await storedActions(client))] : [];
  for await (const run of take(client.runs.list({ limit: NEWEST, include: "details" }), NEWEST)) {
    values.push(...of[what](run));
  }
  return values.filter((value) => value.includes(contains));
}

/** Whether a shell can show the value, and read it as one line. */
function isOneWord(value: string): boolean {
  return plain(value) === value;
}
