/**
 * A stream without news, on a fake clock. It is alone in its file: a batch of another object that begins on the fake
 * clock would go on in the object that moves the clock, and none may use what is another's.
 */

import { runInDurableObject } from "cloudflare:test";
import { expect, it, vi } from "vitest";
import { coordinator, until } from "../../../support/direct.ts";
import { replicated } from "../../../support/replicated.ts";
import { givenRun, report } from "../../../support/requests.ts";
import { openStream } from "../../../support/runs/stream.ts";

it("a stream sends a comment after 15 s without news, and still sends the next event", async () => {
  const { path, run, runPath } = await givenRun();
  // This run has a batch too. It must be over before the clock is the test's.
  await replicated(path);
  const stream = await openStream(runPath, { lastEventId: 1 });
  await stream.next();
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  let frame: unknown = "nothing yet";
  const coming = stream.next().then((next) => {
    frame = next;
  });
  // The test's own timer, and the one of the coordinator that waits for news.
  await until(async () => vi.getTimerCount() === 2);
  // In the object, because no other may resolve its promises.
  const passInside = (ms: number) => runInDurableObject(coordinator(path), () => void vi.advanceTimersByTime(ms));
  await passInside(14_900);
  await scheduler.wait(20);
  expect(frame).toBe("nothing yet");
  await passInside(100);
  await coming;
  expect(frame).toEqual({ id: null, event: null, data: null, retry: null, isComment: true });
  vi.useRealTimers();
  const end = stream.rest();
  await report(run, { status: "succeeded" });
  expect((await end).map(({ seq }) => seq)).toEqual([2, 3]);
});
