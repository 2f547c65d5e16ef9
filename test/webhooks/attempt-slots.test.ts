import { expect, it } from "vitest";
import { AttemptSlots } from "../../src/runs/coordinator/attempt-slots.ts";
import type { AttemptResult } from "../../src/webhooks/delivery.ts";

const ANSWER: AttemptResult = {
  ...{ status: 200, durationMs: 1, reason: "answered 200", isFinal: false },
  ...{ excerpt: null, retryAfter: null },
};

it("an attempt has its slot until it is answered or lost", async () => {
  const answers: PromiseWithResolvers<AttemptResult>[] = [];
  const send = () => {
    const answer = Promise.withResolvers<AttemptResult>();
    answers.push(answer);
    return answer.promise;
  };
  const slots = new AttemptSlots({ send }, { attempts: 2, bytes: 10 });
  const sealed = new Uint8Array(100);
  let hosts = 0;
  const attempt = (weight: number) =>
    slots.send(
      { scope: "a/b/c", runId: "r", attempt: 1, sealed, isUnsure: false },
      { host: `${++hosts}.example`, weight, attempt: 1 },
      0,
    );
  const room = () =>
    [0, 4, 5, 10, 11].filter((weight) => slots.hasRoomFor({ host: "other.example", weight, attempt: 0 }, 0));

  expect(room()).toEqual([0, 4, 5, 10]);
  const answered = attempt(6);
  expect(room()).toEqual([0, 4]);
  const lost = attempt(4);
  expect(room()).toEqual([]);
  answers[0]?.resolve(ANSWER);
  expect(await answered).toBe(ANSWER);
  expect(room()).toEqual([0, 4, 5]);
  answers[1]?.reject(new Error("the isolate is gone"));
  await expect(lost).rejects.toThrow("the isolate is gone");
  expect(room()).toEqual([0, 4, 5, 10]);
});

it("a host that fails is remembered, however many hosts that work are seen", async () => {
  let status = 503;
  const send = async () => ({ ...ANSWER, status });
  const slots = new AttemptSlots({ send }, { attempts: 500, bytes: 1000 });
  const attempt = { scope: "a/b/c", runId: "r", attempt: 1, sealed: new Uint8Array(1), isUnsure: false };
  const isOpen = (host: string) => slots.hasRoomFor({ host, weight: 1, attempt: 0 }, 1001);
  for (let n = 0; n < 5; n++)
    await slots.send(attempt, { host: "dead.example", weight: 1, attempt: 1 }, 1000);
  status = 200;
  for (let n = 0; n < 3000; n++) {
    await slots.send(attempt, { host: `h${n}.example`, weight: 1, attempt: 1 }, 1000);
  }
  expect([isOpen("dead.example"), isOpen("h0.example")]).toEqual([false, true]);
});
