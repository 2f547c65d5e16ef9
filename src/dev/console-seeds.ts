/** Fills a server with runs to look at in the console: many actions, people, labels, durations and ends. */

import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { type Client, callback, createClient } from "../client/index.ts";
import { seedGates } from "./console-gates.ts";
import { seedActions } from "./console-jobs.ts";
import { EXAMPLE_ENVIRONMENT } from "./example-place.ts";

const RUNS = 200;
/** The pause between two creates. */
const PACE_MS = 200;
const LONGEST_MS = 25_000;
const PEOPLE = ["ci", "anna", "gitlab", "nightly"];
const ACTIONS: readonly (readonly [name: string, entities: number, labels: readonly string[]])[] = [
  ["deploy", 3, ["team:payments", "region:eu"]],
  ["build-image", 2, ["team:platform"]],
  ["rotate-keys", 1, ["team:security", "scheduled"]],
  ["backup-database", 2, ["scheduled", "region:eu", "tier:1"]],
  ["provision-preview-environment", 2, ["team:web"]],
  ["run-smoke-tests", 0, []],
];
const ERRORS = [
  "3 of 214 tests failed: checkout/payment.spec.ts, checkout/refund.spec.ts, catalog/price.spec.ts",
  "The image registry answered 503 after 4 tries.",
  "Exit code 137: out of memory",
];

/**
 * Resolves when all runs are created and all but the last few have ended. Takes about a minute. The server must allow
 * webhooks to this machine.
 */
export async function seed(baseUrl: string, rootToken: string): Promise<void> {
  const operator = createClient({ baseUrl, token: rootToken, ...EXAMPLE_ENVIRONMENT });
  const people = await Promise.all(
    PEOPLE.map(async (name) => {
      const { token } = await operator.tokens.create({ name, role: "member", envName: EXAMPLE_ENVIRONMENT.env });
      return createClient({ baseUrl, token, ...EXAMPLE_ENVIRONMENT });
    }),
  );
  const random = numbers(7);
  const lives: Promise<void>[] = [];
  for (let index = 0; index < RUNS; index++) {
    const person = people[Math.floor(random() ** 2 * people.length)];
    if (person !== undefined) lives.push(live(person, index, random));
    await delay(PACE_MS);
  }
  await Promise.all(lives);
  await seedBulk(operator, people[1] ?? operator);
  await seedActions(operator, people[1] ?? operator);
  await seedGates(operator, people[1] ?? operator);
}

/** The life of one run. The last ones stay open. */
async function live(client: Client, index: number, random: () => number): Promise<void> {
  const [actionName, entities, labels] = pick(ACTIONS, random) ?? ["deploy", 0, []];
  const endsAfterMs = LONGEST_MS * random() ** 4 + 150;
  const fate = random();
  const run = await client.runs.create({
    actionName,
    entityId: entities === 0 ? null : entityId(actionName, Math.floor(random() * entities)),
    labels: labels.filter(() => random() < 0.8),
    parameters: { version: `1.${index}.0`, region: "eu-west-1", dryRun: random() < 0.2, replicas: 3 },
  });
  const workflow = callback(run.callback.url, run.callback.token);
  const left = RUNS - index;
  if (left === 1 || left === 4) return;
  await workflow.heartbeat({
    message: "Running the tests",
    progress: 0.4,
    externalUrl: `https://ci.example.com/jobs/${4000 + index}`,
  });
  if (left < 8) {
    if (left === 5) await client.runs.cancel(run.id, { reason: "wrong branch", graceSeconds: 3600 });
    return;
  }
  await delay(endsAfterMs);
  if (fate < 0.06) await client.runs.cancel(run.id, { reason: "wrong branch", graceSeconds: 0 });
  else if (fate < 0.18) await workflow.fail(pick(ERRORS, random) ?? "");
  else await workflow.succeed({ url: `https://${actionName}.shop.example`, artifacts: index });
}

/** A person retries what failed, and the operator cancels the new runs. */
async function seedBulk(operator: Client, person: Client): Promise<void> {
  const label = "team:payments";
  const { runs } = await operator.runs.page({ status: ["failed"], label: [label], limit: 3 });
  const retry = { operation: "retry", runIds: runs.map(({ id }) => id) } as const;
  const done = await person.bulkOperations.wait((await person.bulkOperations.create(retry)).id);
  await operator.bulkOperations.create({
    operation: "cancel",
    reason: "the version is withdrawn",
    maxRuns: 100,
    filter: { status: ["pending"], labels: [label], createdAfter: done.createdAt },
  });
}

/** A UUID for an entity: always the same for the same action and number. */
function entityId(actionName: string, number: number): string {
  const hex = createHash("sha256").update(`${actionName} ${number}`).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

function pick<T>(values: readonly T[], random: () => number): T | undefined {
  return values[Math.floor(random() * values.length)];
}

/** The same numbers each time (mulberry32), so that two pictures can be compared. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
