/** Makes the runs that are read while measuring, over HTTP as a caller does, and notes the right responses. */

import { LIST_LIMIT } from "../load/operations.ts";
import type { Reading, Seeds } from "../load/requests.ts";
import { replicated } from "./replicated.ts";
import type { Site } from "./site.ts";

const NAME = "shop";
const PROJECT = `/bench/${NAME}`;
/**
 * More `listed` and `made` runs than a page has, so that a list has a next page. As many `searched` ones as a page by a
 * text looks at.
 */
const SEEDS = { open: 200, ended: 200, listed: 300, made: 100, searched: 5000 } as const;
/** The fewest that every operation works with. */
export const FEW_SEEDS: SeedCounts = { open: 10, ended: 10, listed: LIST_LIMIT + 1, made: LIST_LIMIT + 1, searched: 1 };
export type SeedCounts = Readonly<Record<keyof typeof SEEDS, number>>;
const AT_ONCE = 16;
/** Where the environments live that are not in the control database. */
const AWAY_DATABASE = 3;

/** Sends requests to the service, and throws if a response is not a success. */
export function asker({ origin }: Pick<Site, "origin">) {
  return async (method: string, path: string, token: string, body?: unknown): Promise<string> => {
    const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
    const init = body === undefined ? { method, headers } : { method, headers, body: JSON.stringify(body) };
    const answer = await fetch(origin + path, init);
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text;
  };
}

/** `receiver`: the origin that the endpoint of the environment `notified` calls. */
export async function makeSeeds(
  site: Pick<Site, "origin" | "secrets" | "databases">,
  receiver: string,
  counts: SeedCounts = SEEDS,
): Promise<Seeds> {
  const ask = asker(site);
  const member = { name: "bench", role: "member" };
  const { token } = JSON.parse(await ask("POST", `${PROJECT}/tokens`, site.secrets.ROOT_TOKEN, member));
  const runsOf = (env: string) => `${PROJECT}/envs/${env}/action-runs`;

  async function make(env: string, end: boolean): Promise<string> {
    const parameters = { service: "checkout", version: "1.4.2", region: "eu-central" };
    const run = JSON.parse(await ask("POST", runsOf(env), token, { actionName: "deploy", parameters }));
    const path = `${runsOf(env)}/${run.id}`;
    if (end) {
      const output = { url: "https://ci.example.com/jobs/4711", tests: "312 passed" };
      await ask("POST", `${path}/callback`, run.callback.token, { status: "succeeded", output });
    }
    return path;
  }
  const read = async (path: string): Promise<Reading> => ({ path, body: await ask("GET", path, token) });

  const openRuns = await times(counts.open, async () => read(await make("open", false)));
  const endedRuns = await times(counts.ended, async () => read(await make("ended", true)));
  await times(counts.listed, () => make("listed", false));
  const madeRuns = await times(counts.made, async () => read(await make("made", false)));
  await times(counts.searched, () => make("searched", false));
  await putEndpoint(site, `${PROJECT}/envs/notified`, receiver);
  await putEndpoint(site, `${PROJECT}/envs/chat`, receiver, { text: "{{ event.summary }} {{ run.url }}" });
  const list = await read(runsOf("listed"));
  const ids: string[] = JSON.parse(list.body).map(({ id }: { id: string }) => id);
  const newestFirst = ids.toSorted().toReversed();
  if (ids.length !== LIST_LIMIT || ids.some((id, i) => id !== newestFirst[i])) {
    throw new Error("the list does not hold the newest 50 runs, newest first");
  }
  const plain = await read(runsOf("searched"));
  const searched = { plain, text: { path: `${plain.path}?text=nobody%20has%20this`, body: "[]" } };
  const seeds = { token, runs: runsOf("made"), openRuns, endedRuns, madeRuns, list, searched, receiver };
  const pending = counts.open + counts.listed + counts.made + counts.searched;
  // The limits begin with a copy of D1's rows.
  await replicated(site, [
    { project: NAME, status: "succeeded", runs: counts.ended },
    { project: NAME, status: "pending", runs: pending },
  ]);
  if (site.databases.length === 1) return seeds;
  // Runs are created in `near` and `away`, and listed in the other two.
  for (const env of ["away", "away-listed"]) await chooseDatabase(site, AWAY_DATABASE, `/bench/${NAME}/envs/${env}`);
  for (const env of ["near-listed", "away-listed"]) await times(counts.listed, () => make(env, false));
  return { ...seeds, near: await read(runsOf("near-listed")), away: await read(runsOf("away-listed")) };
}

/** Decides where an environment lives. Call it before its first run. `path`: `/{o}/{p}/envs/{envName}`. */
export async function chooseDatabase(
  site: Pick<Site, "origin" | "secrets">,
  database: number,
  path: string,
): Promise<void> {
  await asker(site)("PUT", `${path}/database`, site.secrets.ROOT_TOKEN, { database });
}

/**
 * Gives an environment an endpoint that hears of every run that ends. Without a payload, a delivery shows the outcome
 * before, which the service must look for. `path`: `/{o}/{p}/envs/{envName}`.
 */
export async function putEndpoint(
  site: Pick<Site, "origin" | "secrets">,
  path: string,
  receiver: string,
  payload?: object,
): Promise<void> {
  const body = { url: `${receiver}/deliveries`, events: ["action_run.*"], ...(payload && { payload }) };
  await asker(site)("PUT", `${path}/webhook-endpoints/receiver`, site.secrets.ROOT_TOKEN, body);
}

/** Makes `n` of something, a few at once. */
export async function times<T>(n: number, make: (i: number) => Promise<T>): Promise<T[]> {
  const made: T[] = [];
  let next = 0;
  const work = async () => {
    while (next < n) made.push(await make(next++));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return made;
}
