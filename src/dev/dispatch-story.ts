/** The second part of `npm run demo`: a run that is dispatched, followed on its timeline as it happens. */

import { randomBytes } from "node:crypto";
import { startReceiver } from "./receiver.ts";
import { RUNS } from "./story.ts";
import { type RunBody, send, shorten, type Telling } from "./telling.ts";

const STREAM_MAX_MS = 30_000;

interface TimelineEvent {
  readonly seq: number;
  readonly type: string;
  readonly at: string;
  readonly [member: string]: unknown;
}

export async function tellDispatch(telling: Telling, origin: string, rootToken: string): Promise<void> {
  const signingSecret = `whsec_${randomBytes(32).toString("base64")}`;
  const receiver = await startReceiver(signingSecret);
  try {
    const runs = `${origin}${RUNS}`;
    telling.chapter("Dispatch a run to a receiver that fails twice, then accepts and does the work");
    const created = await send<RunBody>({
      method: "POST",
      url: runs,
      token: rootToken,
      body: {
        actionName: "deploy",
        parameters: { version: "1.2.3" },
        trigger: { type: "webhook", url: receiver.url, signingSecret, retry: { initialDelayMs: 300 } },
      },
    });
    telling.check("201, the run is pending", created.status === 201 && created.body.status === "pending");

    telling.chapter("Its timeline, as it happens");
    const { id } = created.body;
    console.log(`\n> GET ${RUNS}/${id}/events\n  Accept: text/event-stream\n`);
    const events: TimelineEvent[] = [];
    for await (const event of follow(`${runs}/${id}/events`, rootToken)) {
      events.push(event);
      const { seq, type, at, ...rest } = event;
      console.log(`  ${seq}  ${at.slice(11, 23)}  ${type.padEnd(16)}  ${shorten(JSON.stringify(rest))}`);
    }
    console.log();
    const answers = events.filter(({ type }) => type === "attempt_answered").map(({ status }) => status);
    telling.check("two attempts failed, the third was accepted", answers.join() === "503,503,202");
    telling.check("three heartbeats", events.filter(({ type }) => type === "heartbeat").length === 3);
    telling.check(
      "the end comes last",
      events.at(-1)?.type === "ended" && events.at(-1)?.status === "succeeded",
    );
    telling.check(
      "the receiver saw one id three times, signed each time",
      receiver.seen.length === 3 && receiver.seen.every((seen) => seen.id === id && seen.isSigned),
    );

    telling.chapter("And the run, as it is read by waiting for its end");
    const ended = await send<RunBody>({ method: "GET", url: `${runs}/${id}?wait=10`, token: rootToken });
    telling.check("it has succeeded", ended.status === 200 && ended.body.status === "succeeded");
  } finally {
    await receiver.close();
  }
}

/** The events of a stream until it ends. */
async function* follow(url: string, token: string): AsyncGenerator<TimelineEvent> {
  const answer = await fetch(url, {
    headers: { Authorization: `Bearer ${token}`, Accept: "text/event-stream" },
    redirect: "error",
    signal: AbortSignal.timeout(STREAM_MAX_MS),
  });
  let text = "";
  for await (const chunk of (answer.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const frames = text.split("\n\n");
    text = frames.pop() ?? "";
    for (const frame of frames) {
      const data = /^data: (.*)$/m.exec(frame)?.[1];
      if (data !== undefined) yield JSON.parse(data) as TimelineEvent;
    }
  }
}
