/** `npm run soak`: callers that check every answer while D1 fails, coordinators are evicted, and workerd is killed. */

import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { onStop } from "../../src/dev/children.ts";
import { BULK_ENVIRONMENT } from "./bulk/bulk-plans.ts";
import { BulkRounds } from "./bulk/bulk-rounds.ts";
import { BulkCheck } from "./bulk/bulk-verdict.ts";
import { Caller } from "./caller.ts";
import { endedRuns } from "./d1-files.ts";
import { DISTURBANCES, Disturbances } from "./disturbances/disturbances.ts";
import { Endpoints } from "./endpoints/endpoints.ts";
import { Receiver } from "./endpoints/receiver.ts";
import { NotifiedCheck, RecoveryCheck } from "./endpoints/told.ts";
import { Follower } from "./follower.ts";
import { GATED_ENVIRONMENT, GatedRuns } from "./gated.ts";
import { SoakRecord, summary } from "./record.ts";
import { checkReplication, compareWithGets, endedRowsInD1, runsInD1 } from "./replicated.ts";
import { randomFrom } from "./requests.ts";
import { Scraper } from "./scraper.ts";
import { build, newSite } from "./site.ts";
import type { Stage } from "./stage.ts";
import { newIdentity, People } from "./starts/people.ts";
import { STARTED_ENVIRONMENT, StartedRuns } from "./starts/started-runs.ts";

const USAGE = `npm run soak                          ten minutes of faults under 64 callers
npm run soak -- --minutes 0.5         a short try
               --seed 7               the same plan again; only the timing differs
               --callers 16           fewer callers
               --without kills,faults leaves out some of: ${DISTURBANCES.join(", ")}

Ends with 1 if an answer contradicts what an earlier answer said, or if something acknowledged is lost.`;

const ENVIRONMENTS = ["acme/soak/dev", "acme/soak/staging", "acme/soak/prod"];
/** Those with webhook endpoints and followers. */
const OBSERVED = [...ENVIRONMENTS, BULK_ENVIRONMENT];
/** How long requests that are under way may take when the soak is over. */
const PROGRESS_EVERY_MS = 15_000;
const LAST_REQUESTS_MS = 200_000;
/** During how many attempts of deliveries the coordinator that waits for the answer is evicted. */
const ATTEMPTS_DISTURBED = 0.005;

const { values: flags } = parseArgs({
  options: {
    help: { type: "boolean", short: "h" },
    minutes: { type: "string", default: "10" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 1e6)) },
    callers: { type: "string", default: "64" },
    without: { type: "string", default: "" },
  },
});

if (flags.help) console.log(USAGE);
else await soak(positive("minutes"), positive("seed"), positive("callers"), flags.without.split(","));

function positive(name: "minutes" | "seed" | "callers"): number {
  const value = Number(flags[name]);
  if (Number.isFinite(value) && value >= 0) return value;
  console.error(`--${name} ${flags[name]} is not a number. Send a positive number.`);
  process.exit(2);
}

async function soak(minutes: number, seed: number, callerCount: number, without: readonly string[]): Promise<void> {
  console.log(`Building. Then ${callerCount} callers for ${minutes} minutes, seed ${seed}.`);
  await build();
  const identity = await newIdentity();
  const site = await newSite((origin) => identity.settingsOf(origin));
  const over = new AbortController();
  // The second signal does not wait for requests.
  onStop(async (signal) => {
    if (over.signal.aborted || signal !== "SIGINT") {
      await site.remove();
      process.exit(1);
    }
    console.log("Stopping after the last checks. Press Ctrl-C again to stop at once.");
    over.abort();
  });
  try {
    await site.start();
    const record = new SoakRecord();
    const others = [GATED_ENVIRONMENT, BULK_ENVIRONMENT, STARTED_ENVIRONMENT];
    const disturbances = new Disturbances(site, record, [...ENVIRONMENTS, ...others]);
    const stage: Stage = { site, record, disturbances, environments: ENVIRONMENTS, runs: new Map(), bulk: [] };
    const bulk = new BulkRounds(stage, randomFrom(seed, 9));
    const callers = Array.from({ length: callerCount }, (_, n) => new Caller(stage, n, randomFrom(seed, n + 10), bulk));
    for (const [n, caller] of callers.entries()) caller.partner = callers[n ^ 1] ?? null;
    const scraper = new Scraper(stage);
    const gated = new GatedRuns(stage, randomFrom(seed, 8));
    const people = new People(stage, identity, randomFrom(seed, 13));
    const started = new StartedRuns(stage, people, randomFrom(seed, 14));
    const followers = OBSERVED.flatMap((environment, n) =>
      [false, true].map(
        (stops, isolate) =>
          new Follower(stage, environment, isolate, stops, randomFrom(seed, callerCount + 10 + 2 * n + isolate)),
      ),
    );
    const chance = randomFrom(seed, 7);
    const receiver = new Receiver(record, randomFrom(seed, 6), async (environment) => {
      if (chance() >= ATTEMPTS_DISTURBED) return;
      await disturbances.evictNow(environment);
    });
    await receiver.listen();
    const endpoints = OBSERVED.map(
      (environment, n) => new Endpoints(stage, receiver, environment, randomFrom(seed, callerCount + 20 + n)),
    );
    await Promise.all(callers.map((caller) => caller.store()));
    for (const one of endpoints) await one.store();
    await gated.store();
    await bulk.environment.store();
    await people.store();
    await started.store();
    for (const follower of followers) follower.start();
    const timer = setTimeout(() => over.abort(), minutes * 60_000);
    const progress = setInterval(() => console.log(record.progress()), PROGRESS_EVERY_MS);
    const startedAt = Date.now();
    const lives = people.run();
    await within(
      minutes * 60_000 + LAST_REQUESTS_MS,
      Promise.all([
        disturbances.run((part) => randomFrom(seed, part), over.signal, without),
        scraper.run(over.signal),
        gated.run(over.signal),
        started.run(over.signal),
        bulk.run(over.signal),
        ...endpoints.map((one) => one.move(over.signal)),
        ...callers.map((caller) => caller.run(over.signal)),
      ]),
    );
    clearTimeout(timer);
    clearInterval(progress);
    const tookMs = Date.now() - startedAt;
    receiver.heal();
    console.log("D1 is well and nobody sends a request. Waiting for the last rows to be replicated.");
    await Promise.all([gated.check(), started.check(), bulk.finish(), disturbances.moves.settle()]);
    await Promise.all([lives, people.finish()]);
    const replicatedMs = await checkReplication(stage);
    const compared = await compareWithGets(stage, randomFrom(seed, 5));
    await new BulkCheck(stage, bulk.environment, bulk.verdict).run();
    await Promise.all(followers.map((one) => one.check((environment) => runsInD1(site.state, environment))));
    await scraper.check((environment) => endedRuns(site.state, environment));
    await Promise.all(
      endpoints.map(async (one) => {
        const ended = () => endedRowsInD1(site.state, one.environment);
        await new NotifiedCheck(stage, receiver, one, ended).run();
        await new RecoveryCheck(stage, one, ended).run(startedAt);
      }),
    );
    await disturbances.moves.check();
    await started.checkErased();
    await receiver.close();
    const checksMs = Date.now() - startedAt - tookMs;
    const { delays } = receiver;
    console.log(summary(record, { seed, tookMs, checksMs, replicatedMs, ...compared, runs: stage.runs.size, delays }));
    if (record.violations > 0) process.exitCode = 1;
  } finally {
    await site.remove();
  }
  process.exit();
}

async function within<T>(maxMs: number, work: Promise<T>): Promise<T> {
  const tooLong = delay(maxMs, null, { ref: false }).then(() => {
    throw new Error("the last requests were not answered");
  });
  return Promise.race([work, tooLong]);
}
