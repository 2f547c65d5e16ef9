/** Event streams of the real server: read live, left by their readers, and cut by `kill -9`, raw and by the client. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClient } from "../../../src/client/index.ts";
import { type Installation, killAll, newInstallation, type Server } from "../installation.ts";
import { ask, type CreatedRun } from "../load.ts";
import { until } from "../until.ts";

const SUBSCRIPTIONS_PER_RUN_AND_TOKEN = 100;

interface TimelineEvent {
  readonly seq: number;
  readonly type: string;
  readonly message?: string;
}

let installation: Installation;
let server: Server;
beforeAll(async () => {
  installation = await newInstallation();
  server = await installation.start();
});
afterAll(() => installation.remove());

async function createRun(): Promise<CreatedRun> {
  const { runs, token } = installation;
  return (await ask<CreatedRun>("POST", runs, { token, body: { actionName: "deploy" } })).body;
}

/** Sends a heartbeat, and returns whether it was acknowledged. */
async function beat({ callback }: CreatedRun, message: string): Promise<boolean> {
  const url = callback.url.replace(/callback$/, "heartbeat");
  const told = await ask("POST", url, { token: callback.token, body: { message } }).catch(() => null);
  if (told !== null && told.status !== 200) throw new Error(JSON.stringify(told.body));
  return told !== null;
}

async function end({ callback: { url, token } }: CreatedRun): Promise<void> {
  const told = await ask("POST", url, { token, body: { status: "succeeded" } });
  if (told.status !== 200) throw new Error(JSON.stringify(told.body));
}

async function openStream(run: CreatedRun, after = 0, signal?: AbortSignal): Promise<Response> {
  const headers = new Headers({ Authorization: `Bearer ${installation.token}`, Accept: "text/event-stream" });
  if (after > 0) headers.set("Last-Event-ID", String(after));
  return fetch(`${installation.runs}/${run.id}/events`, { headers, signal: signal ?? null });
}

/** Adds whole events to `seen`. Returns true if the stream ended, false if it broke off. */
async function follow(answer: Response, seen: TimelineEvent[]): Promise<boolean> {
  let text = "";
  try {
    for await (const piece of (answer.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
      const frames = `${text}${piece}`.split("\n\n");
      text = frames.pop() ?? "";
      for (const frame of frames) {
        const [, id, data] = /^id: (\d+)\ndata: (.*)$/.exec(frame) ?? [];
        if (data === undefined) continue;
        const event = JSON.parse(data) as TimelineEvent;
        if (String(event.seq) !== id) throw new Error(`an event whose id is another's: ${frame}`);
        seen.push(event);
      }
    }
    return true;
  } catch (error) {
    if (error instanceof TypeError || (error as Error).name === "AbortError") return false;
    throw error;
  }
}

describe("an event stream over HTTP", () => {
  test("shows each event as it happens, and ends with the run", async () => {
    const run = await createRun();
    const answer = await openStream(run);
    expect(answer.headers.get("Content-Type")).toMatch(/^text\/event-stream/);
    const seen: TimelineEvent[] = [];
    const watching = follow(answer, seen);
    await until("created is seen", () => seen.at(-1)?.type === "created");
    for (const message of ["checking out", "testing", "uploading"]) {
      await beat(run, message);
      await until(`${message} is seen`, () => seen.at(-1)?.message === message);
    }
    await end(run);
    expect(await watching).toBe(true);
    expect(seen.map(({ type }) => type)).toEqual([
      "created",
      "started",
      "heartbeat",
      "heartbeat",
      "heartbeat",
      "ended",
    ]);
    expect((await openStream(run, seen.length)).status).toBe(204);
  });

  test("ends its subscription when its reader is gone", async () => {
    const run = await createRun();
    const readers = new AbortController();
    const opened = await Promise.all(
      Array.from({ length: SUBSCRIPTIONS_PER_RUN_AND_TOKEN }, () => openStream(run, 0, readers.signal)),
    );
    expect(opened.map(({ status }) => status)).toEqual(opened.map(() => 200));
    const followed = opened.map((answer) => follow(answer, []));
    const oneTooMany = await openStream(run);
    expect([oneTooMany.status, oneTooMany.headers.has("Retry-After")]).toEqual([503, true]);
    await oneTooMany.body?.cancel();

    readers.abort();
    expect(new Set(await Promise.all(followed))).toEqual(new Set([false]));
    // The runtime notices a reader that is gone only when it sends something, unless the connection was reset.
    const again = new AbortController();
    let answer = oneTooMany;
    let n = 0;
    await until("another subscription is possible", async () => {
      expect(await beat(run, `is anybody there? ${++n}`)).toBe(true);
      answer = await openStream(run, 0, again.signal);
      if (answer.status === 503) await answer.body?.cancel();
      return answer.status !== 503;
    });
    expect(answer.status).toBe(200);

    const seen: TimelineEvent[] = [];
    const watching = follow(answer, seen);
    expect(await beat(run, "still here")).toBe(true);
    await until("the heartbeat is seen", () => seen.at(-1)?.message === "still here");
    again.abort();
    expect(await watching).toBe(false);
  });

  test("cut by kill -9 resumes with Last-Event-ID, and each event comes once, also to the client", async () => {
    const run = await createRun();
    const here = { baseUrl: server.url, token: installation.token, org: "acme", project: "shop", env: "prod" };
    const { runs: client } = createClient({ ...here, retries: 30, retryDelayMs: 200 });
    const seenByClient: unknown[] = [];
    const clientWatches = (async () => {
      for await (const event of client.watch(run.id)) seenByClient.push(event);
    })();
    await until("the client's stream is open", () => seenByClient.length > 0);
    const clientWaits = client.wait(run.id);
    const seen: TimelineEvent[] = [];
    const acknowledged: string[] = [];
    let beats = 0;
    for (let life = 1; life <= 3; life++) {
      const watching = openStream(run, seen.length).then((answer) => follow(answer, seen));
      const beating = (async () => {
        for (let n = 0; n < 50 || life < 3; n++) {
          const message = `beat ${++beats}`;
          if (!(await beat(run, message))) return;
          acknowledged.push(message);
        }
        await end(run);
      })();
      if (life < 3) {
        const before = seen.length;
        await until("events come", () => seen.length > before + 30);
        await killAll(server);
      }
      expect(await watching).toBe(life === 3);
      await beating;
      if (life < 3) server = await installation.start();
    }
    expect(seen.map(({ seq }) => seq)).toEqual(seen.map((_, n) => n + 1));
    expect(seen.at(-1)?.type).toBe("ended");
    const messages = seen.flatMap(({ message }) => message ?? []);
    expect(new Set(messages).size).toBe(messages.length);
    expect(acknowledged.filter((message) => !messages.includes(message))).toEqual([]);
    await clientWatches;
    expect(seenByClient).toEqual(seen);
    expect(await clientWaits).toMatchObject({ id: run.id, status: "succeeded" });
    const { runs, token } = installation;
    const pages = await ask<TimelineEvent[]>("GET", `${runs}/${run.id}/events?limit=200`, { token });
    expect(pages.body).toEqual(seen.slice(0, pages.body.length));
  });
});
