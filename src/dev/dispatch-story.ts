/** The second part of `npm run demo`: the service dispatches a run, and the demo follows its timeline live. */

import { randomBytes } from "node:crypto";
import { EXAMPLE_RUNS } from "./example-place.ts";
import { startReceiver } from "./receiver.ts";
import { type Demo, type RunBody, send, shorten } from "./telling.ts";

const STREAM_MAX_MS = 30_000;

interface TimelineEvent {
  readonly seq: number;
  readonly type: string;
  readonly at: string;
  readonly [member: string]: unknown;
}

export async function showDispatch(demo: Demo, origin: string, rootToken: string): Promise<void> {
  const signingSecret = `whsec_${randomBytes(32).toString("base64")}`;
  const receiver = await startReceiver(signingSecret);
  try {
    const runs = `${origin}${EXAMPLE_RUNS}`;
    demo.chapter("Dispatch a run to a receiver that fails twice and then does the work");
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
    demo.check("201: the run is pending", created.status === 201 && created.body.status === "pending");

    demo.chapter("Follow its timeline live");
    const { id } = created.body;
    console.log(`\n> GET ${EXAMPLE_RUNS}/${id}/events\n  Accept: text/event-stream\n`);
    const events: TimelineEvent[] = [];
    for await (const event of follow(`${runs}/${id}/events`, rootToken)) {
      events.push(event);
      const { seq, type, at, ...rest } = event;
      console.log(`  ${seq}  ${at.slice(11, 23)}  ${type.padEnd(16)}  ${shorten(JSON.stringify(rest))}`);
    }
    console.log();
    const answers = events.filter(({ type }) => type === "attempt_answered").map(({ status }) => status);
    demo.check("two attempts failed, and the third was accepted", answers.join() === "503,503,202");
    demo.check("the receiver sent three heartbeats", events.filter(({ type }) => type === "heartbeat").length === 3);
    demo.check(
      "the last event is the run's end",
      events.at(-1)?.type === "ended" && events.at(-1)?.status === "succeeded",
    );
    demo.check(
      "all three attempts had the same id and a valid signature",
      receiver.seen.length === 3 && receiver.seen.every((seen) => seen.id === id && seen.isSigned),
    );

    demo.chapter("Read the run, waiting for its end");
    const ended = await send<RunBody>({ method: "GET", url: `${runs}/${id}?wait=10`, token: rootToken });
    demo.check("200: the run succeeded", ended.status === 200 && ended.body.status === "succeeded");
  } finally {
    await receiver.close();
  }
}

/** The events of a stream, until the stream ends. */
async function* follow(url: string, token: string): AsyncGenerator<TimelineEvent> {
  const response = await fetch(url, {
    headers: { Authorization: `Bearer ${token}`, Accept: "text/event-stream" },
    redirect: "error",
    signal: AbortSignal.timeout(STREAM_MAX_MS),
  });
  let text = "";
  for await (const chunk of (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const frames = text.split("\n\n");
    text = frames.pop() ?? "";
    for (const frame of frames) {
      const data = /^data: (.*)$/m.exec(frame)?.[1];
      if (data !== undefined) yield JSON.parse(data) as TimelineEvent;
    }
  }
}
