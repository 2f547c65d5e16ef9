#!/usr/bin/env node
/**
 * Runs one command for an action run, shows the run its newest output meanwhile, and reports how it ended.
 *
 *   RUN_ID=… CALLBACK_URL=… CALLBACK_TOKEN=… job.mjs command [argument…]
 *
 * Needs Node 22 and nothing else. Everybody who may read the run sees the output, so the command must print no secrets. A
 * signal ends this script without a report, and the run's timeout ends the run.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";

const { RUN_ID, CALLBACK_URL, CALLBACK_TOKEN, BEAT_EVERY_SECONDS = 30 } = process.env;
// The command must not see the token.
delete process.env.CALLBACK_TOKEN;
let takesTail = true;
let printed = Buffer.alloc(0);

/** Throws if there is no answer. */
async function post(url, body, headers = {}) {
  const response = await fetch(url, {
    method: "POST",
    headers: { Authorization: `Bearer ${CALLBACK_TOKEN}`, "Content-Type": "application/json", ...headers },
    body: JSON.stringify(body),
    redirect: "error",
    signal: AbortSignal.timeout(15_000),
  });
  return { status: response.status, answer: await response.json().catch(() => ({})) };
}

async function heartbeat() {
  // Whole lines only: the rest of the last one is still to come.
  const tail = takesTail ? printed.subarray(0, printed.lastIndexOf("\n") + 1).toString() : "";
  const url = CALLBACK_URL.replace(/callback$/, "heartbeat");
  const sent = await post(url, tail === "" ? {} : { tail });
  // A service that does not know of tails. The run must not fall silent because of that.
  if (tail === "" || ![400, 403, 413, 422].includes(sent.status)) return sent;
  takesTail = false;
  return post(url, {});
}

async function report(body) {
  for (const pause of [1, 2, 4, 8, 0]) {
    // The key makes a second try a repetition, so a report whose answer got lost is not refused.
    const { status } = await post(CALLBACK_URL, body, { "Idempotency-Key": `job-${RUN_ID}` }).catch(() => ({
      status: 0,
    }));
    if (status === 200) return;
    const mayHelp = status === 0 || status === 408 || status === 429 || status >= 500;
    if (!mayHelp || pause === 0) throw new Error(`The report failed with status ${status}.`);
    await delay(pause * 1000);
  }
}

// The service refuses the heartbeat of a run that has ended. The work is not needed then.
const first = await heartbeat();
if (first.status !== 200) throw new Error(`The first heartbeat was refused with ${first.status}.`);
if (first.answer.cancel) throw new Error("The run was cancelled.");
const [command, ...args] = process.argv.slice(2);
const job = spawn(command, args, { stdio: ["inherit", "pipe", "pipe"] });
const ended = once(job, "close").then(
  ([code]) => ({ code: code ?? 1 }),
  () => ({ code: 127 }), // There is no such command.
);
for (const output of [job.stdout, job.stderr]) {
  output.on("data", (chunk) => {
    process.stdout.write(chunk);
    printed = Buffer.concat([printed, chunk]).subarray(-8192);
  });
}
let { watched } = first.answer;
let end = null;
const over = new AbortController();
ended.finally(() => over.abort());
while (end === null) {
  const pause = delay(watched ? 5000 : BEAT_EVERY_SECONDS * 1000, null, { signal: over.signal }).catch(() => null);
  end = await Promise.race([ended, pause]);
  if (end !== null) break;
  // The next heartbeat makes up for one that got lost.
  const { status, answer } = await heartbeat().catch(() => ({ status: 0, answer: {} }));
  watched = answer.watched;
  // The run was cancelled, or has ended.
  if (answer.cancel || status === 409) job.kill();
}
const { code } = end;
const error = `The command exited with status ${code}.\n${printed}`;
await report(code === 0 ? { status: "succeeded" } : { status: "failed", error });
process.exitCode = code;
